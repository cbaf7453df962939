"""What an event sender holds, whichever way it waits: numbered events, and what became of them."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field

from rfe.backoff import Backoff
from rfe.errors import Error, Internal
from rfe.ingest.v1.event_pb2 import Event, EventOutcome, EventResult

MAX_EVENTS = 500
MAX_BYTES = 1 << 20
MAX_CALLS = 4
LINGER = 1.0
PATIENCE = 60.0
BACKOFF = Backoff(attempts=1 << 30, base=0.2, cap=5.0)

Numbered = tuple[int, Event]


@dataclass(frozen=True)
class Rejected:
    """An event that the platform does not take."""

    number: int
    """The number that it was sent with."""
    event_id: str
    message: str
    """Why."""


@dataclass
class Summary:
    """What became of the events that were delivered."""

    accepted: int = 0
    """Events that are durable now."""
    duplicates: int = 0
    """Events that were durable before."""
    rejected: list[Rejected] = field(default_factory=list)
    """Events that the platform does not take."""


class SendError(Exception):
    """Events could not be delivered. None of them is known to be durable; sending them again with their ids lands nothing twice."""

    def __init__(self, error: Error, undelivered: list[Event]) -> None:
        super().__init__(f"{len(undelivered)} events were not delivered: {error}")
        self.error = error
        """Why."""
        self.undelivered = undelivered
        """The events, in the order in which they were sent."""


def with_id(event: Event) -> Event:
    """The event, with an id made here if it has none; a repeated call then lands nothing twice."""
    if event.event_id:
        return event
    named = Event()
    named.CopyFrom(event)
    named.event_id = str(uuid.uuid4())
    return named


class Batch:
    """Events that wait, and the account of those that were sent."""

    def __init__(self, max_events: int) -> None:
        self.max_events = min(max(max_events, 1), 1000)
        self.summary = Summary()
        self.error: Error | None = None
        self.calls = 0
        """Calls under way."""
        self._next = 1
        self._pending: list[Numbered] = []
        self._bytes = 0
        self._failed: list[Numbered] = []

    def __len__(self) -> int:
        return len(self._pending)

    def has_room_for(self, event: Event) -> bool:
        """False if the event would make the batch too large for one call."""
        return not self._pending or self._bytes + event.ByteSize() <= MAX_BYTES

    @property
    def is_full(self) -> bool:
        """True if it is to be sent now."""
        return len(self._pending) >= self.max_events or self._bytes >= MAX_BYTES

    def add(self, event: Event, number: int | None) -> None:
        """Takes an event, with the caller's number or the next one."""
        number = self._next if number is None else number
        self._next = number + 1
        self._pending.append((number, event))
        self._bytes += event.ByteSize()

    def take(self) -> list[Numbered]:
        """Takes out what waits."""
        pending, self._pending, self._bytes = self._pending, [], 0
        return pending

    def count(self, events: list[Numbered], results: Iterable[EventResult]) -> None:
        """Notes what became of events."""
        for (number, _), result in zip(events, results, strict=True):
            if result.outcome == EventOutcome.EVENT_OUTCOME_ACCEPTED:
                self.summary.accepted += 1
            elif result.outcome == EventOutcome.EVENT_OUTCOME_DUPLICATE:
                self.summary.duplicates += 1
            else:
                self.summary.rejected.append(Rejected(number, result.event_id, result.message))

    def fail(self, events: list[Numbered], error: Error) -> None:
        """Notes that events were not delivered."""
        self._failed += events
        self.error = self.error or error

    def hand_back(self) -> SendError:
        """Empties it: all that is not known to be durable."""
        undelivered = sorted(self._failed + self.take(), key=lambda numbered: numbered[0])
        error, self.error, self._failed = self.error, None, []
        return SendError(error or Internal("events were not delivered"), [event for _, event in undelivered])


def pause_before_next(attempt: int, error: Error, waited: float, patience: float) -> float | None:
    """Seconds until a batch is sent again; None: it is handed back."""
    if not error.is_transient:
        return None
    pause = max(BACKOFF.delay(attempt), error.retry_after or 0.0)
    return pause if waited + pause <= patience else None
