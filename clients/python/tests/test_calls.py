"""Calls: errors, repetition, deadlines, pages, watches."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterator

import grpc
import pytest
from platform_of_tests import Platform, Refusal, job

import rfe

AWAY = Refusal(grpc.StatusCode.UNAVAILABLE, reason="BACKEND_UNAVAILABLE")


def test_the_details_of_a_status_become_fields(client: rfe.Client, platform: Platform) -> None:
    full = grpc.StatusCode.RESOURCE_EXHAUSTED
    wrong = {"events": "too many"}
    platform.refusals = [Refusal(full, "the queue is full", "QUEUE_FULL", {"source": "clicks"}, wrong, 0.25)]
    with pytest.raises(rfe.ResourceExhausted, match="the queue is full") as raised:
        client.source("a")
    error = raised.value
    assert (error.code, error.reason, error.metadata) == ("RESOURCE_EXHAUSTED", "QUEUE_FULL", {"source": "clicks"})
    assert error.violations == (rfe.Violation("events", "too many"),)
    assert error.retry_after == 0.25
    assert error.is_transient
    assert platform.calls == ["GetSource"], "what is full is not asked again by itself"


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (grpc.StatusCode.INVALID_ARGUMENT, rfe.InvalidArgument),
        (grpc.StatusCode.NOT_FOUND, rfe.NotFound),
        (grpc.StatusCode.ALREADY_EXISTS, rfe.AlreadyExists),
        (grpc.StatusCode.FAILED_PRECONDITION, rfe.FailedPrecondition),
        (grpc.StatusCode.ABORTED, rfe.Aborted),
        (grpc.StatusCode.UNAUTHENTICATED, rfe.Unauthenticated),
        (grpc.StatusCode.PERMISSION_DENIED, rfe.PermissionDenied),
        (grpc.StatusCode.UNIMPLEMENTED, rfe.Unimplemented),
        (grpc.StatusCode.CANCELLED, rfe.Cancelled),
        (grpc.StatusCode.INTERNAL, rfe.Internal),
        (grpc.StatusCode.UNKNOWN, rfe.Internal),
    ],
)
def test_each_code_has_a_class(
    client: rfe.Client, platform: Platform, code: grpc.StatusCode, kind: type[rfe.Error]
) -> None:
    platform.refusals = [Refusal(code, reason="SOME_REASON")]
    with pytest.raises(kind) as raised:
        client.source("a")
    assert raised.value.reason == "SOME_REASON"


def test_what_is_safe_is_called_again_while_a_service_is_unavailable(client: rfe.Client, platform: Platform) -> None:
    platform.refusals = [AWAY, AWAY, AWAY]
    assert client.source("a").name == "a"
    assert platform.calls == ["GetSource"] * 4
    platform.refusals = [AWAY] * 4
    with pytest.raises(rfe.Unavailable):
        client.source("a")
    assert platform.refusals == []


async def test_asyncio_calls_again_as_well(async_client: rfe.AsyncClient, platform: Platform) -> None:
    platform.refusals = [AWAY, AWAY]
    assert (await async_client.source("a")).name == "a"
    assert platform.calls == ["GetSource"] * 3


def test_what_is_not_safe_is_called_once(client: rfe.Client, platform: Platform) -> None:
    platform.refusals = [AWAY]
    with pytest.raises(rfe.Unavailable):
        client.create_source(rfe.Source(name="a"))
    assert platform.calls == ["CreateSource"]


def test_a_repeated_job_keeps_its_id(client: rfe.Client, platform: Platform) -> None:
    platform.refusals = [AWAY]
    client.submit_job("a")
    first, second = platform.calls
    assert first == second
    assert len(first.split()[1]) == 36


def test_a_service_that_wants_to_be_left_alone_for_long_is(client: rfe.Client, platform: Platform) -> None:
    platform.refusals = [Refusal(grpc.StatusCode.UNAVAILABLE, reason="SHUTTING_DOWN", retry_after=0.999), AWAY]
    begun = time.monotonic()
    client.source("a")
    assert time.monotonic() - begun > 0.999
    impatient = rfe.Client(platform.url, backoff=rfe.Backoff(cap=0.5))
    platform.refusals = [Refusal(grpc.StatusCode.UNAVAILABLE, reason="SHUTTING_DOWN", retry_after=0.999)]
    with impatient, pytest.raises(rfe.Unavailable):
        impatient.source("a")


def test_the_token_goes_with_every_call(client: rfe.Client, platform: Platform) -> None:
    client.source("a")
    list(client.sources())
    assert set(platform.tokens) == {"Bearer rfe_secret"}
    assert len(platform.tokens) == len(platform.calls)


def test_a_call_has_the_clients_deadline_or_its_own(client: rfe.Client, platform: Platform) -> None:
    client.source("a")
    client.source("a", deadline=5)
    assert 20 < platform.seconds_left[0] <= 31
    assert platform.seconds_left[1] <= 6


def test_a_deadline_that_is_over_is_an_error_of_its_own(client: rfe.Client, platform: Platform) -> None:
    platform.slow = 3
    begun = time.monotonic()
    with pytest.raises(rfe.DeadlineExceeded, match="did not answer before the deadline") as raised:
        client.source("a", deadline=0.2)
    assert time.monotonic() - begun < 2.5
    assert raised.value.reason == "DEADLINE_EXCEEDED"
    with pytest.raises(rfe.DeadlineExceeded):
        client.source("a", deadline=0)


async def test_nobody_at_an_address_is_an_error_of_its_own() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        with rfe.Client(url) as client, pytest.raises(rfe.Unreachable, match=f"{url} can't be reached"):
            client.source("a")
        async with rfe.AsyncClient(url) as nobody:
            with pytest.raises(rfe.Unreachable):
                await nobody.source("a")
            with pytest.raises(rfe.Unreachable):
                await nobody.query("SELECT 1")


async def test_lists_are_lazy_and_page_by_themselves(
    client: rfe.Client, async_client: rfe.AsyncClient, platform: Platform
) -> None:
    sources = client.sources()
    assert platform.calls == [], "nothing is asked before the first step"
    assert next(sources).name == "s0000"
    assert platform.calls == ["ListSources 500"]
    assert len(list(sources)) == 1233
    assert platform.calls == ["ListSources 500"] * 3
    names = [source.name async for source in async_client.sources(page_size=1000)]
    assert names == platform.sources
    assert platform.calls[3:] == ["ListSources 1000"] * 2


def test_a_job_is_waited_for_over_a_restart_of_its_service(client: rfe.Client, platform: Platform) -> None:
    watches = [[job("QUEUED")], [job("RUNNING"), job("SUCCEEDED")]]

    def jobs() -> Iterator[rfe.Job]:
        return iter(watches.pop(0))

    platform.jobs = jobs
    platform.refusals = [Refusal(grpc.StatusCode.UNAVAILABLE, reason="SHUTTING_DOWN")]
    watches[0].append(job("RUNNING"))
    seen: list[rfe.Job] = []
    with pytest.raises(rfe.Internal, match="the watch ended before the job"):
        client.wait_job("j", seen.append)
    assert platform.calls == ["WatchJob"] * 2
    ended = client.wait_job("j", seen.append)
    assert ended.state == rfe.JobState.JOB_STATE_SUCCEEDED
    assert [one.state for one in seen] == [1, 2, 2, 4]


async def test_a_watch_that_is_left_early_ends_the_call(async_client: rfe.AsyncClient, platform: Platform) -> None:
    left: list[bool] = []

    def jobs() -> Iterator[rfe.Job]:
        try:
            while True:
                yield job("RUNNING")
                time.sleep(0.01)
        finally:
            left.append(True)

    platform.jobs = jobs
    watch = async_client.watch_job("j")
    async for one in watch:
        assert one.job_id == "j"
        break
    await watch.aclose()  # type: ignore[attr-defined]
    end = time.monotonic() + 20
    while not left and time.monotonic() < end:
        await asyncio.sleep(0.05)
    assert left, "the server sees that nobody watches"
