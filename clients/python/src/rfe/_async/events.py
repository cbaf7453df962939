"""Pushed events."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable

from rfe import _calls as calls
from rfe._async.event_sender import AsyncEventSender
from rfe._async.wire import Wire
from rfe._batch import LINGER, MAX_EVENTS, PATIENCE, with_id
from rfe.errors import Internal
from rfe.ingest.v1.event_pb2 import Event, EventResult
from rfe.ingest.v1.ingest_service_pb2 import StreamEventsRequest, StreamEventsResponse, SubmitEventsRequest


class Events:
    """What a client does with events. `deadline` is in seconds."""

    _wire: Wire

    async def submit_events(
        self, source: str, events: Iterable[Event], *, deadline: float | None = None
    ) -> list[EventResult]:
        """Submits up to 1,000 events or 4 MiB in one call; the results are in the order of the events. Events without id get one,
        so that a repeated call lands nothing twice. For more events there is `event_sender`.

        Raises NotFound or FailedPrecondition if the source does not exist or takes no events, ResourceExhausted if the queue is full.
        What is wrong with one event alone is in its result.
        """
        request = SubmitEventsRequest(source=source, events=[with_id(event) for event in events])
        answer = await self._wire.call(calls.SUBMIT_EVENTS, request, deadline)
        if len(answer.results) != len(request.events):
            raise Internal(f"{len(answer.results)} results for {len(request.events)} events")
        return list(answer.results)

    async def stream_events(
        self, source: str, events: AsyncIterable[Iterable[Event]], *, deadline: float | None = None
    ) -> StreamEventsResponse:
        """Submits events as one stream; each item of `events` is some of them, in any number. They become durable in order, group by
        group, and `events` is asked for more only then. For one that repeats what was not delivered there is `event_sender`.

        Raises as `submit_events` does. `processed` of the error says how many events, from the first one, are answered for good: go on
        behind them. Where it is None, send all again, with the same ids.
        """

        async def requests() -> AsyncIterator[StreamEventsRequest]:
            yield StreamEventsRequest(source=source)
            async for some in events:
                yield StreamEventsRequest(source=source, events=[with_id(event) for event in some])

        return await self._wire.send(calls.STREAM_EVENTS, requests(), deadline)

    def event_sender(
        self,
        source: str,
        *,
        max_events: int = MAX_EVENTS,
        linger: float = LINGER,
        patience: float = PATIENCE,
    ) -> AsyncEventSender:
        """A sender of any number of events: batches, back-pressure, redelivery with the same ids.

        `max_events` go into one call (1,000 at most); a batch that is not full goes after `linger` seconds. A batch is repeated for `patience`
        seconds while the platform is full or away.
        """
        return AsyncEventSender(self._wire, source, max_events=max_events, linger=linger, patience=patience)
