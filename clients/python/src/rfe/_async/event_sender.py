"""Any number of events: batches, a few calls at a time, back-pressure, redelivery with the same ids."""

from __future__ import annotations

import asyncio
import time
import warnings
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING

from rfe import _calls as calls
from rfe._batch import MAX_CALLS, Batch, Numbered, SendError, Summary, pause_before_next, with_id
from rfe.errors import Error, Internal
from rfe.ingest.v1.event_pb2 import Event, EventResult
from rfe.ingest.v1.ingest_service_pb2 import SubmitEventsRequest

if TYPE_CHECKING:
    from rfe._async.wire import Wire


class AsyncEventSender:
    """Sends events of one source. Tasks of one loop may share it. End with `close`, or use it in an `async with` block."""

    def __init__(self, wire: Wire, source: str, *, max_events: int, linger: float, patience: float) -> None:
        self._wire = wire
        self._source = source
        self._linger = linger
        self._patience = patience
        self._batch = Batch(max_events)
        self._changed = asyncio.Condition()
        self._deliveries: set[asyncio.Task[None]] = set()
        self._lingering: asyncio.Task[None] | None = None
        self._is_closed = False

    async def send(self, event: Event, *, number: int | None = None) -> None:
        """Takes an event, and waits while too many calls are under way. Events are numbered from 1, or as the caller says.

        Raises SendError if events could not be delivered; it holds them all, this one included, and the sender is empty and usable again.
        """
        event = with_id(event)
        async with self._changed:
            if self._is_closed:
                raise ValueError("the sender is closed")
            if not self._batch.has_room_for(event):
                await self._make_room(event)
            self._batch.add(event, number)
            if self._batch.is_full:
                await self._dispatch()
            if len(self._batch) and self._lingering is None:
                self._lingering = asyncio.create_task(self._after_linger())

    async def flush(self) -> None:
        """Sends what waits, and waits for every call that is under way. Raises as `send` does."""
        async with self._changed:
            await self._dispatch()
            await self._settle()
            await self._check()

    async def close(self) -> Summary:
        """Flushes, and says what became of the events. Raises as `send` does; the sender is closed then too."""
        try:
            if not self._is_closed:
                await self.flush()
        finally:
            self._is_closed = True
        return self.summary

    @property
    def summary(self) -> Summary:
        """What became of the events so far."""
        now = self._batch.summary
        return replace(now, rejected=list(now.rejected))

    async def __aenter__(self) -> AsyncEventSender:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __del__(self) -> None:
        if len(self._batch):
            warnings.warn(f"a sender was left with {len(self._batch)} events unsent", ResourceWarning, stacklevel=2)

    async def _make_room(self, event: Event) -> None:
        try:
            await self._dispatch()
        except SendError as failed:
            # It never got into the batch.
            failed.undelivered.append(event)
            raise

    # All below are called with the lock held, but for what runs in other tasks.

    async def _dispatch(self) -> None:
        self._stop_lingering()
        while self._batch.calls >= MAX_CALLS:
            await self._changed.wait()
        await self._check()
        self._begin(self._batch.take())

    def _begin(self, events: list[Numbered]) -> None:
        if not events:
            return
        self._batch.calls += 1
        delivery = asyncio.create_task(self._deliver(events))
        # The loop holds tasks only weakly.
        self._deliveries.add(delivery)
        delivery.add_done_callback(self._deliveries.discard)

    async def _settle(self) -> None:
        while self._batch.calls:
            await self._changed.wait()

    async def _check(self) -> None:
        if self._batch.error is None:
            return
        # What is handed back is all that is not durable, so the other calls end first.
        await self._settle()
        self._stop_lingering()
        raise self._batch.hand_back()

    def _stop_lingering(self) -> None:
        if self._lingering is not None:
            self._lingering.cancel()
            self._lingering = None

    async def _after_linger(self) -> None:
        await asyncio.sleep(self._linger)
        async with self._changed:
            self._lingering = None
            while self._batch.calls >= MAX_CALLS:
                await self._changed.wait()
            # An error is for whoever sends next.
            if self._batch.error is None and not self._is_closed:
                self._begin(self._batch.take())

    async def _deliver(self, events: list[Numbered]) -> None:
        failure: Error | None = None
        results: list[EventResult] = []
        try:
            results = await self._submit([event for _, event in events])
        except Error as error:
            failure = error
        except asyncio.CancelledError:
            failure = Internal("the loop ended before the events were delivered")
        except Exception as defect:  # noqa: BLE001 - whatever it is, the events must not be lost
            failure = Internal(f"the sender failed: {defect!r}")
        async with self._changed:
            self._batch.calls -= 1
            if failure is None:
                self._batch.count(events, results)
            else:
                self._batch.fail(events, failure)
            self._changed.notify_all()

    async def _submit(self, events: list[Event]) -> list[EventResult]:
        request = SubmitEventsRequest(source=self._source, events=events)
        begun, attempt = time.monotonic(), 1
        while True:
            try:
                results = list((await self._wire.call(calls.SEND_EVENTS, request)).results)
            except Error as error:
                pause = pause_before_next(attempt, error, time.monotonic() - begun, self._patience)
                if pause is None:
                    raise
            else:
                if len(results) != len(events):
                    raise Internal(f"{len(results)} results for {len(events)} events")
                return results
            await asyncio.sleep(pause)
            attempt += 1
