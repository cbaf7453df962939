from rfe.ingest.v1 import preview_pb2 as _preview_pb2
from rfe.metadata.v1 import source_pb2 as _source_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class PreviewRequest(_message.Message):
    __slots__ = ("name", "source", "rows")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    name: str
    source: _source_pb2.Source
    rows: int
    def __init__(self, name: _Optional[str] = ..., source: _Optional[_Union[_source_pb2.Source, _Mapping]] = ..., rows: _Optional[int] = ...) -> None: ...

class PreviewResponse(_message.Message):
    __slots__ = ("preview",)
    PREVIEW_FIELD_NUMBER: _ClassVar[int]
    preview: _preview_pb2.Preview
    def __init__(self, preview: _Optional[_Union[_preview_pb2.Preview, _Mapping]] = ...) -> None: ...
