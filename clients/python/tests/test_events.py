"""Events: batches, back-pressure, redelivery with the same ids, and what is handed back."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterator

import grpc
import pytest
from platform_of_tests import Platform, Refusal

import rfe

FULL = Refusal(grpc.StatusCode.RESOURCE_EXHAUSTED, "the queue is full", "QUEUE_FULL", retry_after=0.01)
NONE = Refusal(grpc.StatusCode.NOT_FOUND, "there is no such source", "SOURCE_NOT_FOUND")


def events(count: int) -> list[rfe.Event]:
    return [rfe.Event(event_id=f"e{number}", payload=b"%d" % number) for number in range(count)]


def test_every_event_is_delivered_once_though_the_platform_is_full_now_and_then(
    client: rfe.Client, platform: Platform
) -> None:
    platform.refusals = [FULL] * 5
    with client.event_sender("s", max_events=100) as sender:
        for event in events(1234):
            sender.send(event)
    assert sender.summary == rfe.Summary(accepted=1234)
    assert len(platform.durable) == 1234
    assert max(platform.sizes) == 100
    assert platform.most_at_once <= 4


async def test_asyncio_delivers_as_well(async_client: rfe.AsyncClient, platform: Platform) -> None:
    platform.refusals = [FULL] * 5
    async with async_client.event_sender("s", max_events=100) as sender:
        for event in events(1234):
            await sender.send(event)
    assert sender.summary == rfe.Summary(accepted=1234)
    assert platform.most_at_once <= 4


def test_what_could_not_be_delivered_is_handed_back_in_order(client: rfe.Client, platform: Platform) -> None:
    sender = client.event_sender("s", max_events=10)
    for event in events(5):
        sender.send(event)
    sender.flush()
    platform.refusals = [NONE] * 100
    undelivered: list[rfe.Event] = []
    for event in events(105)[5:]:
        try:
            sender.send(event)
        except rfe.SendError as failed:
            assert isinstance(failed.error, rfe.NotFound)
            undelivered += failed.undelivered
    try:
        sender.flush()
    except rfe.SendError as failed:
        undelivered += failed.undelivered
    assert sorted(int(event.payload) for event in undelivered) == list(range(5, 105))
    assert len(platform.durable) == 5
    platform.refusals = []
    for event in undelivered:
        sender.send(event)
    assert sender.close().accepted == 105


async def test_asyncio_hands_back_as_well(async_client: rfe.AsyncClient, platform: Platform) -> None:
    platform.refusals = [NONE]
    sender = async_client.event_sender("s", max_events=100, linger=60)
    for event in events(30):
        await sender.send(event)
    with pytest.raises(rfe.SendError, match="30 events were not delivered: there is no such source") as raised:
        await sender.close()
    assert [event.event_id for event in raised.value.undelivered] == [f"e{number}" for number in range(30)]


def test_an_event_that_found_no_room_is_handed_back_as_well(client: rfe.Client, platform: Platform) -> None:
    platform.refusals = [NONE]
    sender = client.event_sender("s", linger=60)
    for number in range(2):
        sender.send(rfe.Event(event_id=f"e{number}", payload=b"x" * 700_000))
    end = time.monotonic() + 20
    while sender._batch.error is None and time.monotonic() < end:
        time.sleep(0.02)
    with pytest.raises(rfe.SendError) as raised:
        sender.send(rfe.Event(event_id="e2", payload=b"x" * 700_000))
    assert [event.event_id for event in raised.value.undelivered] == ["e0", "e1", "e2"]
    assert sender.close() == rfe.Summary()


def test_a_sender_gives_up_after_its_patience_and_says_what_it_holds(client: rfe.Client, platform: Platform) -> None:
    platform.refusals = [FULL] * 1000
    sender = client.event_sender("s", patience=0.5)
    sender.send(rfe.Event(event_id="e", payload=b"1"))
    with pytest.raises(rfe.SendError) as raised:
        sender.close()
    assert isinstance(raised.value.error, rfe.ResourceExhausted)
    assert [event.event_id for event in raised.value.undelivered] == ["e"]


def test_a_sender_asks_once_each_time_that_it_asks(client: rfe.Client, platform: Platform) -> None:
    platform.refusals = [Refusal(grpc.StatusCode.UNAVAILABLE, reason="BACKEND_UNAVAILABLE", retry_after=0.01)] * 100
    sender = client.event_sender("s", patience=0.05)
    sender.send(rfe.Event(payload=b"1"))
    with pytest.raises(rfe.SendError):
        sender.close()
    assert len(platform.calls) == 1, "the first pause is longer than its patience"


def test_a_sender_waits_while_its_calls_are_under_way(client: rfe.Client, platform: Platform) -> None:
    platform.slow = 0.5
    sent = 0

    def send() -> None:
        nonlocal sent
        with client.event_sender("s", max_events=10) as sender:
            for event in events(100):
                sender.send(event)
                sent += 1

    thread = threading.Thread(target=send)
    thread.start()
    time.sleep(0.25)
    held = sent
    thread.join()
    assert held < 60, "four calls of ten and a batch are held, then it waits"
    assert len(platform.durable) == 100


def test_a_batch_that_is_not_full_goes_after_a_while(client: rfe.Client, platform: Platform) -> None:
    sender = client.event_sender("s", linger=0.05)
    sender.send(rfe.Event(event_id="e", payload=b"1"))
    end = time.monotonic() + 20
    while not platform.durable and time.monotonic() < end:
        time.sleep(0.02)
    assert list(platform.durable) == ["e"]
    assert sender.close().accepted == 1


async def test_asyncio_lingers_as_well(async_client: rfe.AsyncClient, platform: Platform) -> None:
    sender = async_client.event_sender("s", linger=0.05)
    await sender.send(rfe.Event(event_id="e", payload=b"1"))
    end = time.monotonic() + 20
    while not platform.durable and time.monotonic() < end:
        await asyncio.sleep(0.02)
    assert list(platform.durable) == ["e"]
    assert (await sender.close()).accepted == 1


def test_large_events_go_in_small_batches(client: rfe.Client, platform: Platform) -> None:
    with client.event_sender("s") as sender:
        for number in range(7):
            sender.send(rfe.Event(event_id=f"e{number}", payload=b"x" * 400_000))
    assert len(platform.durable) == 7
    assert max(platform.sizes) <= 3


def test_rejected_and_repeated_events_are_told_with_their_numbers(client: rfe.Client, platform: Platform) -> None:
    with client.event_sender("s", max_events=2) as sender:
        sender.send(rfe.Event(event_id="a", payload=b"1"))
        sender.send(rfe.Event(event_id="b", payload=b"bad"))
        sender.flush()
        sender.send(rfe.Event(event_id="a", payload=b"1"), number=17)
    assert sender.summary == rfe.Summary(1, 1, [rfe.Rejected(2, "b", "no good")])
    with pytest.raises(ValueError, match="closed"):
        sender.send(rfe.Event(payload=b"1"))


def test_a_sender_that_is_forgotten_with_events_says_so(client: rfe.Client) -> None:
    sender = client.event_sender("s", linger=60)
    sender.send(rfe.Event(payload=b"1"))
    sender._stop_lingering()
    with pytest.warns(ResourceWarning, match="1 events unsent"):
        sender.__del__()
    sender.close()


def test_events_without_id_get_one_and_a_repeated_call_keeps_it(client: rfe.Client, platform: Platform) -> None:
    platform.refusals = [Refusal(grpc.StatusCode.UNAVAILABLE)]
    mine = rfe.Event(payload=b"1")
    (result,) = client.submit_events("s", [mine])
    assert len(result.event_id) == 36
    assert mine.event_id == "", "the caller's message is left as it is"


async def test_a_stream_of_events_is_answered_as_a_whole(
    client: rfe.Client, async_client: rfe.AsyncClient, platform: Platform
) -> None:
    def some() -> Iterator[list[rfe.Event]]:
        yield events(3)
        yield events(5)[3:]

    async def more() -> AsyncIterator[list[rfe.Event]]:
        yield events(2)

    assert client.stream_events("s", some()).accepted == 5
    assert (await async_client.stream_events("s", more())).accepted == 2
    broke = Refusal(grpc.StatusCode.UNAVAILABLE, reason="SHUTTING_DOWN", metadata={"processed": "3"})
    platform.refusals = [broke]
    with pytest.raises(rfe.Unavailable) as raised:
        client.stream_events("s", some())
    assert raised.value.processed == 3
