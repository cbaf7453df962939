"""A gRPC server of the test's own, which answers as the platform does, or as it is told to."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from rfe.ingest.v1 import ingest_service_pb2 as ingest
from rfe.ingest.v1.event_pb2 import EventOutcome, EventResult
from rfe.ingest.v1.ingest_service_pb2_grpc import IngestServiceServicer, add_IngestServiceServicer_to_server
from rfe.ingest.v1.job_pb2 import Job
from rfe.metadata.v1 import metadata_service_pb2 as metadata
from rfe.metadata.v1.metadata_service_pb2_grpc import MetadataServiceServicer, add_MetadataServiceServicer_to_server
from rfe.metadata.v1.source_pb2 import Source


@dataclass(frozen=True)
class Refusal:
    """An error as a service of rfe answers with."""

    code: grpc.StatusCode
    message: str = "said so by the test"
    reason: str = ""
    metadata: dict[str, str] = field(default_factory=dict)
    violations: dict[str, str] = field(default_factory=dict)
    retry_after: float | None = None

    def end(self, context: Any) -> None:
        details: list[Any] = []
        if self.reason:
            details.append(ErrorInfo(reason=self.reason, domain="rfe.dev", metadata=self.metadata))
        if self.violations:
            fields = [BadRequest.FieldViolation(field=f, description=d) for f, d in self.violations.items()]
            details.append(BadRequest(field_violations=fields))
        if self.retry_after is not None:
            details.append(RetryInfo(retry_delay=Duration(nanos=int(self.retry_after * 1e9))))
        status = Status(code=self.code.value[0], message=self.message)
        for detail in details:
            packed = AnyMessage()
            packed.Pack(detail)
            status.details.append(packed)
        if details:
            context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
        context.abort(self.code, self.message)


class Platform(IngestServiceServicer, MetadataServiceServicer):
    """What it was asked, and what it shall say next."""

    def __init__(self) -> None:
        self.refusals: list[Refusal] = []
        """Said to the next calls, one each."""
        self.slow = 0.0
        """Seconds that a call takes."""
        self.calls: list[str] = []
        self.tokens: list[str] = []
        self.seconds_left: list[float] = []
        self.durable: dict[str, bytes] = {}
        self.sizes: list[int] = []
        self.at_once = 0
        self.most_at_once = 0
        self.sources = [f"s{number:04}" for number in range(1234)]
        self.jobs: Callable[[], Iterator[Job]] = lambda: iter(())
        self._lock = threading.Lock()
        self._server = grpc.server(ThreadPoolExecutor(16))
        add_IngestServiceServicer_to_server(self, self._server)
        add_MetadataServiceServicer_to_server(self, self._server)
        self.url = f"http://127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()

    def stop(self) -> None:
        self._server.stop(None).wait()

    def _asked(self, name: str, context: Any) -> None:
        with self._lock:
            self.calls.append(name)
            self.tokens += [value for key, value in context.invocation_metadata() if key == "authorization"]
            self.seconds_left.append(context.time_remaining() or 0.0)
            refusal = self.refusals.pop(0) if self.refusals else None
        if self.slow:
            time.sleep(self.slow)
        if refusal is not None:
            refusal.end(context)

    def GetSource(self, request: Any, context: Any) -> Any:
        self._asked("GetSource", context)
        return metadata.GetSourceResponse(source=Source(name=request.name))

    def CreateSource(self, request: Any, context: Any) -> Any:
        self._asked("CreateSource", context)
        return metadata.CreateSourceResponse(source=request.source)

    def ListSources(self, request: Any, context: Any) -> Any:
        self._asked(f"ListSources {request.page_size}", context)
        begin = int(request.page_token or 0)
        end = min(begin + request.page_size, len(self.sources))
        named = [Source(name=name) for name in self.sources[begin:end]]
        return metadata.ListSourcesResponse(sources=named, next_page_token=str(end) if end < len(self.sources) else "")

    def SubmitJob(self, request: Any, context: Any) -> Any:
        self._asked(f"SubmitJob {request.request_id}", context)
        return ingest.SubmitJobResponse(job=Job(job_id=request.request_id), created=True)

    def WatchJob(self, request: Any, context: Any) -> Any:
        self._asked("WatchJob", context)
        for job in self.jobs():
            yield ingest.WatchJobResponse(job=job)

    def SubmitEvents(self, request: Any, context: Any) -> Any:
        with self._lock:
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            self._asked("SubmitEvents", context)
            self.sizes.append(len(request.events))
            return ingest.SubmitEventsResponse(results=[self._accepted(event) for event in request.events])
        finally:
            with self._lock:
                self.at_once -= 1

    def StreamEvents(self, request_iterator: Any, context: Any) -> Any:
        self._asked("StreamEvents", context)
        results = [self._accepted(event) for request in request_iterator for event in request.events]
        return ingest.StreamEventsResponse(accepted=len(results))

    def _accepted(self, event: Any) -> EventResult:
        with self._lock:
            if event.payload == b"bad":
                outcome = EventOutcome.EVENT_OUTCOME_REJECTED
            elif event.event_id in self.durable:
                outcome = EventOutcome.EVENT_OUTCOME_DUPLICATE
            else:
                outcome = EventOutcome.EVENT_OUTCOME_ACCEPTED
                self.durable[event.event_id] = event.payload
        return EventResult(
            event_id=event.event_id, outcome=outcome, message="no good" if event.payload == b"bad" else ""
        )


def job(state: str) -> Job:
    return Job(job_id="j", state=f"JOB_STATE_{state}")
