from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class FileMark(_message.Message):
    __slots__ = ("path", "bytes", "version")
    PATH_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    path: str
    bytes: int
    version: str
    def __init__(self, path: _Optional[str] = ..., bytes: _Optional[int] = ..., version: _Optional[str] = ...) -> None: ...

class Checkpoint(_message.Message):
    __slots__ = ("place", "count", "key", "bytes", "sha256", "epoch")
    PLACE_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    place: int
    count: int
    key: str
    bytes: int
    sha256: str
    epoch: int
    def __init__(self, place: _Optional[int] = ..., count: _Optional[int] = ..., key: _Optional[str] = ..., bytes: _Optional[int] = ..., sha256: _Optional[str] = ..., epoch: _Optional[int] = ...) -> None: ...
