import datetime

from google.protobuf import struct_pb2 as _struct_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class DeadLetter(_message.Message):
    __slots__ = ("id", "kind", "source", "run_id", "stage", "code", "message", "field_path", "position", "attempts", "first_seen", "last_seen", "schema_version", "event_id", "context", "raw_base64", "raw_truncated", "raw_sha256", "state", "discard_reason", "replay_run_id", "raw_ref", "closed_time", "closed_by", "redacted", "raw_text")
    ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    STAGE_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    FIELD_PATH_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    FIRST_SEEN_FIELD_NUMBER: _ClassVar[int]
    LAST_SEEN_FIELD_NUMBER: _ClassVar[int]
    SCHEMA_VERSION_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    RAW_BASE64_FIELD_NUMBER: _ClassVar[int]
    RAW_TRUNCATED_FIELD_NUMBER: _ClassVar[int]
    RAW_SHA256_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    DISCARD_REASON_FIELD_NUMBER: _ClassVar[int]
    REPLAY_RUN_ID_FIELD_NUMBER: _ClassVar[int]
    RAW_REF_FIELD_NUMBER: _ClassVar[int]
    CLOSED_TIME_FIELD_NUMBER: _ClassVar[int]
    CLOSED_BY_FIELD_NUMBER: _ClassVar[int]
    REDACTED_FIELD_NUMBER: _ClassVar[int]
    RAW_TEXT_FIELD_NUMBER: _ClassVar[int]
    id: str
    kind: str
    source: str
    run_id: str
    stage: str
    code: str
    message: str
    field_path: str
    position: Position
    attempts: int
    first_seen: _timestamp_pb2.Timestamp
    last_seen: _timestamp_pb2.Timestamp
    schema_version: int
    event_id: str
    context: _struct_pb2.Struct
    raw_base64: bytes
    raw_truncated: bool
    raw_sha256: str
    state: str
    discard_reason: str
    replay_run_id: str
    raw_ref: str
    closed_time: _timestamp_pb2.Timestamp
    closed_by: str
    redacted: bool
    raw_text: str
    def __init__(self, id: _Optional[str] = ..., kind: _Optional[str] = ..., source: _Optional[str] = ..., run_id: _Optional[str] = ..., stage: _Optional[str] = ..., code: _Optional[str] = ..., message: _Optional[str] = ..., field_path: _Optional[str] = ..., position: _Optional[_Union[Position, _Mapping]] = ..., attempts: _Optional[int] = ..., first_seen: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., last_seen: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., schema_version: _Optional[int] = ..., event_id: _Optional[str] = ..., context: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., raw_base64: _Optional[bytes] = ..., raw_truncated: _Optional[bool] = ..., raw_sha256: _Optional[str] = ..., state: _Optional[str] = ..., discard_reason: _Optional[str] = ..., replay_run_id: _Optional[str] = ..., raw_ref: _Optional[str] = ..., closed_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., closed_by: _Optional[str] = ..., redacted: _Optional[bool] = ..., raw_text: _Optional[str] = ...) -> None: ...

class Position(_message.Message):
    __slots__ = ("file", "line", "record", "page")
    FILE_FIELD_NUMBER: _ClassVar[int]
    LINE_FIELD_NUMBER: _ClassVar[int]
    RECORD_FIELD_NUMBER: _ClassVar[int]
    PAGE_FIELD_NUMBER: _ClassVar[int]
    file: str
    line: int
    record: int
    page: int
    def __init__(self, file: _Optional[str] = ..., line: _Optional[int] = ..., record: _Optional[int] = ..., page: _Optional[int] = ...) -> None: ...
