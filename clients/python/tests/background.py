"""Work beside the scenario: a task of asyncio, or a thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class AsyncBackground(Generic[T]):
    def __init__(self, work: Callable[[], Coroutine[Any, Any, T]]) -> None:
        self._task = asyncio.create_task(work())

    @property
    def is_done(self) -> bool:
        return self._task.done()

    async def end(self) -> T:
        return await self._task


class Background(Generic[T]):
    def __init__(self, work: Callable[[], T]) -> None:
        self._threads = ThreadPoolExecutor(1)
        self._future = self._threads.submit(work)

    @property
    def is_done(self) -> bool:
        return self._future.done()

    def end(self) -> T:
        with self._threads:
            return self._future.result()
