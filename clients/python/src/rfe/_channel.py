"""How both clients dial: what their channels have in common."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import grpc

from rfe.backoff import Backoff
from rfe.endpoints import Endpoints

MAX_MESSAGE_BYTES = 64 << 20

try:
    VERSION = version("rfe-client")
except PackageNotFoundError:
    VERSION = "unreleased"

OPTIONS: list[tuple[str, Any]] = [
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.primary_user_agent", f"rfe-python/{VERSION}"),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.http2.max_pings_without_data", 0),
    # What may be made again is known here, by name.
    ("grpc.enable_retries", 0),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2_000),
]


@dataclass(frozen=True)
class Settings:
    """What a client was made with."""

    endpoints: Endpoints
    deadline: float = 30.0
    """Seconds that a call may take, all attempts together."""
    query_deadline: float | None = None
    """Seconds that planning a query may take, and as many that running it until its last row may."""
    backoff: Backoff = field(default_factory=Backoff)

    @property
    def headers(self) -> tuple[tuple[str, str | bytes], ...]:
        """What every call carries."""
        token = self.endpoints.token
        return (("authorization", f"Bearer {token}"),) if token else ()

    @property
    def credentials(self) -> grpc.ChannelCredentials:
        """Whom to trust, and what to show."""
        tls = self.endpoints.tls
        ca, key, certificate = (path.read_bytes() if path else None for path in (tls.ca, tls.key, tls.certificate))
        return grpc.ssl_channel_credentials(ca, key, certificate)
