"""What tests are given: a platform, and both clients of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from platform_of_tests import Platform

import rfe


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "RFE_URL",
        "RFE_METADATA_URL",
        "RFE_SCHEDULER_URL",
        "RFE_DLQ_URL",
        "RFE_QUERY_URL",
        "RFE_TOKEN",
        "RFE_TLS_CA",
    ):
        monkeypatch.delenv(name, raising=False)


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
