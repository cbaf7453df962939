"""Lists that page by themselves."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any, TypeVar

from rfe._async.wire import Wire
from rfe._calls import Call

Item = TypeVar("Item")

PAGE_SIZE = 500


async def pages(
    wire: Wire, call: Call[Any, Any], request: Any, items: Callable[[Any], Iterable[Item]], page_size: int = PAGE_SIZE
) -> AsyncIterator[Item]:
    """The items of all pages, one after the other. Nothing is asked before the first step."""
    request.page_size = page_size
    while True:
        page = await wire.call(call, request)
        for item in items(page):
            yield item
        if not page.next_page_token:
            return
        request.page_token = page.next_page_token
