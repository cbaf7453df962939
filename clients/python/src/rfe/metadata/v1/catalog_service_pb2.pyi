from rfe.metadata.v1 import dataset_pb2 as _dataset_pb2
from rfe.metadata.v1 import source_pb2 as _source_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class GetSnapshotRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetSnapshotResponse(_message.Message):
    __slots__ = ("snapshot",)
    SNAPSHOT_FIELD_NUMBER: _ClassVar[int]
    snapshot: int
    def __init__(self, snapshot: _Optional[int] = ...) -> None: ...

class ResolveDatasetsRequest(_message.Message):
    __slots__ = ("snapshot", "datasets", "columns_only")
    SNAPSHOT_FIELD_NUMBER: _ClassVar[int]
    DATASETS_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_ONLY_FIELD_NUMBER: _ClassVar[int]
    snapshot: int
    datasets: _containers.RepeatedScalarFieldContainer[str]
    columns_only: bool
    def __init__(self, snapshot: _Optional[int] = ..., datasets: _Optional[_Iterable[str]] = ..., columns_only: _Optional[bool] = ...) -> None: ...

class ResolvedDataset(_message.Message):
    __slots__ = ("dataset", "processed", "raw", "raw_columns", "merge")
    DATASET_FIELD_NUMBER: _ClassVar[int]
    PROCESSED_FIELD_NUMBER: _ClassVar[int]
    RAW_FIELD_NUMBER: _ClassVar[int]
    RAW_COLUMNS_FIELD_NUMBER: _ClassVar[int]
    MERGE_FIELD_NUMBER: _ClassVar[int]
    dataset: _dataset_pb2.Dataset
    processed: _containers.RepeatedCompositeFieldContainer[_dataset_pb2.DataFile]
    raw: _containers.RepeatedCompositeFieldContainer[_dataset_pb2.DataFile]
    raw_columns: _containers.RepeatedCompositeFieldContainer[_dataset_pb2.Column]
    merge: _source_pb2.MergeOptions
    def __init__(self, dataset: _Optional[_Union[_dataset_pb2.Dataset, _Mapping]] = ..., processed: _Optional[_Iterable[_Union[_dataset_pb2.DataFile, _Mapping]]] = ..., raw: _Optional[_Iterable[_Union[_dataset_pb2.DataFile, _Mapping]]] = ..., raw_columns: _Optional[_Iterable[_Union[_dataset_pb2.Column, _Mapping]]] = ..., merge: _Optional[_Union[_source_pb2.MergeOptions, _Mapping]] = ...) -> None: ...

class ResolveDatasetsResponse(_message.Message):
    __slots__ = ("snapshot", "datasets")
    SNAPSHOT_FIELD_NUMBER: _ClassVar[int]
    DATASETS_FIELD_NUMBER: _ClassVar[int]
    snapshot: int
    datasets: _containers.RepeatedCompositeFieldContainer[ResolvedDataset]
    def __init__(self, snapshot: _Optional[int] = ..., datasets: _Optional[_Iterable[_Union[ResolvedDataset, _Mapping]]] = ...) -> None: ...

class ScanFilesRequest(_message.Message):
    __slots__ = ("dataset", "snapshot", "layer", "begun_after", "with_ended")
    DATASET_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_FIELD_NUMBER: _ClassVar[int]
    LAYER_FIELD_NUMBER: _ClassVar[int]
    BEGUN_AFTER_FIELD_NUMBER: _ClassVar[int]
    WITH_ENDED_FIELD_NUMBER: _ClassVar[int]
    dataset: str
    snapshot: int
    layer: _dataset_pb2.Layer
    begun_after: int
    with_ended: bool
    def __init__(self, dataset: _Optional[str] = ..., snapshot: _Optional[int] = ..., layer: _Optional[_Union[_dataset_pb2.Layer, str]] = ..., begun_after: _Optional[int] = ..., with_ended: _Optional[bool] = ...) -> None: ...

class ScanFilesResponse(_message.Message):
    __slots__ = ("data_files", "ended_keys")
    DATA_FILES_FIELD_NUMBER: _ClassVar[int]
    ENDED_KEYS_FIELD_NUMBER: _ClassVar[int]
    data_files: _containers.RepeatedCompositeFieldContainer[_dataset_pb2.DataFile]
    ended_keys: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, data_files: _Optional[_Iterable[_Union[_dataset_pb2.DataFile, _Mapping]]] = ..., ended_keys: _Optional[_Iterable[str]] = ...) -> None: ...

class ListChangesRequest(_message.Message):
    __slots__ = ("after_snapshot",)
    AFTER_SNAPSHOT_FIELD_NUMBER: _ClassVar[int]
    after_snapshot: int
    def __init__(self, after_snapshot: _Optional[int] = ...) -> None: ...

class ListChangesResponse(_message.Message):
    __slots__ = ("snapshot", "datasets")
    SNAPSHOT_FIELD_NUMBER: _ClassVar[int]
    DATASETS_FIELD_NUMBER: _ClassVar[int]
    snapshot: int
    datasets: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, snapshot: _Optional[int] = ..., datasets: _Optional[_Iterable[str]] = ...) -> None: ...

class HoldTaskRequest(_message.Message):
    __slots__ = ("task", "holder", "seconds")
    TASK_FIELD_NUMBER: _ClassVar[int]
    HOLDER_FIELD_NUMBER: _ClassVar[int]
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    task: str
    holder: str
    seconds: float
    def __init__(self, task: _Optional[str] = ..., holder: _Optional[str] = ..., seconds: _Optional[float] = ...) -> None: ...

class HoldTaskResponse(_message.Message):
    __slots__ = ("held",)
    HELD_FIELD_NUMBER: _ClassVar[int]
    held: bool
    def __init__(self, held: _Optional[bool] = ...) -> None: ...

class ScanTableRequest(_message.Message):
    __slots__ = ("table",)
    TABLE_FIELD_NUMBER: _ClassVar[int]
    table: str
    def __init__(self, table: _Optional[str] = ...) -> None: ...

class ScanTableResponse(_message.Message):
    __slots__ = ("arrow_ipc",)
    ARROW_IPC_FIELD_NUMBER: _ClassVar[int]
    arrow_ipc: bytes
    def __init__(self, arrow_ipc: _Optional[bytes] = ...) -> None: ...
