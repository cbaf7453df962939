"""What can go wrong, so that a caller can tell the cases apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Violation:
    """A field at fault."""

    field: str
    """Its path, such as `sources[1].config.url`."""
    description: str
    """What is wrong with it."""


class Error(Exception):
    """Why a call failed. There is a subclass for each code of gRPC that `rfe` answers with."""

    code = "INTERNAL"
    """The class of the error, as gRPC names it, such as `NOT_FOUND`."""

    def __init__(
        self,
        message: str,
        *,
        reason: str = "",
        metadata: Mapping[str, str] | None = None,
        violations: tuple[Violation, ...] = (),
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        """For people; it changes."""
        self.reason = reason or self.default_reason()
        """The constant reason, such as `SOURCE_NOT_FOUND`."""
        self.metadata = dict(metadata or {})
        """What belongs to the reason."""
        self.violations = violations
        """The fields at fault."""
        self.retry_after = retry_after
        """In how many seconds the service wants to be asked again; None: it does not say."""

    @classmethod
    def default_reason(cls) -> str:
        """The reason where nothing names one, as a proxy between does not."""
        return _REASONS.get(cls.code, "INTERNAL")

    @property
    def is_transient(self) -> bool:
        """True if the same call may succeed later."""
        return self.code in ("UNAVAILABLE", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED")

    @property
    def processed(self) -> int | None:
        """Of a stream of events that broke off: how many, from the first one on, are answered for good."""
        count = self.metadata.get("processed", "")
        return int(count) if count.isdigit() else None


class InvalidArgument(Error):
    """The call is wrong in itself; `violations` says where."""

    code = "INVALID_ARGUMENT"


class NotFound(Error):
    """The thing named does not exist."""

    code = "NOT_FOUND"


class AlreadyExists(Error):
    """A thing of that name exists."""

    code = "ALREADY_EXISTS"


class FailedPrecondition(Error):
    """The thing is not in a state for this."""

    code = "FAILED_PRECONDITION"


class Aborted(Error):
    """Somebody else was quicker; read again first."""

    code = "ABORTED"


class ResourceExhausted(Error):
    """Something is full; come again in `retry_after` seconds."""

    code = "RESOURCE_EXHAUSTED"


class Unauthenticated(Error):
    """No token, or one that is not valid."""

    code = "UNAUTHENTICATED"


class PermissionDenied(Error):
    """The token lacks the scope that the call needs."""

    code = "PERMISSION_DENIED"


class Unimplemented(Error):
    """A later version brings it."""

    code = "UNIMPLEMENTED"


class Unavailable(Error):
    """The service, or something that it needs, is away for now."""

    code = "UNAVAILABLE"


class Unreachable(Unavailable):
    """There is no connection: a matter of network and address."""


class DeadlineExceeded(Error):
    """It took longer than its deadline."""

    code = "DEADLINE_EXCEEDED"


class Cancelled(Error):
    """It was cancelled."""

    code = "CANCELLED"


class Internal(Error):
    """A defect of the service, or an answer outside the protocol."""

    code = "INTERNAL"


CLASSES: dict[str, type[Error]] = {
    kind.code: kind
    for kind in (
        InvalidArgument,
        NotFound,
        AlreadyExists,
        FailedPrecondition,
        Aborted,
        ResourceExhausted,
        Unauthenticated,
        PermissionDenied,
        Unimplemented,
        Unavailable,
        DeadlineExceeded,
        Cancelled,
        Internal,
    )
}
"""The subclass for each code."""

_REASONS = {
    "UNAVAILABLE": "BACKEND_UNAVAILABLE",
    "DEADLINE_EXCEEDED": "DEADLINE_EXCEEDED",
    "CANCELLED": "CANCELLED",
    "UNIMPLEMENTED": "NOT_IMPLEMENTED",
    "UNAUTHENTICATED": "TOKEN_INVALID",
    "PERMISSION_DENIED": "TOKEN_INVALID",
}
