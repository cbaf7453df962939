from rfe.dlq.v1 import dead_letter_pb2 as _dead_letter_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Preview(_message.Message):
    __slots__ = ("source", "columns", "rows", "bad_records", "records_read", "records_bad", "complete", "schema_version", "changes", "discarded_columns", "would_fail")
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    BAD_RECORDS_FIELD_NUMBER: _ClassVar[int]
    RECORDS_READ_FIELD_NUMBER: _ClassVar[int]
    RECORDS_BAD_FIELD_NUMBER: _ClassVar[int]
    COMPLETE_FIELD_NUMBER: _ClassVar[int]
    SCHEMA_VERSION_FIELD_NUMBER: _ClassVar[int]
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    DISCARDED_COLUMNS_FIELD_NUMBER: _ClassVar[int]
    WOULD_FAIL_FIELD_NUMBER: _ClassVar[int]
    source: str
    columns: _containers.RepeatedCompositeFieldContainer[PreviewColumn]
    rows: _containers.RepeatedCompositeFieldContainer[PreviewRow]
    bad_records: _containers.RepeatedCompositeFieldContainer[PreviewBadRecord]
    records_read: int
    records_bad: int
    complete: bool
    schema_version: int
    changes: _containers.RepeatedScalarFieldContainer[str]
    discarded_columns: _containers.RepeatedScalarFieldContainer[str]
    would_fail: str
    def __init__(self, source: _Optional[str] = ..., columns: _Optional[_Iterable[_Union[PreviewColumn, _Mapping]]] = ..., rows: _Optional[_Iterable[_Union[PreviewRow, _Mapping]]] = ..., bad_records: _Optional[_Iterable[_Union[PreviewBadRecord, _Mapping]]] = ..., records_read: _Optional[int] = ..., records_bad: _Optional[int] = ..., complete: _Optional[bool] = ..., schema_version: _Optional[int] = ..., changes: _Optional[_Iterable[str]] = ..., discarded_columns: _Optional[_Iterable[str]] = ..., would_fail: _Optional[str] = ...) -> None: ...

class PreviewColumn(_message.Message):
    __slots__ = ("name", "type", "observed_type", "declared", "change")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    OBSERVED_TYPE_FIELD_NUMBER: _ClassVar[int]
    DECLARED_FIELD_NUMBER: _ClassVar[int]
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    name: str
    type: str
    observed_type: str
    declared: bool
    change: str
    def __init__(self, name: _Optional[str] = ..., type: _Optional[str] = ..., observed_type: _Optional[str] = ..., declared: _Optional[bool] = ..., change: _Optional[str] = ...) -> None: ...

class PreviewRow(_message.Message):
    __slots__ = ("cells",)
    CELLS_FIELD_NUMBER: _ClassVar[int]
    cells: _containers.RepeatedCompositeFieldContainer[PreviewCell]
    def __init__(self, cells: _Optional[_Iterable[_Union[PreviewCell, _Mapping]]] = ...) -> None: ...

class PreviewCell(_message.Message):
    __slots__ = ("text",)
    TEXT_FIELD_NUMBER: _ClassVar[int]
    text: str
    def __init__(self, text: _Optional[str] = ...) -> None: ...

class PreviewBadRecord(_message.Message):
    __slots__ = ("position", "code", "message", "field_path", "raw")
    POSITION_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    FIELD_PATH_FIELD_NUMBER: _ClassVar[int]
    RAW_FIELD_NUMBER: _ClassVar[int]
    position: _dead_letter_pb2.Position
    code: str
    message: str
    field_path: str
    raw: str
    def __init__(self, position: _Optional[_Union[_dead_letter_pb2.Position, _Mapping]] = ..., code: _Optional[str] = ..., message: _Optional[str] = ..., field_path: _Optional[str] = ..., raw: _Optional[str] = ...) -> None: ...
