"""Any number of events: batches, a few calls at a time, back-pressure, redelivery with the same ids."""

from __future__ import annotations

import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING

from rfe import _calls as calls
from rfe._batch import MAX_CALLS, Batch, Numbered, SendError, Summary, pause_before_next, with_id
from rfe.errors import Error, Internal
from rfe.ingest.v1.event_pb2 import Event, EventResult
from rfe.ingest.v1.ingest_service_pb2 import SubmitEventsRequest

if TYPE_CHECKING:
    from rfe._sync.wire import Wire


class EventSender:
    """Sends events of one source. Threads may share it. End with `close`, or use it in a `with` block."""

    def __init__(self, wire: Wire, source: str, *, max_events: int, linger: float, patience: float) -> None:
        self._wire = wire
        self._source = source
        self._linger = linger
        self._patience = patience
        self._batch = Batch(max_events)
        self._changed = threading.Condition()
        self._threads = ThreadPoolExecutor(MAX_CALLS, thread_name_prefix="rfe-events")
        self._lingering: threading.Timer | None = None
        self._is_closed = False

    def send(self, event: Event, *, number: int | None = None) -> None:
        """Takes an event, and waits while too many calls are under way. Events are numbered from 1, or as the caller says.

        Raises SendError if events could not be delivered; it holds them all, this one included, and the sender is empty and usable again.
        """
        event = with_id(event)
        with self._changed:
            if self._is_closed:
                raise ValueError("the sender is closed")
            if not self._batch.has_room_for(event):
                self._make_room(event)
            self._batch.add(event, number)
            if self._batch.is_full:
                self._dispatch()
            if len(self._batch) and self._lingering is None:
                self._lingering = threading.Timer(self._linger, self._after_linger)
                self._lingering.daemon = True
                self._lingering.start()

    def flush(self) -> None:
        """Sends what waits, and waits for every call that is under way. Raises as `send` does."""
        with self._changed:
            self._dispatch()
            self._settle()
            self._check()

    def close(self) -> Summary:
        """Flushes, and says what became of the events. Raises as `send` does; the sender is closed then too."""
        try:
            if not self._is_closed:
                self.flush()
        finally:
            self._is_closed = True
            self._threads.shutdown(wait=True)
        return self.summary

    @property
    def summary(self) -> Summary:
        """What became of the events so far."""
        with self._changed:
            now = self._batch.summary
            return replace(now, rejected=list(now.rejected))

    def __enter__(self) -> EventSender:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if len(self._batch):
            warnings.warn(f"a sender was left with {len(self._batch)} events unsent", ResourceWarning, stacklevel=2)

    def _make_room(self, event: Event) -> None:
        try:
            self._dispatch()
        except SendError as failed:
            # It never got into the batch.
            failed.undelivered.append(event)
            raise

    # All below are called with the lock held, but for what runs in other threads.

    def _dispatch(self) -> None:
        self._stop_lingering()
        while self._batch.calls >= MAX_CALLS:
            self._changed.wait()
        self._check()
        self._begin(self._batch.take())

    def _begin(self, events: list[Numbered]) -> None:
        if events:
            self._batch.calls += 1
            self._threads.submit(self._deliver, events)

    def _settle(self) -> None:
        while self._batch.calls:
            self._changed.wait()

    def _check(self) -> None:
        if self._batch.error is None:
            return
        # What is handed back is all that is not durable, so the other calls end first.
        self._settle()
        self._stop_lingering()
        raise self._batch.hand_back()

    def _stop_lingering(self) -> None:
        if self._lingering is not None:
            self._lingering.cancel()
            self._lingering = None

    def _after_linger(self) -> None:
        with self._changed:
            self._lingering = None
            while self._batch.calls >= MAX_CALLS:
                self._changed.wait()
            # An error is for whoever sends next.
            if self._batch.error is None and not self._is_closed:
                self._begin(self._batch.take())

    def _deliver(self, events: list[Numbered]) -> None:
        failure: Error | None = None
        results: list[EventResult] = []
        try:
            results = self._submit([event for _, event in events])
        except Error as error:
            failure = error
        except Exception as defect:  # noqa: BLE001 - whatever it is, the events must not be lost
            failure = Internal(f"the sender failed: {defect!r}")
        with self._changed:
            self._batch.calls -= 1
            if failure is None:
                self._batch.count(events, results)
            else:
                self._batch.fail(events, failure)
            self._changed.notify_all()

    def _submit(self, events: list[Event]) -> list[EventResult]:
        request = SubmitEventsRequest(source=self._source, events=events)
        begun, attempt = time.monotonic(), 1
        while True:
            try:
                results = list(self._wire.call(calls.SEND_EVENTS, request).results)
            except Error as error:
                pause = pause_before_next(attempt, error, time.monotonic() - begun, self._patience)
                if pause is None:
                    raise
            else:
                if len(results) != len(events):
                    raise Internal(f"{len(results)} results for {len(events)} events")
                return results
            time.sleep(pause)
            attempt += 1
