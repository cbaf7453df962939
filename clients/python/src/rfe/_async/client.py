"""The client."""

from __future__ import annotations

from types import TracebackType

from rfe._async.datasets import Datasets
from rfe._async.events import Events
from rfe._async.jobs import Jobs
from rfe._async.letters import Letters
from rfe._async.previews import Previews
from rfe._async.query import Query
from rfe._async.runs import Runs
from rfe._async.schedules import Schedules
from rfe._async.sources import Sources
from rfe._async.wire import Wire
from rfe._channel import Settings
from rfe._flight import Flight
from rfe.backoff import Backoff
from rfe.endpoints import Endpoints, Tls


class AsyncClient(Sources, Jobs, Events, Runs, Datasets, Schedules, Letters, Previews, Query):
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

    async def close(self) -> None:
        """Ends the connections."""
        await self._wire.close()
        self._flight.close()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"AsyncClient({self.endpoints!r})"
