package rfe

import (
	"context"
	"iter"

	metadatav1 "rfe.dev/clients/go/gen/rfe/metadata/v1"
)

// Run is one run. The error is [ErrNotFound] if there is none.
func (c *Client) Run(ctx context.Context, runID string) (*metadatav1.Run, error) {
	request := &metadatav1.GetRunRequest{RunId: runID}
	answer, err := safe(ctx, c.metadata.service, c.metadata.calls.GetRun, request)
	return filled(c.metadata.service, answer.GetRun(), err, "run")
}

// Runs are the runs, newest first. The request may say of which source, in which states and of which kinds; nil: all, 500 a
// page.
func (c *Client) Runs(ctx context.Context, request *metadatav1.ListRunsRequest) iter.Seq2[*metadatav1.Run, error] {
	return listed(ctx, c.metadata.service, c.metadata.calls.ListRuns, request,
		func(r *metadatav1.ListRunsRequest) paging { return paging{&r.PageSize, &r.PageToken} },
		(*metadatav1.ListRunsResponse).GetRuns)
}
