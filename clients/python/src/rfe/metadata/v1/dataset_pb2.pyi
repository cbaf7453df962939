import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Layer(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LAYER_UNSPECIFIED: _ClassVar[Layer]
    LAYER_RAW: _ClassVar[Layer]
    LAYER_PROCESSED: _ClassVar[Layer]
LAYER_UNSPECIFIED: Layer
LAYER_RAW: Layer
LAYER_PROCESSED: Layer

class Column(_message.Message):
    __slots__ = ("id", "name", "type", "declared", "missing", "exceeds_double")
    ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    DECLARED_FIELD_NUMBER: _ClassVar[int]
    MISSING_FIELD_NUMBER: _ClassVar[int]
    EXCEEDS_DOUBLE_FIELD_NUMBER: _ClassVar[int]
    id: int
    name: str
    type: str
    declared: bool
    missing: bool
    exceeds_double: bool
    def __init__(self, id: _Optional[int] = ..., name: _Optional[str] = ..., type: _Optional[str] = ..., declared: _Optional[bool] = ..., missing: _Optional[bool] = ..., exceeds_double: _Optional[bool] = ...) -> None: ...

class SchemaVersion(_message.Message):
    __slots__ = ("dataset", "version", "hash", "columns", "run_id", "created_time", "changes", "left_out")
    DATASET_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    HASH_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    CREATED_TIME_FIELD_NUMBER: _ClassVar[int]
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    LEFT_OUT_FIELD_NUMBER: _ClassVar[int]
    dataset: str
    version: int
    hash: str
    columns: _containers.RepeatedCompositeFieldContainer[Column]
    run_id: str
    created_time: _timestamp_pb2.Timestamp
    changes: _containers.RepeatedScalarFieldContainer[str]
    left_out: _containers.RepeatedCompositeFieldContainer[LeftOutColumn]
    def __init__(self, dataset: _Optional[str] = ..., version: _Optional[int] = ..., hash: _Optional[str] = ..., columns: _Optional[_Iterable[_Union[Column, _Mapping]]] = ..., run_id: _Optional[str] = ..., created_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., changes: _Optional[_Iterable[str]] = ..., left_out: _Optional[_Iterable[_Union[LeftOutColumn, _Mapping]]] = ...) -> None: ...

class LeftOutColumn(_message.Message):
    __slots__ = ("name", "type", "run_id", "time")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    name: str
    type: str
    run_id: str
    time: _timestamp_pb2.Timestamp
    def __init__(self, name: _Optional[str] = ..., type: _Optional[str] = ..., run_id: _Optional[str] = ..., time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Dataset(_message.Message):
    __slots__ = ("name", "source", "schema_version", "columns", "rows", "bytes", "files", "snapshot", "updated_time", "events", "kind")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    SCHEMA_VERSION_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    FILES_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_FIELD_NUMBER: _ClassVar[int]
    UPDATED_TIME_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    name: str
    source: str
    schema_version: int
    columns: _containers.RepeatedCompositeFieldContainer[Column]
    rows: int
    bytes: int
    files: int
    snapshot: int
    updated_time: _timestamp_pb2.Timestamp
    events: bool
    kind: str
    def __init__(self, name: _Optional[str] = ..., source: _Optional[str] = ..., schema_version: _Optional[int] = ..., columns: _Optional[_Iterable[_Union[Column, _Mapping]]] = ..., rows: _Optional[int] = ..., bytes: _Optional[int] = ..., files: _Optional[int] = ..., snapshot: _Optional[int] = ..., updated_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., events: _Optional[bool] = ..., kind: _Optional[str] = ...) -> None: ...

class DataFile(_message.Message):
    __slots__ = ("key", "layer", "dataset", "run_id", "epoch", "part", "rows", "bytes", "sha256", "schema_version", "begin_snapshot", "end_snapshot", "created_time", "raw_columns", "stats", "order_snapshot")
    KEY_FIELD_NUMBER: _ClassVar[int]
    LAYER_FIELD_NUMBER: _ClassVar[int]
    DATASET_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    PART_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    SCHEMA_VERSION_FIELD_NUMBER: _ClassVar[int]
    BEGIN_SNAPSHOT_FIELD_NUMBER: _ClassVar[int]
    END_SNAPSHOT_FIELD_NUMBER: _ClassVar[int]
    CREATED_TIME_FIELD_NUMBER: _ClassVar[int]
    RAW_COLUMNS_FIELD_NUMBER: _ClassVar[int]
    STATS_FIELD_NUMBER: _ClassVar[int]
    ORDER_SNAPSHOT_FIELD_NUMBER: _ClassVar[int]
    key: str
    layer: Layer
    dataset: str
    run_id: str
    epoch: int
    part: int
    rows: int
    bytes: int
    sha256: str
    schema_version: int
    begin_snapshot: int
    end_snapshot: int
    created_time: _timestamp_pb2.Timestamp
    raw_columns: _containers.RepeatedCompositeFieldContainer[Column]
    stats: _containers.RepeatedCompositeFieldContainer[ColumnStats]
    order_snapshot: int
    def __init__(self, key: _Optional[str] = ..., layer: _Optional[_Union[Layer, str]] = ..., dataset: _Optional[str] = ..., run_id: _Optional[str] = ..., epoch: _Optional[int] = ..., part: _Optional[int] = ..., rows: _Optional[int] = ..., bytes: _Optional[int] = ..., sha256: _Optional[str] = ..., schema_version: _Optional[int] = ..., begin_snapshot: _Optional[int] = ..., end_snapshot: _Optional[int] = ..., created_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., raw_columns: _Optional[_Iterable[_Union[Column, _Mapping]]] = ..., stats: _Optional[_Iterable[_Union[ColumnStats, _Mapping]]] = ..., order_snapshot: _Optional[int] = ...) -> None: ...

class ColumnStats(_message.Message):
    __slots__ = ("column_id", "min", "max", "has_bounds", "nulls", "type")
    COLUMN_ID_FIELD_NUMBER: _ClassVar[int]
    MIN_FIELD_NUMBER: _ClassVar[int]
    MAX_FIELD_NUMBER: _ClassVar[int]
    HAS_BOUNDS_FIELD_NUMBER: _ClassVar[int]
    NULLS_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    column_id: int
    min: str
    max: str
    has_bounds: bool
    nulls: int
    type: str
    def __init__(self, column_id: _Optional[int] = ..., min: _Optional[str] = ..., max: _Optional[str] = ..., has_bounds: _Optional[bool] = ..., nulls: _Optional[int] = ..., type: _Optional[str] = ...) -> None: ...

class Freshness(_message.Message):
    __slots__ = ("source", "last_success_time", "age_seconds", "last_state", "last_error", "rows", "open_letters", "failures_since_success", "expected_seconds", "late")
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    LAST_SUCCESS_TIME_FIELD_NUMBER: _ClassVar[int]
    AGE_SECONDS_FIELD_NUMBER: _ClassVar[int]
    LAST_STATE_FIELD_NUMBER: _ClassVar[int]
    LAST_ERROR_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    OPEN_LETTERS_FIELD_NUMBER: _ClassVar[int]
    FAILURES_SINCE_SUCCESS_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_SECONDS_FIELD_NUMBER: _ClassVar[int]
    LATE_FIELD_NUMBER: _ClassVar[int]
    source: str
    last_success_time: _timestamp_pb2.Timestamp
    age_seconds: float
    last_state: str
    last_error: str
    rows: int
    open_letters: int
    failures_since_success: int
    expected_seconds: float
    late: bool
    def __init__(self, source: _Optional[str] = ..., last_success_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., age_seconds: _Optional[float] = ..., last_state: _Optional[str] = ..., last_error: _Optional[str] = ..., rows: _Optional[int] = ..., open_letters: _Optional[int] = ..., failures_since_success: _Optional[int] = ..., expected_seconds: _Optional[float] = ..., late: _Optional[bool] = ...) -> None: ...
