"""SQL in, Arrow out. The driver blocks, so that it works in threads; ending the task that waits ends the query."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

import pyarrow as pa

from rfe._channel import Settings
from rfe._flight import Flight, Statement
from rfe.errors import Error

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

T = TypeVar("T")


class AsyncRows:
    """A result that streams: iterate over its record batches, or take all of it in one of the other forms, once. Closing it ends the query;
    use it in an `async with` block unless all of it is read.
    """

    def __init__(self, statement: Statement, schema: pa.Schema) -> None:
        self._statement = statement
        self.schema = schema
        """The columns; known also where there is no row."""

    async def __aiter__(self) -> AsyncIterator[pa.RecordBatch]:
        try:
            while (batch := await cancellable(self._statement, self._statement.next_batch)) is not None:
                yield batch
        finally:
            await self.close()

    async def to_arrow(self) -> pa.Table:
        """All of it as an Arrow table, in memory."""
        try:
            return await cancellable(self._statement, self._statement.all)
        finally:
            await self.close()

    async def to_pandas(self) -> pd.DataFrame:
        """All of it as a pandas frame, in memory. Needs `pip install rfe-client[pandas]`."""
        return (await self.to_arrow()).to_pandas()

    async def to_polars(self) -> pl.DataFrame:
        """All of it as a Polars frame, in memory. Needs `pip install rfe-client[polars]`."""
        import polars

        frame = polars.from_arrow(await self.to_arrow())
        assert isinstance(frame, polars.DataFrame), "a table becomes a frame"
        return frame

    async def close(self) -> None:
        """Ends the query. It may be called twice."""
        await asyncio.to_thread(self._statement.close)

    async def __aenter__(self) -> AsyncRows:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


class Query:
    """What a client does with SQL."""

    _settings: Settings
    _flight: Flight

    async def query(self, sql: str, parameters: Sequence[Any] = (), *, deadline: float | None = None) -> AsyncRows:
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
                return await run(self._flight, sql, parameters, deadline)
            except Error as error:
                pause = self._settings.backoff.before_next(attempt, error)
                if pause is None:
                    raise
            await asyncio.sleep(pause)
            attempt += 1


async def run(flight: Flight, sql: str, parameters: Sequence[Any], deadline: float | None) -> AsyncRows:
    """Runs a query once."""
    statement = await asyncio.to_thread(Statement, flight)
    try:
        reader = await cancellable(statement, lambda: statement.execute(sql, parameters, deadline))
    except BaseException:
        await asyncio.to_thread(statement.close)
        raise
    return AsyncRows(statement, reader.schema)


async def cancellable(statement: Statement, step: Callable[[], T]) -> T:
    """Takes a step in a thread. If whoever waits for it is cancelled, the statement is, and the thread comes back."""
    working = asyncio.ensure_future(asyncio.to_thread(step))
    try:
        return await asyncio.shield(working)
    except asyncio.CancelledError:
        statement.cancel()
        await asyncio.gather(working, return_exceptions=True)
        raise
