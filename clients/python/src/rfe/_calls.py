"""The calls: where each goes, what it takes and gives, and whether it may be made again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Generic, Literal, TypeVar

from google.protobuf.message import Message

from rfe.dlq.v1 import dlq_service_pb2 as dlq
from rfe.ingest.v1 import ingest_service_pb2 as ingest
from rfe.metadata.v1 import metadata_service_pb2 as metadata
from rfe.scheduler.v1 import scheduler_service_pb2 as scheduler

Request = TypeVar("Request", bound=Message)
Response = TypeVar("Response", bound=Message)
Service = Literal["ingest", "metadata", "scheduler", "dlq"]

_PATHS: dict[Service, str] = {
    "ingest": "rfe.ingest.v1.IngestService",
    "metadata": "rfe.metadata.v1.MetadataService",
    "scheduler": "rfe.scheduler.v1.SchedulerService",
    "dlq": "rfe.dlq.v1.DlqService",
}


@dataclass(frozen=True)
class Call(Generic[Request, Response]):
    """One RPC."""

    service: Service
    request: type[Request]
    response: type[Response]
    safe: bool = True
    """True if it may be made again: it reads, or is idempotent."""

    @property
    def path(self) -> str:
        """Its path, as HTTP/2 has it."""
        return f"/{_PATHS[self.service]}/{self.request.__name__.removesuffix('Request')}"


SUBMIT_JOB = Call("ingest", ingest.SubmitJobRequest, ingest.SubmitJobResponse)
SUBMIT_EVENTS = Call("ingest", ingest.SubmitEventsRequest, ingest.SubmitEventsResponse)
# For the event sender, which repeats by a patience of its own.
SEND_EVENTS = replace(SUBMIT_EVENTS, safe=False)
STREAM_EVENTS = Call("ingest", ingest.StreamEventsRequest, ingest.StreamEventsResponse, safe=False)
GET_JOB = Call("ingest", ingest.GetJobRequest, ingest.GetJobResponse)
LIST_JOBS = Call("ingest", ingest.ListJobsRequest, ingest.ListJobsResponse)
WATCH_JOB = Call("ingest", ingest.WatchJobRequest, ingest.WatchJobResponse)
CANCEL_JOB = Call("ingest", ingest.CancelJobRequest, ingest.CancelJobResponse, safe=False)
PAUSE_SOURCE = Call("ingest", ingest.PauseSourceRequest, ingest.PauseSourceResponse)
RESUME_SOURCE = Call("ingest", ingest.ResumeSourceRequest, ingest.ResumeSourceResponse)
GET_QUEUE_STATS = Call("ingest", ingest.GetQueueStatsRequest, ingest.GetQueueStatsResponse)
PREVIEW_SOURCE = Call("ingest", ingest.PreviewSourceRequest, ingest.PreviewSourceResponse)

APPLY_SOURCES = Call("metadata", metadata.ApplySourcesRequest, metadata.ApplySourcesResponse)
CREATE_SOURCE = Call("metadata", metadata.CreateSourceRequest, metadata.CreateSourceResponse, safe=False)
UPDATE_SOURCE = Call("metadata", metadata.UpdateSourceRequest, metadata.UpdateSourceResponse)
GET_SOURCE = Call("metadata", metadata.GetSourceRequest, metadata.GetSourceResponse)
LIST_SOURCES = Call("metadata", metadata.ListSourcesRequest, metadata.ListSourcesResponse)
DELETE_SOURCE = Call("metadata", metadata.DeleteSourceRequest, metadata.DeleteSourceResponse, safe=False)
GET_RUN = Call("metadata", metadata.GetRunRequest, metadata.GetRunResponse)
LIST_RUNS = Call("metadata", metadata.ListRunsRequest, metadata.ListRunsResponse)
LIST_DATASETS = Call("metadata", metadata.ListDatasetsRequest, metadata.ListDatasetsResponse)
GET_DATASET = Call("metadata", metadata.GetDatasetRequest, metadata.GetDatasetResponse)
DROP_DATASET = Call("metadata", metadata.DropDatasetRequest, metadata.DropDatasetResponse, safe=False)
LIST_SCHEMA_VERSIONS = Call("metadata", metadata.ListSchemaVersionsRequest, metadata.ListSchemaVersionsResponse)
LIST_DATA_FILES = Call("metadata", metadata.ListDataFilesRequest, metadata.ListDataFilesResponse)
LIST_FRESHNESS = Call("metadata", metadata.ListFreshnessRequest, metadata.ListFreshnessResponse)
GET_FRESHNESS = Call("metadata", metadata.GetFreshnessRequest, metadata.GetFreshnessResponse)

CREATE_SCHEDULE = Call("scheduler", scheduler.CreateScheduleRequest, scheduler.CreateScheduleResponse, safe=False)
UPDATE_SCHEDULE = Call("scheduler", scheduler.UpdateScheduleRequest, scheduler.UpdateScheduleResponse, safe=False)
GET_SCHEDULE = Call("scheduler", scheduler.GetScheduleRequest, scheduler.GetScheduleResponse)
LIST_SCHEDULES = Call("scheduler", scheduler.ListSchedulesRequest, scheduler.ListSchedulesResponse)
DELETE_SCHEDULE = Call("scheduler", scheduler.DeleteScheduleRequest, scheduler.DeleteScheduleResponse, safe=False)
PAUSE_SCHEDULE = Call("scheduler", scheduler.PauseScheduleRequest, scheduler.PauseScheduleResponse)
RESUME_SCHEDULE = Call("scheduler", scheduler.ResumeScheduleRequest, scheduler.ResumeScheduleResponse)
TRIGGER_SCHEDULE = Call("scheduler", scheduler.TriggerScheduleRequest, scheduler.TriggerScheduleResponse)
PREVIEW_SCHEDULE = Call("scheduler", scheduler.PreviewScheduleRequest, scheduler.PreviewScheduleResponse)
LIST_FIRINGS = Call("scheduler", scheduler.ListFiringsRequest, scheduler.ListFiringsResponse)

LIST_DEAD_LETTERS = Call("dlq", dlq.ListDeadLettersRequest, dlq.ListDeadLettersResponse)
GET_DEAD_LETTER = Call("dlq", dlq.GetDeadLetterRequest, dlq.GetDeadLetterResponse)
REPLAY_DEAD_LETTER = Call("dlq", dlq.ReplayDeadLetterRequest, dlq.ReplayDeadLetterResponse)
REPLAY_DEAD_LETTERS = Call("dlq", dlq.ReplayDeadLettersRequest, dlq.ReplayDeadLettersResponse)
DISCARD_DEAD_LETTER = Call("dlq", dlq.DiscardDeadLetterRequest, dlq.DiscardDeadLetterResponse, safe=False)
