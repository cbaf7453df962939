import datetime

from google.protobuf import struct_pb2 as _struct_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Mode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    MODE_UNSPECIFIED: _ClassVar[Mode]
    MODE_REPLACE: _ClassVar[Mode]
    MODE_APPEND: _ClassVar[Mode]
    MODE_INCREMENTAL: _ClassVar[Mode]
    MODE_MERGE: _ClassVar[Mode]

class SchemaPolicy(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SCHEMA_POLICY_UNSPECIFIED: _ClassVar[SchemaPolicy]
    SCHEMA_POLICY_EVOLVE: _ClassVar[SchemaPolicy]
    SCHEMA_POLICY_FREEZE: _ClassVar[SchemaPolicy]
    SCHEMA_POLICY_DISCARD: _ClassVar[SchemaPolicy]
    SCHEMA_POLICY_QUARANTINE: _ClassVar[SchemaPolicy]
MODE_UNSPECIFIED: Mode
MODE_REPLACE: Mode
MODE_APPEND: Mode
MODE_INCREMENTAL: Mode
MODE_MERGE: Mode
SCHEMA_POLICY_UNSPECIFIED: SchemaPolicy
SCHEMA_POLICY_EVOLVE: SchemaPolicy
SCHEMA_POLICY_FREEZE: SchemaPolicy
SCHEMA_POLICY_DISCARD: SchemaPolicy
SCHEMA_POLICY_QUARANTINE: SchemaPolicy

class Source(_message.Message):
    __slots__ = ("name", "kind", "config", "mode", "columns", "schema_policy", "on_bad_row", "retry", "schedule", "json", "merge", "created_time", "updated_time", "deleted_time", "auto_created", "revision", "cursor", "retention")
    class ColumnsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    CONFIG_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    SCHEMA_POLICY_FIELD_NUMBER: _ClassVar[int]
    ON_BAD_ROW_FIELD_NUMBER: _ClassVar[int]
    RETRY_FIELD_NUMBER: _ClassVar[int]
    SCHEDULE_FIELD_NUMBER: _ClassVar[int]
    JSON_FIELD_NUMBER: _ClassVar[int]
    MERGE_FIELD_NUMBER: _ClassVar[int]
    CREATED_TIME_FIELD_NUMBER: _ClassVar[int]
    UPDATED_TIME_FIELD_NUMBER: _ClassVar[int]
    DELETED_TIME_FIELD_NUMBER: _ClassVar[int]
    AUTO_CREATED_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    RETENTION_FIELD_NUMBER: _ClassVar[int]
    name: str
    kind: str
    config: _struct_pb2.Struct
    mode: Mode
    columns: _containers.ScalarMap[str, str]
    schema_policy: SchemaPolicy
    on_bad_row: BadRowPolicy
    retry: RetryPolicy
    schedule: SourceSchedule
    json: JsonOptions
    merge: MergeOptions
    created_time: _timestamp_pb2.Timestamp
    updated_time: _timestamp_pb2.Timestamp
    deleted_time: _timestamp_pb2.Timestamp
    auto_created: bool
    revision: int
    cursor: str
    retention: RetentionPolicy
    def __init__(self, name: _Optional[str] = ..., kind: _Optional[str] = ..., config: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., mode: _Optional[_Union[Mode, str]] = ..., columns: _Optional[_Mapping[str, str]] = ..., schema_policy: _Optional[_Union[SchemaPolicy, str]] = ..., on_bad_row: _Optional[_Union[BadRowPolicy, _Mapping]] = ..., retry: _Optional[_Union[RetryPolicy, _Mapping]] = ..., schedule: _Optional[_Union[SourceSchedule, _Mapping]] = ..., json: _Optional[_Union[JsonOptions, _Mapping]] = ..., merge: _Optional[_Union[MergeOptions, _Mapping]] = ..., created_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., updated_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., deleted_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., auto_created: _Optional[bool] = ..., revision: _Optional[int] = ..., cursor: _Optional[str] = ..., retention: _Optional[_Union[RetentionPolicy, _Mapping]] = ...) -> None: ...

class RetentionPolicy(_message.Message):
    __slots__ = ("raw_days", "snapshot_hours")
    RAW_DAYS_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_HOURS_FIELD_NUMBER: _ClassVar[int]
    raw_days: float
    snapshot_hours: float
    def __init__(self, raw_days: _Optional[float] = ..., snapshot_hours: _Optional[float] = ...) -> None: ...

class BadRowPolicy(_message.Message):
    __slots__ = ("fail", "max_rows", "max_share")
    FAIL_FIELD_NUMBER: _ClassVar[int]
    MAX_ROWS_FIELD_NUMBER: _ClassVar[int]
    MAX_SHARE_FIELD_NUMBER: _ClassVar[int]
    fail: bool
    max_rows: int
    max_share: float
    def __init__(self, fail: _Optional[bool] = ..., max_rows: _Optional[int] = ..., max_share: _Optional[float] = ...) -> None: ...

class RetryPolicy(_message.Message):
    __slots__ = ("attempts", "base_seconds", "cap_seconds")
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    BASE_SECONDS_FIELD_NUMBER: _ClassVar[int]
    CAP_SECONDS_FIELD_NUMBER: _ClassVar[int]
    attempts: int
    base_seconds: float
    cap_seconds: float
    def __init__(self, attempts: _Optional[int] = ..., base_seconds: _Optional[float] = ..., cap_seconds: _Optional[float] = ...) -> None: ...

class SourceSchedule(_message.Message):
    __slots__ = ("every_seconds", "cron", "timezone", "overlap", "misfire")
    EVERY_SECONDS_FIELD_NUMBER: _ClassVar[int]
    CRON_FIELD_NUMBER: _ClassVar[int]
    TIMEZONE_FIELD_NUMBER: _ClassVar[int]
    OVERLAP_FIELD_NUMBER: _ClassVar[int]
    MISFIRE_FIELD_NUMBER: _ClassVar[int]
    every_seconds: float
    cron: str
    timezone: str
    overlap: str
    misfire: str
    def __init__(self, every_seconds: _Optional[float] = ..., cron: _Optional[str] = ..., timezone: _Optional[str] = ..., overlap: _Optional[str] = ..., misfire: _Optional[str] = ...) -> None: ...

class JsonOptions(_message.Message):
    __slots__ = ("format", "records", "paths")
    class PathsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    RECORDS_FIELD_NUMBER: _ClassVar[int]
    PATHS_FIELD_NUMBER: _ClassVar[int]
    format: str
    records: str
    paths: _containers.ScalarMap[str, str]
    def __init__(self, format: _Optional[str] = ..., records: _Optional[str] = ..., paths: _Optional[_Mapping[str, str]] = ...) -> None: ...

class MergeOptions(_message.Message):
    __slots__ = ("key", "order_by", "deleted")
    KEY_FIELD_NUMBER: _ClassVar[int]
    ORDER_BY_FIELD_NUMBER: _ClassVar[int]
    DELETED_FIELD_NUMBER: _ClassVar[int]
    key: _containers.RepeatedScalarFieldContainer[str]
    order_by: str
    deleted: str
    def __init__(self, key: _Optional[_Iterable[str]] = ..., order_by: _Optional[str] = ..., deleted: _Optional[str] = ...) -> None: ...
