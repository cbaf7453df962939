"""The client."""

from __future__ import annotations

from types import TracebackType

from rfe._channel import Settings
from rfe._flight import Flight
from rfe._sync.datasets import Datasets
from rfe._sync.events import Events
from rfe._sync.jobs import Jobs
from rfe._sync.letters import Letters
from rfe._sync.previews import Previews
from rfe._sync.query import Query
from rfe._sync.runs import Runs
from rfe._sync.schedules import Schedules
from rfe._sync.sources import Sources
from rfe._sync.wire import Wire
from rfe.backoff import Backoff
from rfe.endpoints import Endpoints, Tls


class Client(Sources, Jobs, Events, Runs, Datasets, Schedules, Letters, Previews, Query):
    """The services of one platform. Connections are made on first use and again when they must be.

    `url` is where all services are, instead of `RFE_URL`; `metadata_url` and the like say so of one of them. What is not given comes
    from the environment: `RFE_URL` (default `http://127.0.0.1:50051`), `RFE_METADATA_URL`, `RFE_SCHEDULER_URL`, `RFE_DLQ_URL`,
    `RFE_QUERY_URL`, `RFE_TOKEN`, `RFE_TLS_CA`, `RFE_TLS_CLIENT_CERT`, `RFE_TLS_CLIENT_KEY`. Calls that are safe to repeat are repeated while
    their service is unavailable, as `backoff` says. `deadline` and `query_deadline` are seconds.

    Raises ValueError for an address or a token that can't be one, OSError for a file of TLS that can't be read.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        metadata_url: str | None = None,
        scheduler_url: str | None = None,
        dlq_url: str | None = None,
        query_url: str | None = None,
        token: str | None = None,
        tls: Tls | None = None,
        deadline: float = 30.0,
        query_deadline: float | None = None,
        backoff: Backoff | None = None,
    ) -> None:
        endpoints = Endpoints.read(
            url,
            metadata_url=metadata_url,
            scheduler_url=scheduler_url,
            dlq_url=dlq_url,
            query_url=query_url,
            token=token,
            tls=tls,
        )
        self._settings = Settings(endpoints, deadline, query_deadline, backoff or Backoff())
        self._wire = Wire(self._settings)
        self._flight = Flight(self._settings)

    @property
    def endpoints(self) -> Endpoints:
        """Where the services are."""
        return self._settings.endpoints

    def close(self) -> None:
        """Ends the connections."""
        self._wire.close()
        self._flight.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Client({self.endpoints!r})"
