"""The steps of the scenario with `AsyncClient`. `scenario_sync.py` is written from it by `generate/unasync.py`."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

from background import AsyncBackground

import rfe
from rfe import AsyncClient

HEAVY = "SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE (a.range * b.range) % 7 = 3"
TYPES = """SELECT 1::INTEGER AS i, 9007199254740993::BIGINT AS b, 2.50::DECIMAL(9,2) AS d, DATE '2024-02-29' AS day,
    TIMESTAMPTZ '2024-02-29 12:34:56.789012+00' AS at, 'ä' AS s, NULL::VARCHAR AS nothing, true AS t, [1,2] AS l, '\\xAA'::BLOB AS blob"""
SOURCES = [
    rfe.Source(name="scenario_events", kind="webhook", columns={"n": "BIGINT", "word": "VARCHAR"}),
    rfe.Source(
        name="scenario_numbers", kind="synthetic", config={"count": 1000, "rate": 0, "seed": 7, "error_share": 0}
    ),
    rfe.Source(name="scenario_full", kind="webhook", columns={"n": "BIGINT"}),
]


async def scenario() -> dict[str, Any]:
    """Does all steps; the answer is what was seen."""
    seen: dict[str, Any] = {}
    async with AsyncClient() as client:
        for step in (declare, send, watch, read, letters, pressure, deadlines, refusals):
            seen |= await step(client)
    return seen


async def declare(client: AsyncClient) -> dict[str, Any]:
    first = await client.apply_sources(SOURCES)
    again = await client.apply_sources(SOURCES)
    return {"applied": [one.action for one in first], "applied_again": [one.action for one in again]}


def event(number: int) -> rfe.Event:
    n = json.dumps(f"bad {number}") if number % 500 == 499 else number
    return rfe.Event(event_id=f"e-{number}", payload=f'{{"n": {n}, "word": "w{number % 7}"}}'.encode())


async def send(client: AsyncClient) -> dict[str, Any]:
    async with client.event_sender("scenario_events") as sender:
        for number in [*range(10_000), *range(500)]:
            await sender.send(event(number))
    sent = sender.summary
    return {"sent": {"accepted": sent.accepted, "duplicates": sent.duplicates, "rejected": len(sent.rejected)}}


def word(job: rfe.Job) -> str:
    return rfe.JobState.Name(job.state).removeprefix("JOB_STATE_")


async def watch(client: AsyncClient) -> dict[str, Any]:
    request_id = str(uuid.uuid4())
    job_id = (await client.submit_job("scenario_numbers", request_id=request_id)).job.job_id
    jobs = [job async for job in client.watch_job(job_id)]
    again = await client.submit_job("scenario_numbers", request_id=request_id)
    ended = [rfe.has_ended(job) for job in jobs]
    return {
        "watched": {
            "state": word(jobs[-1]),
            "rows_landed": jobs[-1].rows_landed,
            "ended_once": ended[-1] and ended.count(True) == 1,
        },
        "same_job": again.job.job_id == job_id and not again.created,
    }


async def drained(client: AsyncClient, source: str) -> None:
    end = time.monotonic() + 60
    while (await client.queue_stats(source)).total.events:
        assert time.monotonic() < end, f"{source}: events are in the queue after 60 s"
        await asyncio.sleep(0.05)


async def values(client: AsyncClient, sql: str, *parameters: Any) -> list[int]:
    rows = await client.query(sql, parameters)
    return list((await rows.to_arrow()).to_pylist()[0].values())


async def read(client: AsyncClient) -> dict[str, Any]:
    await drained(client, "scenario_events")
    rows, total = await values(client, "SELECT count(*) AS n, sum(n)::BIGINT AS total FROM scenario_events")
    by_parameters = await values(client, "SELECT count(*) FROM scenario_events WHERE word = ? AND n < ?", "w3", 700)
    empty = await client.query("SELECT n, word FROM scenario_events WHERE false")
    columns = empty.schema.names
    every = "SELECT _event_id, n, word FROM scenario_events ORDER BY n"
    pandas = await (await client.query(every)).to_pandas()
    polars = await (await client.query(every)).to_polars()
    return {
        "rows": rows,
        "sum": total,
        "all_rows_match": await all_rows_match(client, every),
        "by_parameters": by_parameters[0],
        "types": await types(client),
        "empty": {"rows": (await empty.to_arrow()).num_rows, "columns": columns},
        "frames": {"pandas": list(pandas.shape), "polars": list(polars.shape)},
    }


async def all_rows_match(client: AsyncClient, sql: str) -> bool:
    expected = [{"_event_id": f"e-{n}", "n": n, "word": f"w{n % 7}"} for n in range(10_000) if n % 500 != 499]
    seen: list[dict[str, Any]] = []
    async for batch in await client.query(sql):
        seen += batch.to_pylist()
    return seen == expected


async def types(client: AsyncClient) -> dict[str, Any]:
    row = (await (await client.query(TYPES)).to_arrow()).to_pylist()[0]
    assert isinstance(row["d"], Decimal), "a DECIMAL keeps its digits"
    shown = {name: str(row[name]) for name in ("i", "b", "d", "day", "s")}
    return {
        **shown,
        "at": row["at"].isoformat().replace("+00:00", "Z"),
        "nothing": row["nothing"],
        "t": row["t"],
        "l": [str(item) for item in row["l"]],
        "blob": row["blob"].hex(),
    }


async def letters(client: AsyncClient) -> dict[str, Any]:
    wanted = rfe.DeadLetterFilter(source="scenario_events", state="open")
    found = [letter async for letter in client.letters(wanted, page_size=7)]
    id = next(letter.id for letter in found if letter.event_id == "e-499")
    letter = await client.letter(id)
    replayed = await client.replay_letter(id, b'{"n": 499, "word": "mended"}')
    job = await client.wait_job(replayed.job_id)
    again = await client.replay_letter(id)
    rows = await values(client, "SELECT count(*) FROM scenario_events")
    return {
        "letters": len(found),
        "letters_distinct": len({one.id for one in found}),
        "letter": {
            "kind": letter.kind,
            "code": letter.code,
            "field_path": letter.field_path,
            "raw": letter.raw_base64.decode(),
        },
        "replayed": {"state": word(job), "already": replayed.already_replayed},
        "replayed_again": {"already": again.already_replayed},
        "rows_after_replay": rows[0],
        "letter_state": (await client.letter(id)).state,
    }


def small(number: int) -> rfe.Event:
    return rfe.Event(payload=f'{{"n": {number}}}'.encode())


def told(error: rfe.Error) -> dict[str, Any]:
    return {"code": error.code, "reason": error.reason}


async def pressure(client: AsyncClient) -> dict[str, Any]:
    await client.pause_source("scenario_full")
    taken, refusal = 0, None
    while refusal is None:
        assert taken < 100, "a source's queue takes more than 100 jobs"
        try:
            results = await client.submit_events("scenario_full", [small(taken)])
        except rfe.ResourceExhausted as error:
            refusal = error
        else:
            assert results[0].outcome == rfe.EventOutcome.EVENT_OUTCOME_ACCEPTED, results
            taken += 1

    async def press() -> rfe.Summary:
        async with client.event_sender("scenario_full", max_events=50) as sender:
            for number in range(1000, 2000):
                await sender.send(small(number))
        return sender.summary

    sending = AsyncBackground(press)
    await asyncio.sleep(1.5)
    queued = (await client.queue_stats("scenario_full")).total.events
    waited = not sending.is_done and queued == taken
    await client.resume_source("scenario_full")
    sent = await sending.end()
    await drained(client, "scenario_full")
    rows = await values(client, "SELECT count(*) FROM scenario_full")
    return {
        "exhausted": {**told(refusal), "taken": taken, "retry_after": refusal.retry_after is not None},
        "pressed": {"waited": waited, "accepted": sent.accepted},
        "rows_full": rows[0],
    }


async def deadlines(client: AsyncClient) -> dict[str, Any]:
    await client.pause_source("scenario_numbers")
    job_id = (await client.submit_job("scenario_numbers")).job.job_id
    begun = time.monotonic()
    watched = await code_of(client.watch_job(job_id, deadline=0.5))
    watched_for = time.monotonic() - begun
    cancelled = await client.cancel_job(job_id)
    await client.resume_source("scenario_numbers")
    begun = time.monotonic()
    try:
        queried = str(await values_within(client, 0.5))
    except rfe.DeadlineExceeded as error:
        queried = error.code
    return {
        "deadline": {"code": watched, "prompt": watched_for < 5},
        "cancelled": word(cancelled),
        "sql_deadline": {"code": queried, "prompt": time.monotonic() - begun < 5},
    }


async def code_of(jobs: AsyncIterator[rfe.Job]) -> str:
    try:
        async for job in jobs:
            assert not rfe.has_ended(job), "a paused job does not end"
    except rfe.DeadlineExceeded as error:
        return error.code
    return "OK"


async def values_within(client: AsyncClient, deadline: float) -> list[Any]:
    return (await (await client.query(HEAVY, deadline=deadline)).to_arrow()).to_pylist()


async def refusals(client: AsyncClient) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    try:
        await client.source("nothing_here")
    except rfe.NotFound as error:
        seen["not_found"] = told(error)
    try:
        await client.query("SELECT nothing FROM scenario_events")
    except rfe.InvalidArgument as error:
        seen["sql_error"] = told(error)
    if client.endpoints.token:
        async with AsyncClient(token="rfe_wrong") as stranger:
            seen |= await strange(stranger)
    nowhere = "http://127.0.0.1:1"
    async with AsyncClient(nowhere, metadata_url=nowhere) as lost:
        try:
            await lost.source("x")
        except rfe.Unreachable as error:
            seen["unreachable"] = error.code
    return seen


async def strange(stranger: AsyncClient) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    try:
        _ = [source async for source in stranger.sources()]
    except rfe.Unauthenticated as error:
        seen["unauthenticated"] = told(error)
    try:
        await (await stranger.query("SELECT 1")).to_arrow()
    except rfe.Unauthenticated as error:
        seen["sql_unauthenticated"] = error.code
    return seen
