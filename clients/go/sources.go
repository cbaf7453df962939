package rfe

import (
	"context"
	"iter"

	metadatav1 "rfe.dev/clients/go/gen/rfe/metadata/v1"
)

// ApplyOption is a setting of [Client.ApplySources].
type ApplyOption func(*metadatav1.ApplySourcesRequest)

// Prune deletes declared sources that are not among those given.
func Prune() ApplyOption { return func(r *metadatav1.ApplySourcesRequest) { r.Prune = true } }

// ValidateOnly only checks.
func ValidateOnly() ApplyOption {
	return func(r *metadatav1.ApplySourcesRequest) { r.ValidateOnly = true }
}

// ApplySources creates and updates sources, all or none, and says of each what it did: created, updated, unchanged or
// deleted. A second call with the same ones changes nothing. The error names every field at fault, such as
// `sources[1].config.url`.
func (c *Client) ApplySources(
	ctx context.Context, sources []*metadatav1.Source, options ...ApplyOption,
) ([]*metadatav1.AppliedSource, error) {
	request := &metadatav1.ApplySourcesRequest{Sources: sources}
	for _, option := range options {
		option(request)
	}
	answer, err := safe(ctx, c.metadata.service, c.metadata.calls.ApplySources, request)
	return answer.GetApplied(), err
}

// CreateSource declares a source. The error is [ErrAlreadyExists] if one of the name exists.
func (c *Client) CreateSource(ctx context.Context, source *metadatav1.Source) (*metadatav1.Source, error) {
	request := &metadatav1.CreateSourceRequest{Source: source}
	answer, err := once(ctx, c.metadata.service, c.metadata.calls.CreateSource, request)
	return filled(c.metadata.service, answer.GetSource(), err, "source")
}

// UpdateSource replaces a source's spec. The error is [ErrNotFound] if there is none.
func (c *Client) UpdateSource(ctx context.Context, source *metadatav1.Source) (*metadatav1.Source, error) {
	request := &metadatav1.UpdateSourceRequest{Source: source}
	answer, err := safe(ctx, c.metadata.service, c.metadata.calls.UpdateSource, request)
	return filled(c.metadata.service, answer.GetSource(), err, "source")
}

// Source is one source. The error is [ErrNotFound] if there is none.
func (c *Client) Source(ctx context.Context, name string) (*metadatav1.Source, error) {
	request := &metadatav1.GetSourceRequest{Name: name}
	answer, err := safe(ctx, c.metadata.service, c.metadata.calls.GetSource, request)
	return filled(c.metadata.service, answer.GetSource(), err, "source")
}

// Sources are the sources by name. The request may say more, such as ShowDeleted; nil: all, 500 a page.
func (c *Client) Sources(
	ctx context.Context, request *metadatav1.ListSourcesRequest,
) iter.Seq2[*metadatav1.Source, error] {
	return listed(ctx, c.metadata.service, c.metadata.calls.ListSources, request,
		func(r *metadatav1.ListSourcesRequest) paging { return paging{&r.PageSize, &r.PageToken} },
		(*metadatav1.ListSourcesResponse).GetSources)
}

// DeleteSource ends the reading of a source; its dataset stays readable. The error is [ErrNotFound] if there is none.
func (c *Client) DeleteSource(ctx context.Context, name string) error {
	request := &metadatav1.DeleteSourceRequest{Name: name}
	_, err := once(ctx, c.metadata.service, c.metadata.calls.DeleteSource, request)
	return err
}
