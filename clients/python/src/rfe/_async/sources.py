"""Sources."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable

from rfe import _calls as calls
from rfe._async.listing import PAGE_SIZE, pages
from rfe._async.wire import Wire
from rfe.metadata.v1.metadata_service_pb2 import (
    AppliedSource,
    ApplySourcesRequest,
    CreateSourceRequest,
    DeleteSourceRequest,
    GetSourceRequest,
    ListSourcesRequest,
    UpdateSourceRequest,
)
from rfe.metadata.v1.source_pb2 import Source


class Sources:
    """What a client does with sources. `deadline` is in seconds."""

    _wire: Wire

    async def apply_sources(
        self,
        sources: Iterable[Source],
        *,
        prune: bool = False,
        validate_only: bool = False,
        deadline: float | None = None,
    ) -> list[AppliedSource]:
        """Creates and updates sources, all or none. A second call with the same ones changes nothing.

        `prune` deletes declared sources that are not among those given, `validate_only` only checks.
        Raises InvalidArgument with every field at fault, such as `sources[1].config.url`.
        """
        request = ApplySourcesRequest(sources=sources, prune=prune, validate_only=validate_only)
        answer = await self._wire.call(calls.APPLY_SOURCES, request, deadline)
        return list(answer.applied)

    async def create_source(self, source: Source, *, deadline: float | None = None) -> Source:
        """Declares a source. Raises AlreadyExists if one of the name exists."""
        request = CreateSourceRequest(source=source)
        return (await self._wire.call(calls.CREATE_SOURCE, request, deadline)).source

    async def update_source(self, source: Source, *, deadline: float | None = None) -> Source:
        """Changes a source to what is given. Raises NotFound if it does not exist."""
        request = UpdateSourceRequest(source=source)
        return (await self._wire.call(calls.UPDATE_SOURCE, request, deadline)).source

    async def source(self, name: str, *, deadline: float | None = None) -> Source:
        """One source. Raises NotFound if it does not exist."""
        return (await self._wire.call(calls.GET_SOURCE, GetSourceRequest(name=name), deadline)).source

    def sources(self, *, show_deleted: bool = False, page_size: int = PAGE_SIZE) -> AsyncIterator[Source]:
        """The sources by name."""
        request = ListSourcesRequest(show_deleted=show_deleted)
        return pages(self._wire, calls.LIST_SOURCES, request, lambda page: page.sources, page_size)

    async def delete_source(self, name: str, *, deadline: float | None = None) -> None:
        """Ends the reading of a source; its dataset stays readable. Raises NotFound if it does not exist."""
        await self._wire.call(calls.DELETE_SOURCE, DeleteSourceRequest(name=name), deadline)
