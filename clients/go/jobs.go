package rfe

import (
	"context"
	"iter"

	"github.com/google/uuid"

	ingestv1 "rfe.dev/clients/go/gen/rfe/ingest/v1"
)

// SubmitOption is a setting of [Client.SubmitJob].
type SubmitOption func(*ingestv1.SubmitJobRequest)

// RequestID makes a call repeatable over the life of a process: it is a UUID, and a second call with it answers with the
// first one's job, whose id it is.
func RequestID(id string) SubmitOption {
	return func(r *ingestv1.SubmitJobRequest) { r.RequestId = id }
}

// SubmitJob queues a job that reads a pull source. While one runs, one more waits; a third call answers with the waiting one,
// and Created is false. The error is [ErrNotFound] if the source does not exist, [ErrFailedPrecondition] if it takes no
// jobs.
func (c *Client) SubmitJob(
	ctx context.Context, source string, options ...SubmitOption,
) (*ingestv1.SubmitJobResponse, error) {
	request := &ingestv1.SubmitJobRequest{Source: source}
	for _, option := range options {
		option(request)
	}
	if request.RequestId == "" {
		request.RequestId = newID()
	}
	answer, err := safe(ctx, c.ingest.service, c.ingest.calls.SubmitJob, request)
	if _, err := filled(c.ingest.service, answer.GetJob(), err, "job"); err != nil {
		return nil, err
	}
	return answer, nil
}

// Job is one job. The error is [ErrNotFound] if there is none.
func (c *Client) Job(ctx context.Context, jobID string) (*ingestv1.Job, error) {
	request := &ingestv1.GetJobRequest{JobId: jobID}
	answer, err := safe(ctx, c.ingest.service, c.ingest.calls.GetJob, request)
	return filled(c.ingest.service, answer.GetJob(), err, "job")
}

// Jobs are the jobs, newest first. The request may say of which source and in which state; nil: all, 500 a page.
func (c *Client) Jobs(ctx context.Context, request *ingestv1.ListJobsRequest) iter.Seq2[*ingestv1.Job, error] {
	return listed(ctx, c.ingest.service, c.ingest.calls.ListJobs, request,
		func(r *ingestv1.ListJobsRequest) paging { return paging{&r.PageSize, &r.PageToken} },
		(*ingestv1.ListJobsResponse).GetJobs)
}

// CancelJob cancels a pull, replay or backfill job. After nil no row of it appears. The error is [ErrFailedPrecondition] for
// a job that has ended, and for one of events.
func (c *Client) CancelJob(ctx context.Context, jobID string) (*ingestv1.Job, error) {
	request := &ingestv1.CancelJobRequest{JobId: jobID}
	answer, err := once(ctx, c.ingest.service, c.ingest.calls.CancelJob, request)
	return filled(c.ingest.service, answer.GetJob(), err, "job")
}

// PauseSource stops the work on a source's jobs; accepting goes on.
func (c *Client) PauseSource(ctx context.Context, source string) error {
	request := &ingestv1.PauseSourceRequest{Source: source}
	_, err := safe(ctx, c.ingest.service, c.ingest.calls.PauseSource, request)
	return err
}

// ResumeSource works on a paused source's jobs again.
func (c *Client) ResumeSource(ctx context.Context, source string) error {
	request := &ingestv1.ResumeSourceRequest{Source: source}
	_, err := safe(ctx, c.ingest.service, c.ingest.calls.ResumeSource, request)
	return err
}

// QueueStats says what is queued, by source and in total; an empty source means all.
func (c *Client) QueueStats(ctx context.Context, source string) (*ingestv1.GetQueueStatsResponse, error) {
	request := &ingestv1.GetQueueStatsRequest{Source: source}
	return safe(ctx, c.ingest.service, c.ingest.calls.GetQueueStats, request)
}

// newID is a UUIDv7; such ids sort by time.
func newID() string { return uuid.Must(uuid.NewV7()).String() }
