"""Runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rfe import _calls as calls
from rfe._sync.listing import PAGE_SIZE, pages
from rfe._sync.wire import Wire
from rfe.metadata.v1.metadata_service_pb2 import GetRunRequest, ListRunsRequest
from rfe.metadata.v1.run_pb2 import Run, RunKind, RunState


class Runs:
    """What a client does with runs. `deadline` is in seconds."""

    _wire: Wire

    def run(self, run_id: str, *, deadline: float | None = None) -> Run:
        """One run. Raises NotFound if it does not exist."""
        return self._wire.call(calls.GET_RUN, GetRunRequest(run_id=run_id), deadline).run

    def runs(
        self,
        source: str = "",
        *,
        states: Iterable[RunState] = (),
        kinds: Iterable[RunKind] = (),
        page_size: int = PAGE_SIZE,
    ) -> Iterator[Run]:
        """The runs, newest first; only of `source`, in `states` and of `kinds` where they say something."""
        request = ListRunsRequest(source=source, states=states, kinds=kinds)
        return pages(self._wire, calls.LIST_RUNS, request, lambda page: page.runs, page_size)
