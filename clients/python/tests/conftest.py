"""What tests are given: a platform, and both clients of it."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator

import pytest
from platform_of_tests import Platform

import rfe


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("RFE_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def platform() -> Iterator[Platform]:
    platform = Platform()  # type: ignore[abstract]
    yield platform
    platform.stop()


@pytest.fixture
def client(platform: Platform) -> Iterator[rfe.Client]:
    with rfe.Client(platform.url, token="rfe_secret") as client:
        yield client


@pytest.fixture
async def async_client(platform: Platform) -> AsyncIterator[rfe.AsyncClient]:
    async with rfe.AsyncClient(platform.url, token="rfe_secret") as client:
        yield client
