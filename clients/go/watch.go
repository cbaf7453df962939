package rfe

import (
	"context"
	"errors"
	"io"
	"iter"
	"time"

	"google.golang.org/grpc"

	ingestv1 "rfe.dev/clients/go/gen/rfe/ingest/v1"
)

const (
	waitPause = 200 * time.Millisecond
	// A service that restarts must not end the waiting for a job that goes on.
	waitPatience = 30 * time.Second
)

// HasEnded is true if nothing more happens to the job.
func HasEnded(job *ingestv1.Job) bool {
	switch job.GetState() {
	case ingestv1.JobState_JOB_STATE_SUCCEEDED, ingestv1.JobState_JOB_STATE_FAILED,
		ingestv1.JobState_JOB_STATE_CANCELLED:
		return true
	default:
		return false
	}
}

// WatchJob is the job as it is now, then as it is after each change, and ends behind the state in which the job ended. Who
// reads slowly misses states between, never the last one. Leaving the loop ends the watch. An error is the last step: the
// job does not exist, the context ended, or the watch broke off, also because the service is stopping; the job can be
// watched again.
func (c *Client) WatchJob(ctx context.Context, jobID string) iter.Seq2[*ingestv1.Job, error] {
	return func(yield func(*ingestv1.Job, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		watch, err := c.openWatch(ctx, jobID)
		for err == nil {
			var job *ingestv1.Job
			if job, err = watch.next(); err == nil && !yield(job, nil) {
				return
			}
		}
		if !errors.Is(err, io.EOF) {
			yield(nil, err)
		}
	}
}

// WaitJob waits until a job has ended; progress, unless nil, sees it as it is now and after each change. That the job failed
// is no error. The wait goes on over a restart of the service; the error says that the job does not exist, that the
// service stays away for more than 30 s, or that the context ended.
func (c *Client) WaitJob(
	ctx context.Context, jobID string, progress func(*ingestv1.Job),
) (*ingestv1.Job, error) {
	var awaySince time.Time
	for {
		broke := c.ingest.broken("the watch ended before the job")
		for job, err := range c.WatchJob(ctx, jobID) {
			if err != nil {
				broke = err
				break
			}
			awaySince = time.Time{}
			if progress != nil {
				progress(job)
			}
			if HasEnded(job) {
				return job, nil
			}
		}
		if awaySince.IsZero() {
			awaySince = time.Now()
		}
		if ctx.Err() != nil || !isTransient(broke) || time.Since(awaySince) > c.waitPatience {
			return nil, broke
		}
		if ended := c.ingest.pause(ctx, waitPause); ended != nil {
			return nil, ended
		}
	}
}

// jobWatch is a watch that is open: its first message was read to know that it is.
type jobWatch struct {
	at     *service
	stream grpc.ServerStreamingClient[ingestv1.WatchJobResponse]
	first  *ingestv1.WatchJobResponse
}

func (c *Client) openWatch(ctx context.Context, jobID string) (*jobWatch, error) {
	request := &ingestv1.WatchJobRequest{JobId: jobID}
	return repeated(ctx, c.ingest.service, func() (*jobWatch, error) {
		stream, err := c.ingest.calls.WatchJob(ctx, request)
		if err != nil {
			return nil, err
		}
		first, err := stream.Recv()
		if err != nil {
			return nil, err
		}
		return &jobWatch{at: c.ingest.service, stream: stream, first: first}, nil
	})
}

func (w *jobWatch) next() (*ingestv1.Job, error) {
	message := w.first
	w.first = nil
	if message == nil {
		var err error
		if message, err = w.stream.Recv(); err != nil {
			return nil, err
		}
	}
	return filled(w.at, message.GetJob(), nil, "job")
}

func isTransient(err error) bool {
	var failed *Error
	return errors.As(err, &failed) && failed.Transient()
}
