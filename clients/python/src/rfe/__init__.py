"""The client of `rfe`, Read From Everywhere: one `Client` that blocks, one `AsyncClient` for asyncio, the same in both.

Messages are those of the protos. The ones that calls take most are here; the others are in `rfe.ingest.v1`, `rfe.metadata.v1`, `rfe.scheduler.v1` and
`rfe.dlq.v1`.
"""

from rfe._async.client import AsyncClient
from rfe._async.event_sender import AsyncEventSender
from rfe._async.query import AsyncRows
from rfe._batch import Rejected, SendError, Summary
from rfe._jobs import Submitted, has_ended
from rfe._sync.client import Client
from rfe._sync.event_sender import EventSender
from rfe._sync.query import Rows
from rfe.backoff import Backoff
from rfe.dlq.v1.dead_letter_pb2 import DeadLetter
from rfe.dlq.v1.dlq_service_pb2 import DeadLetterFilter
from rfe.endpoints import DEFAULT_URL, Endpoints, Tls
from rfe.errors import (
    Aborted,
    AlreadyExists,
    Cancelled,
    DeadlineExceeded,
    Error,
    FailedPrecondition,
    Internal,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    ResourceExhausted,
    Unauthenticated,
    Unavailable,
    Unimplemented,
    Unreachable,
    Violation,
)
from rfe.ingest.v1.event_pb2 import Event, EventOutcome, EventResult
from rfe.ingest.v1.job_pb2 import Job, JobKind, JobState
from rfe.metadata.v1.dataset_pb2 import Dataset, Layer
from rfe.metadata.v1.run_pb2 import Run, RunKind, RunState
from rfe.metadata.v1.source_pb2 import Mode, SchemaPolicy, Source
from rfe.scheduler.v1.schedule_pb2 import Schedule

__all__ = [
    "DEFAULT_URL",
    "Aborted",
    "AlreadyExists",
    "AsyncClient",
    "AsyncEventSender",
    "AsyncRows",
    "Backoff",
    "Cancelled",
    "Client",
    "Dataset",
    "DeadLetter",
    "DeadLetterFilter",
    "DeadlineExceeded",
    "Endpoints",
    "Error",
    "Event",
    "EventOutcome",
    "EventResult",
    "EventSender",
    "FailedPrecondition",
    "Internal",
    "InvalidArgument",
    "Job",
    "JobKind",
    "JobState",
    "Layer",
    "Mode",
    "NotFound",
    "PermissionDenied",
    "Rejected",
    "ResourceExhausted",
    "Rows",
    "Run",
    "RunKind",
    "RunState",
    "Schedule",
    "SchemaPolicy",
    "SendError",
    "Source",
    "Submitted",
    "Summary",
    "Tls",
    "Unauthenticated",
    "Unavailable",
    "Unimplemented",
    "Unreachable",
    "Violation",
    "has_ended",
]
