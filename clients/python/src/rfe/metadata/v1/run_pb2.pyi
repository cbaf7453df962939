import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RunKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RUN_KIND_UNSPECIFIED: _ClassVar[RunKind]
    RUN_KIND_PULL: _ClassVar[RunKind]
    RUN_KIND_EVENTS: _ClassVar[RunKind]
    RUN_KIND_REPLAY: _ClassVar[RunKind]
    RUN_KIND_BACKFILL: _ClassVar[RunKind]
    RUN_KIND_COMPACTION: _ClassVar[RunKind]

class RunState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RUN_STATE_UNSPECIFIED: _ClassVar[RunState]
    RUN_STATE_QUEUED: _ClassVar[RunState]
    RUN_STATE_RUNNING: _ClassVar[RunState]
    RUN_STATE_RETRYING: _ClassVar[RunState]
    RUN_STATE_SUCCEEDED: _ClassVar[RunState]
    RUN_STATE_FAILED: _ClassVar[RunState]
    RUN_STATE_CANCELLED: _ClassVar[RunState]
RUN_KIND_UNSPECIFIED: RunKind
RUN_KIND_PULL: RunKind
RUN_KIND_EVENTS: RunKind
RUN_KIND_REPLAY: RunKind
RUN_KIND_BACKFILL: RunKind
RUN_KIND_COMPACTION: RunKind
RUN_STATE_UNSPECIFIED: RunState
RUN_STATE_QUEUED: RunState
RUN_STATE_RUNNING: RunState
RUN_STATE_RETRYING: RunState
RUN_STATE_SUCCEEDED: RunState
RUN_STATE_FAILED: RunState
RUN_STATE_CANCELLED: RunState

class Run(_message.Message):
    __slots__ = ("run_id", "source", "kind", "state", "attempts", "epoch", "counters", "schema_version", "snapshot", "files", "error_code", "error", "created_time", "started_time", "finished_time", "scheduled_time", "letter_id", "worker", "next_attempt_time", "reads_source", "discarded_columns")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    COUNTERS_FIELD_NUMBER: _ClassVar[int]
    SCHEMA_VERSION_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_FIELD_NUMBER: _ClassVar[int]
    FILES_FIELD_NUMBER: _ClassVar[int]
    ERROR_CODE_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    CREATED_TIME_FIELD_NUMBER: _ClassVar[int]
    STARTED_TIME_FIELD_NUMBER: _ClassVar[int]
    FINISHED_TIME_FIELD_NUMBER: _ClassVar[int]
    SCHEDULED_TIME_FIELD_NUMBER: _ClassVar[int]
    LETTER_ID_FIELD_NUMBER: _ClassVar[int]
    WORKER_FIELD_NUMBER: _ClassVar[int]
    NEXT_ATTEMPT_TIME_FIELD_NUMBER: _ClassVar[int]
    READS_SOURCE_FIELD_NUMBER: _ClassVar[int]
    DISCARDED_COLUMNS_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    source: str
    kind: RunKind
    state: RunState
    attempts: int
    epoch: int
    counters: RunCounters
    schema_version: int
    snapshot: int
    files: int
    error_code: str
    error: str
    created_time: _timestamp_pb2.Timestamp
    started_time: _timestamp_pb2.Timestamp
    finished_time: _timestamp_pb2.Timestamp
    scheduled_time: _timestamp_pb2.Timestamp
    letter_id: str
    worker: str
    next_attempt_time: _timestamp_pb2.Timestamp
    reads_source: bool
    discarded_columns: _containers.RepeatedCompositeFieldContainer[DiscardedColumn]
    def __init__(self, run_id: _Optional[str] = ..., source: _Optional[str] = ..., kind: _Optional[_Union[RunKind, str]] = ..., state: _Optional[_Union[RunState, str]] = ..., attempts: _Optional[int] = ..., epoch: _Optional[int] = ..., counters: _Optional[_Union[RunCounters, _Mapping]] = ..., schema_version: _Optional[int] = ..., snapshot: _Optional[int] = ..., files: _Optional[int] = ..., error_code: _Optional[str] = ..., error: _Optional[str] = ..., created_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., started_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., finished_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., scheduled_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., letter_id: _Optional[str] = ..., worker: _Optional[str] = ..., next_attempt_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., reads_source: _Optional[bool] = ..., discarded_columns: _Optional[_Iterable[_Union[DiscardedColumn, _Mapping]]] = ...) -> None: ...

class DiscardedColumn(_message.Message):
    __slots__ = ("name", "values")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    name: str
    values: int
    def __init__(self, name: _Optional[str] = ..., values: _Optional[int] = ...) -> None: ...

class RunCounters(_message.Message):
    __slots__ = ("read", "landed", "dead", "duplicate", "discarded", "bytes_read", "bytes_written", "bytes_total")
    READ_FIELD_NUMBER: _ClassVar[int]
    LANDED_FIELD_NUMBER: _ClassVar[int]
    DEAD_FIELD_NUMBER: _ClassVar[int]
    DUPLICATE_FIELD_NUMBER: _ClassVar[int]
    DISCARDED_FIELD_NUMBER: _ClassVar[int]
    BYTES_READ_FIELD_NUMBER: _ClassVar[int]
    BYTES_WRITTEN_FIELD_NUMBER: _ClassVar[int]
    BYTES_TOTAL_FIELD_NUMBER: _ClassVar[int]
    read: int
    landed: int
    dead: int
    duplicate: int
    discarded: int
    bytes_read: int
    bytes_written: int
    bytes_total: int
    def __init__(self, read: _Optional[int] = ..., landed: _Optional[int] = ..., dead: _Optional[int] = ..., duplicate: _Optional[int] = ..., discarded: _Optional[int] = ..., bytes_read: _Optional[int] = ..., bytes_written: _Optional[int] = ..., bytes_total: _Optional[int] = ...) -> None: ...
