package rfe_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	rfe "rfe.dev/clients/go"
	ingestv1 "rfe.dev/clients/go/gen/rfe/ingest/v1"
)

type watchStream = grpc.ServerStreamingServer[ingestv1.WatchJobResponse]

const (
	running   = ingestv1.JobState_JOB_STATE_RUNNING
	succeeded = ingestv1.JobState_JOB_STATE_SUCCEEDED
	failed    = ingestv1.JobState_JOB_STATE_FAILED
)

func tell(stream watchStream, states ...ingestv1.JobState) {
	for _, state := range states {
		_ = stream.Send(&ingestv1.WatchJobResponse{Job: &ingestv1.Job{JobId: "j", State: state}})
	}
}

func TestAWatchTellsTheStatesAndEndsBehindTheLast(t *testing.T) {
	p := &platform{watchJob: func(_ string, stream watchStream) error {
		tell(stream, running, running, failed)
		return nil
	}}
	jobs, err := rfe.All(p.start(t).WatchJob(t.Context(), "j"))
	must(t, err)
	equal(t, "states", len(jobs), 3)
	equal(t, "ended", rfe.HasEnded(jobs[2]) && !rfe.HasEnded(jobs[1]), true)
}

func TestLeavingTheLoopEndsTheWatch(t *testing.T) {
	gone := make(chan struct{})
	p := &platform{watchJob: func(_ string, stream watchStream) error {
		tell(stream, running)
		<-stream.Context().Done()
		close(gone)
		return nil
	}}
	for range p.start(t).WatchJob(t.Context(), "j") {
		break
	}
	select {
	case <-gone:
	case <-time.After(5 * time.Second):
		t.Error("the service still watches")
	}
}

func TestAWatchObeysItsContextAndHasNoDeadlineOfItsOwn(t *testing.T) {
	var had atomic.Bool
	p := &platform{watchJob: func(_ string, stream watchStream) error {
		_, has := stream.Context().Deadline()
		had.Store(has)
		tell(stream, running)
		<-stream.Context().Done()
		return nil
	}}
	client := p.start(t, rfe.WithDeadline(50*time.Millisecond))
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(200*time.Millisecond, cancel)
	jobs, err := rfe.All(client.WatchJob(ctx, "j"))
	equal(t, "cancelled", jobs == nil && errors.Is(err, context.Canceled), true)
	equal(t, "deadline", had.Load(), false)
	ctx, cancel = context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err = rfe.All(client.WatchJob(ctx, "j"))
	equal(t, "late", errors.Is(err, rfe.ErrDeadlineExceeded), true)
}

func TestAWaitGoesOnOverARestartOfItsService(t *testing.T) {
	var watches atomic.Int64
	p := &platform{watchJob: func(_ string, stream watchStream) error {
		switch watches.Add(1) {
		case 1:
			tell(stream, running)
			return refusal(codes.Unavailable, "SHUTTING_DOWN", "stopping")
		case 2, 3, 4, 5, 6:
			return away
		case 7:
			tell(stream, running) // An end without an end of the job.
			return nil
		default:
			tell(stream, running, succeeded)
			return nil
		}
	}}
	var seen []ingestv1.JobState
	job, err := p.start(t).WaitJob(t.Context(), "j", func(job *ingestv1.Job) { seen = append(seen, job.GetState()) })
	if watches.Load() < 7 {
		t.Fatalf("gave up after %d watches: %v", watches.Load(), err)
	}
	equal(t, "a watch that ends early is a defect", errors.Is(err, rfe.ErrInternal) && job == nil, true)
	job, err = p.start(t).WaitJob(t.Context(), "j", func(job *ingestv1.Job) { seen = append(seen, job.GetState()) })
	must(t, err)
	equal(t, "state", job.GetState(), succeeded)
	equal(t, "progress", len(seen), 4)
}

func TestAWaitForAJobThatFailsIsNoError(t *testing.T) {
	p := &platform{watchJob: func(_ string, stream watchStream) error {
		tell(stream, failed)
		return nil
	}}
	job, err := p.start(t).WaitJob(t.Context(), "j", nil)
	must(t, err)
	equal(t, "state", job.GetState(), failed)
}

func TestAWaitEndsAtOnceWhereItIsNoUse(t *testing.T) {
	p := &platform{watchJob: func(string, watchStream) error { return refusal(codes.NotFound, "JOB_NOT_FOUND", "no") }}
	_, err := p.start(t).WaitJob(t.Context(), "j", nil)
	equal(t, "not found", errors.Is(err, rfe.ErrNotFound), true)
	p = &platform{watchJob: func(_ string, stream watchStream) error {
		tell(stream, running)
		<-stream.Context().Done()
		return nil
	}}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	begun := time.Now()
	_, err = p.start(t).WaitJob(ctx, "j", nil)
	equal(t, "late", errors.Is(err, rfe.ErrDeadlineExceeded), true)
	equal(t, "prompt", time.Since(begun) < 2*time.Second, true)
}

func TestAWaitGivesUpOnAServiceThatStaysAway(t *testing.T) {
	client := connect(t, "http://127.0.0.1:1")
	client.SetWaitPatience(300 * time.Millisecond)
	begun := time.Now()
	_, err := client.WaitJob(t.Context(), "j", nil)
	equal(t, "unreachable", errors.Is(err, rfe.ErrUnreachable), true)
	if waited := time.Since(begun); waited < 300*time.Millisecond || waited > 5*time.Second {
		t.Errorf("gave up after %v", waited)
	}
}
