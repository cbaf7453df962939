"""SQL in, Arrow out."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from rfe._channel import Settings
from rfe._flight import Flight, Statement
from rfe.errors import Error

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl


class Rows:
    """A result that streams: iterate over its record batches, or take all of it in one of the other forms, once. Closing it ends the query;
    use it in a `with` block unless all of it is read.
    """

    def __init__(self, statement: Statement, schema: pa.Schema) -> None:
        self._statement = statement
        self.schema = schema
        """The columns; known also where there is no row."""

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        try:
            while (batch := self._statement.next_batch()) is not None:
                yield batch
        finally:
            self.close()

    def to_arrow(self) -> pa.Table:
        """All of it as an Arrow table, in memory."""
        try:
            return self._statement.all()
        finally:
            self.close()

    def to_pandas(self) -> pd.DataFrame:
        """All of it as a pandas frame, in memory. Needs `pip install rfe-client[pandas]`."""
        return self.to_arrow().to_pandas()

    def to_polars(self) -> pl.DataFrame:
        """All of it as a Polars frame, in memory. Needs `pip install rfe-client[polars]`."""
        import polars

        frame = polars.from_arrow(self.to_arrow())
        assert isinstance(frame, polars.DataFrame), "a table becomes a frame"
        return frame

    def close(self) -> None:
        """Ends the query. It may be called twice."""
        self._statement.close()

    def __enter__(self) -> Rows:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Query:
    """What a client does with SQL."""

    _settings: Settings
    _flight: Flight

    def query(self, sql: str, parameters: Sequence[Any] = (), *, deadline: float | None = None) -> Rows:
        """Runs a query over one snapshot of the datasets. `parameters` are the values of the `?` in it, in their order.

        `deadline` is in seconds, once for planning and once for running it until its last row; without, it is the client's
        `query_deadline`, which is none by default.
        Raises InvalidArgument if the SQL is wrong or not allowed (reasons SQL_INVALID, SQL_NOT_ALLOWED), ResourceExhausted if it needs
        more than it may use. What goes wrong later is raised where the rows are read.
        """
        deadline = self._settings.query_deadline if deadline is None else deadline
        attempt = 1
        while True:
            try:
                return run(self._flight, sql, parameters, deadline)
            except Error as error:
                pause = self._settings.backoff.before_next(attempt, error)
                if pause is None:
                    raise
            time.sleep(pause)
            attempt += 1


def run(flight: Flight, sql: str, parameters: Sequence[Any], deadline: float | None) -> Rows:
    """Runs a query once."""
    statement = Statement(flight)
    try:
        reader = statement.execute(sql, parameters, deadline)
    except BaseException:
        statement.close()
        raise
    return Rows(statement, reader.schema)
