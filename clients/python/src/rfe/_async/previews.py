"""Previews: what a run would make of a source."""

from __future__ import annotations

from rfe import _calls as calls
from rfe._async.wire import Wire
from rfe.ingest.v1.ingest_service_pb2 import PreviewSourceRequest
from rfe.ingest.v1.preview_pb2 import Preview
from rfe.metadata.v1.source_pb2 import Source


class Previews:
    """What a client sees of sources before they are read. `deadline` is in seconds."""

    _wire: Wire

    async def preview_source(self, name: str, rows: int = 10, *, deadline: float | None = None) -> Preview:
        """The first records of a declared source, and what a run would make of them. Lands nothing."""
        request = PreviewSourceRequest(name=name, rows=rows)
        return (await self._wire.call(calls.PREVIEW_SOURCE, request, deadline)).preview

    async def preview_spec(self, source: Source, rows: int = 10, *, deadline: float | None = None) -> Preview:
        """The same of a source that need not be declared."""
        request = PreviewSourceRequest(source=source, rows=rows)
        return (await self._wire.call(calls.PREVIEW_SOURCE, request, deadline)).preview
