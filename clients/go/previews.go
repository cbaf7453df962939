package rfe

import (
	"context"
	"time"

	ingestv1 "rfe.dev/clients/go/gen/rfe/ingest/v1"
	metadatav1 "rfe.dev/clients/go/gen/rfe/metadata/v1"
)

// The platform itself gives up on a preview after this time; its own answer says more than a deadline.
const previewTime = 30 * time.Second

// PreviewSource is the first rows of a declared source, and what a run would make of them. It lands nothing, and has 30 s more
// than other calls where the context has no deadline. 0 rows mean 10, and 1,000 are the most. The error is [ErrNotFound] if
// the source does not exist, [ErrFailedPrecondition] if it is pushed to or can't be read.
func (c *Client) PreviewSource(ctx context.Context, name string, rows int) (*ingestv1.Preview, error) {
	return c.preview(ctx, &ingestv1.PreviewSourceRequest{
		Of: &ingestv1.PreviewSourceRequest_Name{Name: name}, Rows: narrow(rows),
	})
}

// PreviewSpec is as [Client.PreviewSource], of a source that need not be declared.
func (c *Client) PreviewSpec(
	ctx context.Context, source *metadatav1.Source, rows int,
) (*ingestv1.Preview, error) {
	return c.preview(ctx, &ingestv1.PreviewSourceRequest{
		Of: &ingestv1.PreviewSourceRequest_Source{Source: source}, Rows: narrow(rows),
	})
}

func (c *Client) preview(ctx context.Context, request *ingestv1.PreviewSourceRequest) (*ingestv1.Preview, error) {
	patient := *c.ingest.service
	if patient.deadline > 0 {
		patient.deadline += previewTime
	}
	answer, err := safe(ctx, &patient, c.ingest.calls.PreviewSource, request)
	return filled(&patient, answer.GetPreview(), err, "preview")
}
