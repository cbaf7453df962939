package rfe

import (
	"context"
	"iter"

	metadatav1 "rfe.dev/clients/go/gen/rfe/metadata/v1"
)

// Dataset is one dataset with its columns. The error is [ErrNotFound] if there is none.
func (c *Client) Dataset(ctx context.Context, name string) (*metadatav1.Dataset, error) {
	request := &metadatav1.GetDatasetRequest{Name: name}
	answer, err := safe(ctx, c.metadata.service, c.metadata.calls.GetDataset, request)
	return filled(c.metadata.service, answer.GetDataset(), err, "dataset")
}

// Datasets are the datasets by name; request may be nil.
func (c *Client) Datasets(
	ctx context.Context, request *metadatav1.ListDatasetsRequest,
) iter.Seq2[*metadatav1.Dataset, error] {
	return listed(ctx, c.metadata.service, c.metadata.calls.ListDatasets, request,
		func(r *metadatav1.ListDatasetsRequest) paging { return paging{&r.PageSize, &r.PageToken} },
		(*metadatav1.ListDatasetsResponse).GetDatasets)
}

// DropDataset drops the dataset of a deleted source: no later snapshot shows it, and its files are deleted once nobody reads
// older ones. The error is [ErrNotFound] if it does not exist or is dropped already, [ErrFailedPrecondition] if its source
// is not deleted.
func (c *Client) DropDataset(ctx context.Context, name string) (*metadatav1.DropDatasetResponse, error) {
	request := &metadatav1.DropDatasetRequest{Name: name}
	return once(ctx, c.metadata.service, c.metadata.calls.DropDataset, request)
}

// SchemaVersions are the schema versions of the request's dataset, newest first.
func (c *Client) SchemaVersions(
	ctx context.Context, request *metadatav1.ListSchemaVersionsRequest,
) iter.Seq2[*metadatav1.SchemaVersion, error] {
	return listed(ctx, c.metadata.service, c.metadata.calls.ListSchemaVersions, request,
		func(r *metadatav1.ListSchemaVersionsRequest) paging { return paging{&r.PageSize, &r.PageToken} },
		(*metadatav1.ListSchemaVersionsResponse).GetSchemaVersions)
}

// DataFiles are the data files of the request's dataset that a snapshot shows; snapshot 0 means the newest when each page is
// asked for.
func (c *Client) DataFiles(
	ctx context.Context, request *metadatav1.ListDataFilesRequest,
) iter.Seq2[*metadatav1.DataFile, error] {
	return listed(ctx, c.metadata.service, c.metadata.calls.ListDataFiles, request,
		func(r *metadatav1.ListDataFilesRequest) paging { return paging{&r.PageSize, &r.PageToken} },
		(*metadatav1.ListDataFilesResponse).GetDataFiles)
}

// Freshness says how fresh the sources are; request may be nil.
func (c *Client) Freshness(
	ctx context.Context, request *metadatav1.ListFreshnessRequest,
) iter.Seq2[*metadatav1.Freshness, error] {
	return listed(ctx, c.metadata.service, c.metadata.calls.ListFreshness, request,
		func(r *metadatav1.ListFreshnessRequest) paging { return paging{&r.PageSize, &r.PageToken} },
		(*metadatav1.ListFreshnessResponse).GetFreshness)
}

// FreshnessOf says how fresh one source is. The error is [ErrNotFound] if there is none.
func (c *Client) FreshnessOf(ctx context.Context, source string) (*metadatav1.Freshness, error) {
	request := &metadatav1.GetFreshnessRequest{Source: source}
	answer, err := safe(ctx, c.metadata.service, c.metadata.calls.GetFreshness, request)
	return filled(c.metadata.service, answer.GetFreshness(), err, "freshness")
}
