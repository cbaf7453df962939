"""Schedules."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import datetime, timezone

from rfe import _calls as calls
from rfe._sync.listing import PAGE_SIZE, pages
from rfe._sync.wire import Wire
from rfe.scheduler.v1.schedule_pb2 import Firing, Schedule
from rfe.scheduler.v1.scheduler_service_pb2 import (
    CreateScheduleRequest,
    DeleteScheduleRequest,
    GetScheduleRequest,
    ListFiringsRequest,
    ListSchedulesRequest,
    PauseScheduleRequest,
    PreviewScheduleRequest,
    ResumeScheduleRequest,
    TriggerScheduleRequest,
    UpdateScheduleRequest,
)


class Schedules:
    """What a client does with schedules. `deadline` is in seconds."""

    _wire: Wire

    def create_schedule(self, schedule: Schedule, *, deadline: float | None = None) -> Schedule:
        """Makes a schedule; without an id it gets one. Raises AlreadyExists if one of the id exists."""
        request = CreateScheduleRequest(schedule=schedule)
        return self._wire.call(calls.CREATE_SCHEDULE, request, deadline).schedule

    def update_schedule(self, schedule: Schedule, *, deadline: float | None = None) -> Schedule:
        """Changes a schedule to what is given. Raises FailedPrecondition if it belongs to a source's spec."""
        request = UpdateScheduleRequest(schedule=schedule)
        return self._wire.call(calls.UPDATE_SCHEDULE, request, deadline).schedule

    def schedule(self, schedule_id: str, *, deadline: float | None = None) -> Schedule:
        """One schedule. Raises NotFound if it does not exist."""
        request = GetScheduleRequest(schedule_id=schedule_id)
        return self._wire.call(calls.GET_SCHEDULE, request, deadline).schedule

    def schedules(self, source: str = "", *, page_size: int = PAGE_SIZE) -> Iterator[Schedule]:
        """The schedules by id; only of `source` if it is given."""
        request = ListSchedulesRequest(source=source)
        return pages(self._wire, calls.LIST_SCHEDULES, request, lambda page: page.schedules, page_size)

    def pause_schedule(self, schedule_id: str, *, deadline: float | None = None) -> Schedule:
        """Stops firing."""
        request = PauseScheduleRequest(schedule_id=schedule_id)
        return self._wire.call(calls.PAUSE_SCHEDULE, request, deadline).schedule

    def resume_schedule(self, schedule_id: str, *, deadline: float | None = None) -> Schedule:
        """Fires again."""
        request = ResumeScheduleRequest(schedule_id=schedule_id)
        return self._wire.call(calls.RESUME_SCHEDULE, request, deadline).schedule

    def delete_schedule(self, schedule_id: str, *, deadline: float | None = None) -> None:
        """Ends a schedule. Raises NotFound if it does not exist."""
        self._wire.call(calls.DELETE_SCHEDULE, DeleteScheduleRequest(schedule_id=schedule_id), deadline)

    def trigger_schedule(
        self, schedule_id: str, *, request_id: str | None = None, deadline: float | None = None
    ) -> str:
        """Fires now; the answer is the job's id. A second call with the same `request_id` (a UUID) answers with the first one's job."""
        request = TriggerScheduleRequest(schedule_id=schedule_id, request_id=request_id or str(uuid.uuid4()))
        return self._wire.call(calls.TRIGGER_SCHEDULE, request, deadline).job_id

    def preview_schedule(self, schedule: Schedule, count: int = 10, *, deadline: float | None = None) -> list[datetime]:
        """When a schedule would fire next, in UTC."""
        request = PreviewScheduleRequest(schedule=schedule, count=count)
        answer = self._wire.call(calls.PREVIEW_SCHEDULE, request, deadline)
        return [time.ToDatetime(timezone.utc) for time in answer.fire_times]

    def firings(self, schedule_id: str, *, page_size: int = PAGE_SIZE) -> Iterator[Firing]:
        """What a schedule has fired, newest first."""
        request = ListFiringsRequest(schedule_id=schedule_id)
        return pages(self._wire, calls.LIST_FIRINGS, request, lambda page: page.firings, page_size)
