"""Datasets, their schemas and files, and how fresh they are."""

from __future__ import annotations

from collections.abc import AsyncIterator

from rfe import _calls as calls
from rfe._async.listing import PAGE_SIZE, pages
from rfe._async.wire import Wire
from rfe.metadata.v1.dataset_pb2 import DataFile, Dataset, Freshness, Layer, SchemaVersion
from rfe.metadata.v1.metadata_service_pb2 import (
    DropDatasetRequest,
    DropDatasetResponse,
    GetDatasetRequest,
    GetFreshnessRequest,
    ListDataFilesRequest,
    ListDatasetsRequest,
    ListFreshnessRequest,
    ListSchemaVersionsRequest,
)


class Datasets:
    """What a client does with datasets. `deadline` is in seconds."""

    _wire: Wire

    async def dataset(self, name: str, *, deadline: float | None = None) -> Dataset:
        """One dataset. Raises NotFound if it does not exist."""
        return (await self._wire.call(calls.GET_DATASET, GetDatasetRequest(name=name), deadline)).dataset

    def datasets(self, *, page_size: int = PAGE_SIZE) -> AsyncIterator[Dataset]:
        """The datasets by name."""
        return pages(self._wire, calls.LIST_DATASETS, ListDatasetsRequest(), lambda page: page.datasets, page_size)

    async def drop_dataset(self, name: str, *, deadline: float | None = None) -> DropDatasetResponse:
        """Ends a dataset whose source is deleted. Raises FailedPrecondition if that is not."""
        return await self._wire.call(calls.DROP_DATASET, DropDatasetRequest(name=name), deadline)

    def schema_versions(self, dataset: str, *, page_size: int = PAGE_SIZE) -> AsyncIterator[SchemaVersion]:
        """A dataset's schema versions, newest first."""
        request = ListSchemaVersionsRequest(dataset=dataset)
        return pages(self._wire, calls.LIST_SCHEMA_VERSIONS, request, lambda page: page.schema_versions, page_size)

    def data_files(
        self,
        dataset: str,
        *,
        snapshot: int = 0,
        layer: Layer = Layer.LAYER_UNSPECIFIED,
        page_size: int = PAGE_SIZE,
    ) -> AsyncIterator[DataFile]:
        """The files of a dataset that a snapshot shows; 0 means the newest."""
        request = ListDataFilesRequest(dataset=dataset, snapshot=snapshot, layer=layer)
        return pages(self._wire, calls.LIST_DATA_FILES, request, lambda page: page.data_files, page_size)

    def freshness(self, *, page_size: int = PAGE_SIZE) -> AsyncIterator[Freshness]:
        """How fresh each source's rows are."""
        return pages(self._wire, calls.LIST_FRESHNESS, ListFreshnessRequest(), lambda page: page.freshness, page_size)

    async def freshness_of(self, source: str, *, deadline: float | None = None) -> Freshness:
        """How fresh one source's rows are. Raises NotFound if it does not exist."""
        request = GetFreshnessRequest(source=source)
        return (await self._wire.call(calls.GET_FRESHNESS, request, deadline)).freshness
