"""Where the services are, and what they want to see."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

DEFAULT_URL = "http://127.0.0.1:50051"
"""The address of all services where nothing else is said."""


@dataclass(frozen=True)
class Tls:
    """How `https://` addresses are spoken to. Paths of PEM files."""

    ca: Path | None = None
    """The authorities to trust, instead of the system's."""
    certificate: Path | None = None
    """A certificate of one's own, for servers that want one."""
    key: Path | None = None
    """Its key."""


@dataclass(frozen=True)
class Endpoints:
    """The addresses of the services, the token they want, and how `https://` ones are spoken to."""

    ingest: str
    metadata: str
    scheduler: str
    dlq: str
    query: str
    token: str | None = field(default=None, repr=False)
    tls: Tls = Tls()

    @staticmethod
    def read(
        url: str | None = None,
        *,
        metadata_url: str | None = None,
        scheduler_url: str | None = None,
        dlq_url: str | None = None,
        query_url: str | None = None,
        token: str | None = None,
        tls: Tls | None = None,
        environment: Mapping[str, str] = os.environ,
    ) -> Endpoints:
        """What is given wins. Otherwise `RFE_METADATA_URL`, `RFE_SCHEDULER_URL`, `RFE_DLQ_URL` and `RFE_QUERY_URL` say where one service is,
        `url` or `RFE_URL` where all are; `RFE_TOKEN`, `RFE_TLS_CA`, `RFE_TLS_CLIENT_CERT` and `RFE_TLS_CLIENT_KEY` are the rest. A variable that is
        empty counts as unset.

        Raises ValueError for an address that is none, and OSError for a file of TLS that can't be read.
        """

        def value(name: str) -> str | None:
            return environment.get(name, "").strip() or None

        def path(name: str) -> Path | None:
            text = value(name)
            return Path(text) if text else None

        everything = url or value("RFE_URL") or DEFAULT_URL
        found = Endpoints(
            ingest=check_url(everything),
            metadata=check_url(metadata_url or value("RFE_METADATA_URL") or everything),
            scheduler=check_url(scheduler_url or value("RFE_SCHEDULER_URL") or everything),
            dlq=check_url(dlq_url or value("RFE_DLQ_URL") or everything),
            query=check_url(query_url or value("RFE_QUERY_URL") or everything),
            token=_sendable(token or value("RFE_TOKEN")),
            tls=tls or Tls(path("RFE_TLS_CA"), path("RFE_TLS_CLIENT_CERT"), path("RFE_TLS_CLIENT_KEY")),
        )
        if (found.tls.certificate is None) != (found.tls.key is None):
            raise ValueError("a certificate and its key belong together: RFE_TLS_CLIENT_CERT and RFE_TLS_CLIENT_KEY")
        return found


def check_url(url: str) -> str:
    """The address with the scheme that it may lack. Raises ValueError if it is none."""
    trimmed = url.strip().rstrip("/")
    full = trimmed if "://" in trimmed else f"http://{trimmed}"
    scheme, _, rest = full.partition("://")
    if scheme not in ("http", "https") or not rest or rest.endswith(":") or any(sign in rest for sign in "/?# "):
        raise ValueError(f"`{url}` is no address of a service: write it like {DEFAULT_URL}")
    return full


def target(url: str) -> str:
    """Host and port, as gRPC dials them."""
    scheme, _, host = url.partition("://")
    has_port = host.rpartition(":")[2].isdigit() and not host.endswith("]")
    return host if has_port else f"{host}:{443 if scheme == 'https' else 80}"


def _sendable(token: str | None) -> str | None:
    if token is None:
        return None
    token = token.strip()
    if not token.isprintable() or not token.isascii():
        raise ValueError("the token can't be sent: it has characters that a header can't have")
    return token
