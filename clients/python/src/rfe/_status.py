"""gRPC's statuses as typed errors."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import grpc
from google.protobuf.message import DecodeError
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status
from grpc import aio

from rfe.errors import CLASSES, Error, Internal, Unavailable, Unreachable, Violation

DETAILS = "grpc-status-details-bin"
_SAME_CLASS = {"OUT_OF_RANGE": "INVALID_ARGUMENT"}


def error_of_call(url: str, call: grpc.RpcError) -> Error:
    """The error of a call that grpc ended with an exception. That is a call as well."""
    assert isinstance(call, grpc.Call), "grpc raises calls"
    return _error_of_status(url, call.code(), call.details(), call.trailing_metadata())


def error_of_async_call(url: str, call: aio.AioRpcError) -> Error:
    """The same of a call of asyncio."""
    return _error_of_status(url, call.code(), call.details(), call.trailing_metadata())


def _error_of_status(url: str, code: grpc.StatusCode, message: str | None, trailers: Iterable[Any] | None) -> Error:
    found: list[bytes] = [value for key, value in trailers or () if key == DETAILS]
    return error_of(url, code.name, message or "", found[0] if found else b"")


def error_of(url: str, code: str, message: str, details: bytes) -> Error:
    """The error for a code by name, with the details that a service of `rfe` always adds."""
    kind = CLASSES.get(_SAME_CLASS.get(code, code), Internal)
    if not details:
        return _without_details(url, kind, message)
    try:
        status = Status.FromString(details)
    except DecodeError:
        return kind(message)
    info, bad, retry = ErrorInfo(), BadRequest(), RetryInfo()
    found = {type(part) for part in (info, bad, retry) for detail in status.details if detail.Unpack(part)}
    return kind(
        message,
        reason=info.reason,
        metadata=info.metadata,
        violations=tuple(Violation(one.field, one.description) for one in bad.field_violations),
        retry_after=retry.retry_delay.ToNanoseconds() / 1e9 if RetryInfo in found else None,
    )


def deadline_exceeded(url: str) -> Error:
    """The deadline was over before the service answered."""
    return CLASSES["DEADLINE_EXCEEDED"](f"{url} did not answer before the deadline")


def _without_details(url: str, kind: type[Error], message: str) -> Error:
    # Only an error that was made on this side has none.
    if kind is Unavailable:
        return Unreachable(f"{url} can't be reached: {message}")
    if kind.code == "DEADLINE_EXCEEDED":
        return deadline_exceeded(url)
    return kind(message)
