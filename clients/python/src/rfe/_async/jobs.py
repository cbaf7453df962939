"""Jobs and the queue."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Callable

from rfe import _calls as calls
from rfe._async.listing import PAGE_SIZE, pages
from rfe._async.wire import Wire
from rfe._jobs import PATIENCE, PAUSE, Submitted, has_ended
from rfe.errors import Error, Internal
from rfe.ingest.v1.ingest_service_pb2 import (
    CancelJobRequest,
    GetJobRequest,
    GetQueueStatsRequest,
    GetQueueStatsResponse,
    ListJobsRequest,
    PauseSourceRequest,
    ResumeSourceRequest,
    SubmitJobRequest,
    WatchJobRequest,
)
from rfe.ingest.v1.job_pb2 import Job, JobState


class Jobs:
    """What a client does with jobs. `deadline` is in seconds."""

    _wire: Wire

    async def submit_job(
        self, source: str, *, request_id: str | None = None, deadline: float | None = None
    ) -> Submitted:
        """Queues a job that reads a pull source. While one runs, one more waits; a third call answers with the waiting one.

        `request_id` is a UUID: a second call with it answers with the first one's job. Without, one is made here.
        Raises NotFound if the source does not exist, FailedPrecondition if it takes no jobs.
        """
        request = SubmitJobRequest(source=source, request_id=request_id or str(uuid.uuid4()))
        answer = await self._wire.call(calls.SUBMIT_JOB, request, deadline)
        return Submitted(answer.job, answer.created)

    async def job(self, job_id: str, *, deadline: float | None = None) -> Job:
        """One job. Raises NotFound if it does not exist."""
        return (await self._wire.call(calls.GET_JOB, GetJobRequest(job_id=job_id), deadline)).job

    def jobs(
        self,
        source: str = "",
        *,
        state: JobState = JobState.JOB_STATE_UNSPECIFIED,
        page_size: int = PAGE_SIZE,
    ) -> AsyncIterator[Job]:
        """The jobs, newest first; only of `source` and in `state` where they say something."""
        request = ListJobsRequest(source=source, state=state)
        return pages(self._wire, calls.LIST_JOBS, request, lambda page: page.jobs, page_size)

    async def watch_job(self, job_id: str, *, deadline: float | None = None) -> AsyncIterator[Job]:
        """A job as it is now, then as it is after each change, until it has ended. There is no deadline unless one is given.

        Leaving the loop early ends the watch once the iterator is closed or collected.
        Raises NotFound if it does not exist, Unavailable if the service stops: watch again.
        """
        async for answer in self._wire.stream(calls.WATCH_JOB, WatchJobRequest(job_id=job_id), deadline):
            yield answer.job

    async def wait_job(self, job_id: str, progress: Callable[[Job], object] | None = None) -> Job:
        """Waits until a job has ended, also over restarts of its service. `progress` sees the job as it is now and after each change.

        That the job failed is no error. Raises NotFound if it does not exist, Unavailable if its service stays away for more than 30 s.
        """
        away_since: float | None = None
        while True:
            broke_off: Error = Internal("the watch ended before the job")
            try:
                async for job in self.watch_job(job_id):
                    away_since = None
                    if progress is not None:
                        progress(job)
                    if has_ended(job):
                        return job
            except Error as error:
                broke_off = error
            now = time.monotonic()
            away_since = now if away_since is None else away_since
            if not broke_off.is_transient or now - away_since > PATIENCE:
                raise broke_off
            await asyncio.sleep(PAUSE)

    async def cancel_job(self, job_id: str, *, deadline: float | None = None) -> Job:
        """Cancels a pull, replay or backfill job; afterwards no row of it appears.

        Raises NotFound if it does not exist, FailedPrecondition if it has ended or is one of events.
        """
        return (await self._wire.call(calls.CANCEL_JOB, CancelJobRequest(job_id=job_id), deadline)).job

    async def pause_source(self, source: str, *, deadline: float | None = None) -> None:
        """Stops the work on a source's jobs; accepting goes on."""
        await self._wire.call(calls.PAUSE_SOURCE, PauseSourceRequest(source=source), deadline)

    async def resume_source(self, source: str, *, deadline: float | None = None) -> None:
        """Works on a paused source's jobs again."""
        await self._wire.call(calls.RESUME_SOURCE, ResumeSourceRequest(source=source), deadline)

    async def queue_stats(self, source: str = "", *, deadline: float | None = None) -> GetQueueStatsResponse:
        """What is queued, by source and in total; only of `source` if it is given."""
        return await self._wire.call(calls.GET_QUEUE_STATS, GetQueueStatsRequest(source=source), deadline)
