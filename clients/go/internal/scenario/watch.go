package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/uuid"

	rfe "rfe.dev/clients/go"
	ingestv1 "rfe.dev/clients/go/gen/rfe/ingest/v1"
)

func stateOf(job *ingestv1.Job) string {
	return strings.TrimPrefix(job.GetState().String(), "JOB_STATE_")
}

func (r *run) watch(ctx context.Context) error {
	id := rfe.RequestID(uuid.NewString())
	submitted, err := r.client.SubmitJob(ctx, numbers, id)
	if err != nil {
		return err
	}
	var last *ingestv1.Job
	ended := 0
	for job, err := range r.client.WatchJob(ctx, submitted.GetJob().GetJobId()) {
		if err != nil {
			return err
		}
		if last = job; rfe.HasEnded(job) {
			ended++
		}
	}
	if last == nil {
		return fmt.Errorf("the watch told nothing")
	}
	r.document["watched"] = map[string]any{
		"state":       stateOf(last),
		"rows_landed": last.GetRowsLanded(),
		"ended_once":  ended == 1 && rfe.HasEnded(last),
	}
	again, err := r.client.SubmitJob(ctx, numbers, id)
	if err != nil {
		return err
	}
	r.document["same_job"] = again.GetJob().GetJobId() == submitted.GetJob().GetJobId() && !again.GetCreated()
	return nil
}

// landed waits until no event of a source is in the queue.
func (r *run) landed(ctx context.Context, source string) error {
	return until("the events of "+source+" land", func() (bool, error) {
		stats, err := r.client.QueueStats(ctx, source)
		return stats.GetTotal().GetEvents() == 0, err
	})
}
