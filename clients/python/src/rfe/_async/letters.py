"""Dead letters."""

from __future__ import annotations

from collections.abc import AsyncIterator

from rfe import _calls as calls
from rfe._async.listing import PAGE_SIZE, pages
from rfe._async.wire import Wire
from rfe.dlq.v1.dead_letter_pb2 import DeadLetter
from rfe.dlq.v1.dlq_service_pb2 import (
    DeadLetterFilter,
    DiscardDeadLetterRequest,
    GetDeadLetterRequest,
    ListDeadLettersRequest,
    ReplayDeadLetterRequest,
    ReplayDeadLetterResponse,
    ReplayDeadLettersRequest,
    ReplayDeadLettersResponse,
)


class Letters:
    """What a client does with dead letters. `deadline` is in seconds."""

    _wire: Wire

    def letters(
        self, filter: DeadLetterFilter | None = None, *, page_size: int = PAGE_SIZE
    ) -> AsyncIterator[DeadLetter]:
        """The letters without their bytes, newest first."""
        request = ListDeadLettersRequest(filter=filter)
        return pages(self._wire, calls.LIST_DEAD_LETTERS, request, lambda page: page.dead_letters, page_size)

    async def letter(self, id: str, *, reveal: bool = False, deadline: float | None = None) -> DeadLetter:
        """One letter with its bytes. Where something in it looks like a secret, that is hidden, and the record is in `raw_text`
        instead of `raw_base64`; `reveal` shows it as it is stored. Raises NotFound if it does not exist.
        """
        request = GetDeadLetterRequest(id=id, reveal=reveal)
        return (await self._wire.call(calls.GET_DEAD_LETTER, request, deadline)).dead_letter

    async def replay_letter(
        self, id: str, raw: bytes | None = None, *, deadline: float | None = None
    ) -> ReplayDeadLetterResponse:
        """Queues a job that lands a letter again, with `raw` in place of its own bytes if it is given.

        A letter that was replayed before answers so (`already_replayed`), with that one's job.
        Raises NotFound if it does not exist, FailedPrecondition if it was discarded.
        """
        request = ReplayDeadLetterRequest(id=id, raw=raw)
        return await self._wire.call(calls.REPLAY_DEAD_LETTER, request, deadline)

    async def replay_letters(
        self,
        filter: DeadLetterFilter | None = None,
        *,
        limit: int = 0,
        dry_run: bool = False,
        deadline: float | None = None,
    ) -> ReplayDeadLettersResponse:
        """Replays the open letters that match, newest first; 100 at most unless `limit` says more, up to 1,000. Called again it goes on.
        `dry_run` only says which.
        """
        request = ReplayDeadLettersRequest(filter=filter, limit=limit, dry_run=dry_run)
        return await self._wire.call(calls.REPLAY_DEAD_LETTERS, request, deadline)

    async def discard_letter(self, id: str, reason: str, *, by: str = "", deadline: float | None = None) -> DeadLetter:
        """Closes a letter for good. Raises FailedPrecondition if it was replayed."""
        request = DiscardDeadLetterRequest(id=id, reason=reason, by=by)
        return (await self._wire.call(calls.DISCARD_DEAD_LETTER, request, deadline)).dead_letter
