import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from rfe.dlq.v1 import dead_letter_pb2 as _dead_letter_pb2
from rfe.metadata.v1 import dataset_pb2 as _dataset_pb2
from rfe.metadata.v1 import memory_pb2 as _memory_pb2
from rfe.metadata.v1 import run_pb2 as _run_pb2
from rfe.metadata.v1 import source_pb2 as _source_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class CreateRunRequest(_message.Message):
    __slots__ = ("run_id", "source", "kind", "letter_id", "replay_raw", "scheduled_time")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    LETTER_ID_FIELD_NUMBER: _ClassVar[int]
    REPLAY_RAW_FIELD_NUMBER: _ClassVar[int]
    SCHEDULED_TIME_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    source: str
    kind: _run_pb2.RunKind
    letter_id: str
    replay_raw: bytes
    scheduled_time: _timestamp_pb2.Timestamp
    def __init__(self, run_id: _Optional[str] = ..., source: _Optional[str] = ..., kind: _Optional[_Union[_run_pb2.RunKind, str]] = ..., letter_id: _Optional[str] = ..., replay_raw: _Optional[bytes] = ..., scheduled_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class CreateRunResponse(_message.Message):
    __slots__ = ("run", "created")
    RUN_FIELD_NUMBER: _ClassVar[int]
    CREATED_FIELD_NUMBER: _ClassVar[int]
    run: _run_pb2.Run
    created: bool
    def __init__(self, run: _Optional[_Union[_run_pb2.Run, _Mapping]] = ..., created: _Optional[bool] = ...) -> None: ...

class ClaimRunRequest(_message.Message):
    __slots__ = ("run_id", "source", "kind", "worker")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    WORKER_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    source: str
    kind: _run_pb2.RunKind
    worker: str
    def __init__(self, run_id: _Optional[str] = ..., source: _Optional[str] = ..., kind: _Optional[_Union[_run_pb2.RunKind, str]] = ..., worker: _Optional[str] = ...) -> None: ...

class ClaimRunResponse(_message.Message):
    __slots__ = ("run", "claimed", "source", "schema", "letter", "replay_raw", "cursor", "checkpoints", "inputs")
    RUN_FIELD_NUMBER: _ClassVar[int]
    CLAIMED_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    SCHEMA_FIELD_NUMBER: _ClassVar[int]
    LETTER_FIELD_NUMBER: _ClassVar[int]
    REPLAY_RAW_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    CHECKPOINTS_FIELD_NUMBER: _ClassVar[int]
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    run: _run_pb2.Run
    claimed: bool
    source: _source_pb2.Source
    schema: _dataset_pb2.SchemaVersion
    letter: _dead_letter_pb2.DeadLetter
    replay_raw: bytes
    cursor: str
    checkpoints: int
    inputs: _containers.RepeatedCompositeFieldContainer[_dataset_pb2.DataFile]
    def __init__(self, run: _Optional[_Union[_run_pb2.Run, _Mapping]] = ..., claimed: _Optional[bool] = ..., source: _Optional[_Union[_source_pb2.Source, _Mapping]] = ..., schema: _Optional[_Union[_dataset_pb2.SchemaVersion, _Mapping]] = ..., letter: _Optional[_Union[_dead_letter_pb2.DeadLetter, _Mapping]] = ..., replay_raw: _Optional[bytes] = ..., cursor: _Optional[str] = ..., checkpoints: _Optional[int] = ..., inputs: _Optional[_Iterable[_Union[_dataset_pb2.DataFile, _Mapping]]] = ...) -> None: ...

class ObservedColumn(_message.Message):
    __slots__ = ("name", "type", "exceeds_double")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    EXCEEDS_DOUBLE_FIELD_NUMBER: _ClassVar[int]
    name: str
    type: str
    exceeds_double: bool
    def __init__(self, name: _Optional[str] = ..., type: _Optional[str] = ..., exceeds_double: _Optional[bool] = ...) -> None: ...

class RegisterSchemaRequest(_message.Message):
    __slots__ = ("run_id", "epoch", "columns")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    epoch: int
    columns: _containers.RepeatedCompositeFieldContainer[ObservedColumn]
    def __init__(self, run_id: _Optional[str] = ..., epoch: _Optional[int] = ..., columns: _Optional[_Iterable[_Union[ObservedColumn, _Mapping]]] = ...) -> None: ...

class RegisterSchemaResponse(_message.Message):
    __slots__ = ("schema", "discarded_columns")
    SCHEMA_FIELD_NUMBER: _ClassVar[int]
    DISCARDED_COLUMNS_FIELD_NUMBER: _ClassVar[int]
    schema: _dataset_pb2.SchemaVersion
    discarded_columns: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, schema: _Optional[_Union[_dataset_pb2.SchemaVersion, _Mapping]] = ..., discarded_columns: _Optional[_Iterable[str]] = ...) -> None: ...

class SaveCheckpointRequest(_message.Message):
    __slots__ = ("run_id", "epoch", "checkpoint")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    CHECKPOINT_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    epoch: int
    checkpoint: _memory_pb2.Checkpoint
    def __init__(self, run_id: _Optional[str] = ..., epoch: _Optional[int] = ..., checkpoint: _Optional[_Union[_memory_pb2.Checkpoint, _Mapping]] = ...) -> None: ...

class SaveCheckpointResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListCheckpointsRequest(_message.Message):
    __slots__ = ("run_id", "epoch", "page_size", "page_token")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    epoch: int
    page_size: int
    page_token: str
    def __init__(self, run_id: _Optional[str] = ..., epoch: _Optional[int] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListCheckpointsResponse(_message.Message):
    __slots__ = ("checkpoints", "next_page_token")
    CHECKPOINTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    checkpoints: _containers.RepeatedCompositeFieldContainer[_memory_pb2.Checkpoint]
    next_page_token: str
    def __init__(self, checkpoints: _Optional[_Iterable[_Union[_memory_pb2.Checkpoint, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class ListUnreadFilesRequest(_message.Message):
    __slots__ = ("run_id", "epoch", "files")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    FILES_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    epoch: int
    files: _containers.RepeatedCompositeFieldContainer[_memory_pb2.FileMark]
    def __init__(self, run_id: _Optional[str] = ..., epoch: _Optional[int] = ..., files: _Optional[_Iterable[_Union[_memory_pb2.FileMark, _Mapping]]] = ...) -> None: ...

class ListUnreadFilesResponse(_message.Message):
    __slots__ = ("unread",)
    UNREAD_FIELD_NUMBER: _ClassVar[int]
    unread: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, unread: _Optional[_Iterable[int]] = ...) -> None: ...

class CommitRunRequest(_message.Message):
    __slots__ = ("run_id", "epoch", "schema_version", "files", "event_ids", "letters", "counters", "cursor", "files_read", "discarded_columns")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    SCHEMA_VERSION_FIELD_NUMBER: _ClassVar[int]
    FILES_FIELD_NUMBER: _ClassVar[int]
    EVENT_IDS_FIELD_NUMBER: _ClassVar[int]
    LETTERS_FIELD_NUMBER: _ClassVar[int]
    COUNTERS_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    FILES_READ_FIELD_NUMBER: _ClassVar[int]
    DISCARDED_COLUMNS_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    epoch: int
    schema_version: int
    files: _containers.RepeatedCompositeFieldContainer[_dataset_pb2.DataFile]
    event_ids: _containers.RepeatedScalarFieldContainer[str]
    letters: _containers.RepeatedCompositeFieldContainer[_dead_letter_pb2.DeadLetter]
    counters: _run_pb2.RunCounters
    cursor: str
    files_read: _containers.RepeatedCompositeFieldContainer[_memory_pb2.FileMark]
    discarded_columns: _containers.RepeatedCompositeFieldContainer[_run_pb2.DiscardedColumn]
    def __init__(self, run_id: _Optional[str] = ..., epoch: _Optional[int] = ..., schema_version: _Optional[int] = ..., files: _Optional[_Iterable[_Union[_dataset_pb2.DataFile, _Mapping]]] = ..., event_ids: _Optional[_Iterable[str]] = ..., letters: _Optional[_Iterable[_Union[_dead_letter_pb2.DeadLetter, _Mapping]]] = ..., counters: _Optional[_Union[_run_pb2.RunCounters, _Mapping]] = ..., cursor: _Optional[str] = ..., files_read: _Optional[_Iterable[_Union[_memory_pb2.FileMark, _Mapping]]] = ..., discarded_columns: _Optional[_Iterable[_Union[_run_pb2.DiscardedColumn, _Mapping]]] = ...) -> None: ...

class CommitRunResponse(_message.Message):
    __slots__ = ("run", "duplicate_event_ids")
    RUN_FIELD_NUMBER: _ClassVar[int]
    DUPLICATE_EVENT_IDS_FIELD_NUMBER: _ClassVar[int]
    run: _run_pb2.Run
    duplicate_event_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, run: _Optional[_Union[_run_pb2.Run, _Mapping]] = ..., duplicate_event_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class FailRunRequest(_message.Message):
    __slots__ = ("run_id", "epoch", "stage", "code", "message", "next_attempt_time", "letters", "counters")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    STAGE_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    NEXT_ATTEMPT_TIME_FIELD_NUMBER: _ClassVar[int]
    LETTERS_FIELD_NUMBER: _ClassVar[int]
    COUNTERS_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    epoch: int
    stage: str
    code: str
    message: str
    next_attempt_time: _timestamp_pb2.Timestamp
    letters: _containers.RepeatedCompositeFieldContainer[_dead_letter_pb2.DeadLetter]
    counters: _run_pb2.RunCounters
    def __init__(self, run_id: _Optional[str] = ..., epoch: _Optional[int] = ..., stage: _Optional[str] = ..., code: _Optional[str] = ..., message: _Optional[str] = ..., next_attempt_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., letters: _Optional[_Iterable[_Union[_dead_letter_pb2.DeadLetter, _Mapping]]] = ..., counters: _Optional[_Union[_run_pb2.RunCounters, _Mapping]] = ...) -> None: ...

class FailRunResponse(_message.Message):
    __slots__ = ("run",)
    RUN_FIELD_NUMBER: _ClassVar[int]
    run: _run_pb2.Run
    def __init__(self, run: _Optional[_Union[_run_pb2.Run, _Mapping]] = ...) -> None: ...

class ReportProgressRequest(_message.Message):
    __slots__ = ("run_id", "epoch", "counters")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    COUNTERS_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    epoch: int
    counters: _run_pb2.RunCounters
    def __init__(self, run_id: _Optional[str] = ..., epoch: _Optional[int] = ..., counters: _Optional[_Union[_run_pb2.RunCounters, _Mapping]] = ...) -> None: ...

class ReportProgressResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class CancelRunRequest(_message.Message):
    __slots__ = ("run_id",)
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    def __init__(self, run_id: _Optional[str] = ...) -> None: ...

class CancelRunResponse(_message.Message):
    __slots__ = ("run",)
    RUN_FIELD_NUMBER: _ClassVar[int]
    run: _run_pb2.Run
    def __init__(self, run: _Optional[_Union[_run_pb2.Run, _Mapping]] = ...) -> None: ...
