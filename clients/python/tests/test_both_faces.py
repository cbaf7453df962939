"""What blocks and what is for asyncio can the same."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path

import rfe

UNASYNC = Path(__file__).parent.parent / "generate" / "unasync.py"


def public(kind: type) -> dict[str, list[str]]:
    methods = inspect.getmembers(kind, inspect.isfunction)
    return {name: list(inspect.signature(method).parameters) for name, method in methods if not name.startswith("_")}


def test_both_clients_have_the_same_methods() -> None:
    assert public(rfe.Client) == public(rfe.AsyncClient)
    assert public(rfe.EventSender) == public(rfe.AsyncEventSender)
    assert public(rfe.Rows) == public(rfe.AsyncRows)


def test_the_blocking_half_is_what_is_written_from_the_other_one() -> None:
    subprocess.run([sys.executable, UNASYNC, "--check"], check=True)
