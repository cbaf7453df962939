"""Lists that page by themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from rfe._calls import Call
from rfe._sync.wire import Wire

Item = TypeVar("Item")

PAGE_SIZE = 500


def pages(
    wire: Wire, call: Call[Any, Any], request: Any, items: Callable[[Any], Iterable[Item]], page_size: int = PAGE_SIZE
) -> Iterator[Item]:
    """The items of all pages, one after the other. Nothing is asked before the first step."""
    request.page_size = page_size
    while True:
        page = wire.call(call, request)
        for item in items(page):
            yield item
        if not page.next_page_token:
            return
        request.page_token = page.next_page_token
