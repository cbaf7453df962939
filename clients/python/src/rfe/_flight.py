"""SQL through ADBC's Flight SQL driver: connections, and its errors as ours."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import adbc_driver_flightsql.dbapi as flight_sql
import pyarrow as pa
from adbc_driver_manager import AdbcStatusCode
from adbc_driver_manager import Error as AdbcError
from adbc_driver_manager._reader import AdbcRecordBatchReader
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc.status_pb2 import Status

from rfe._channel import Settings
from rfe._status import DETAILS, error_of
from rfe.endpoints import target
from rfe.errors import Error

T = TypeVar("T")

_MAX_IDLE = 4
_CODES = {
    AdbcStatusCode.TIMEOUT: "DEADLINE_EXCEEDED",
    AdbcStatusCode.UNAUTHORIZED: "PERMISSION_DENIED",
    AdbcStatusCode.IO: "UNAVAILABLE",
    AdbcStatusCode.NOT_IMPLEMENTED: "UNIMPLEMENTED",
}
# As the driver's texts end: `(InvalidArgument; Prepare)`.
_NAMED = re.compile(r"\((\w+); [^()]*\)(?:\. Vendor code: \d+)?$")


class Flight:
    """Connections of ADBC, which one statement at a time uses. Threads may share it."""

    def __init__(self, settings: Settings) -> None:
        self.url = settings.endpoints.query
        self._options = _options(settings)
        scheme = "grpc+tls" if self.url.startswith("https://") else "grpc"
        self._uri = f"{scheme}://{target(self.url)}"
        self._idle: list[flight_sql.Connection] = []
        self._lock = threading.Lock()

    def take(self) -> flight_sql.Connection:
        """A connection that nobody else uses."""
        with self._lock:
            if self._idle:
                return self._idle.pop()
        return flight_sql.connect(self._uri, db_kwargs=self._options, autocommit=True)

    def give_back(self, connection: flight_sql.Connection) -> None:
        """Keeps a connection for the next statement."""
        with self._lock:
            if len(self._idle) < _MAX_IDLE:
                self._idle.append(connection)
                return
        connection.close()

    def close(self) -> None:
        """Ends the connections that nobody uses."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()


class Statement:
    """A statement that runs, on a connection of its own. What blocks, blocks; `cancel` may come from another thread."""

    def __init__(self, flight: Flight) -> None:
        self._flight = flight
        self._connection = self._mapped(flight.take)
        self._cursor = self._connection.cursor()
        self._reader: AdbcRecordBatchReader | None = None

    def execute(self, sql: str, parameters: Sequence[Any], deadline: float | None) -> AdbcRecordBatchReader:
        """Runs it until its columns are known."""

        def run() -> AdbcRecordBatchReader:
            if deadline is not None:
                self._cursor.adbc_statement.set_options(**_timeouts(deadline))
            self._cursor.execute(sql, tuple(parameters) if parameters else None)
            # The cursor's own reader would tell errors without their details.
            stream = self._cursor.fetch_arrow()
            return AdbcRecordBatchReader._import_from_c(stream.address)

        self._reader = self._mapped(run)
        return self._reader

    def next_batch(self) -> pa.RecordBatch | None:
        """Some more of its rows; None behind the last ones."""
        try:
            return self._mapped(self._rows().read_next_batch)
        except StopIteration:
            return None

    def all(self) -> pa.Table:
        """The rest of its rows."""
        return self._mapped(self._rows().read_all)

    def _rows(self) -> AdbcRecordBatchReader:
        if self._reader is None:
            raise ValueError("the rows were read, or are closed")
        return self._reader

    def cancel(self) -> None:
        """Ends what runs."""
        self._cursor.adbc_cancel()

    def close(self) -> None:
        """Ends it, and on the server what still runs."""
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.close()
        if not self._cursor._closed:
            self._cursor.close()
            self._flight.give_back(self._connection)

    def _mapped(self, step: Callable[[], T]) -> T:
        try:
            return step()
        except AdbcError as error:
            raise error_of_adbc(self._flight.url, error) from None


def error_of_adbc(url: str, error: AdbcError) -> Error:
    """ADBC's error as one of ours. The driver keeps each detail of the status apart."""
    text = str(error)
    named = _NAMED.search(text)
    if named:
        code = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", named[1]).upper()
        text = text[: named.start()]
    else:
        code = _CODES.get(error.status_code, error.status_code.name)
    message = text.partition(": [FlightSQL] ")[2] or text
    details = [AnyMessage.FromString(value) for key, value in error.details if _text(key) == DETAILS and value]
    status = Status(message=message, details=details).SerializeToString() if details else b""
    return error_of(url, code, message.strip(), status)


def _text(key: str | bytes) -> str:
    return key.decode() if isinstance(key, bytes) else key


def _timeouts(seconds: float) -> dict[str, str]:
    return {f"adbc.flight.sql.rpc.timeout_seconds.{step}": str(seconds) for step in ("query", "fetch", "update")}


def _options(settings: Settings) -> dict[str, str]:
    at, client = settings.endpoints, "adbc.flight.sql.client_option"
    # The server's batches have about a megabyte; a value may be larger.
    options = {f"{client}.with_max_msg_size": str(1 << 30)}
    if at.token:
        options["adbc.flight.sql.authorization_header"] = f"Bearer {at.token}"
    if at.tls.ca:
        options[f"{client}.tls_root_certs"] = at.tls.ca.read_text()
    if at.tls.certificate and at.tls.key:
        options[f"{client}.mtls_cert_chain"] = at.tls.certificate.read_text()
        options[f"{client}.mtls_private_key"] = at.tls.key.read_text()
    return options
