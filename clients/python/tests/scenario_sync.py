"""The steps of the scenario with `Client`. `scenario_sync.py` is written from it by `generate/unasync.py`."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from background import Background

import rfe
from rfe import Client

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


def scenario() -> dict[str, Any]:
    """Does all steps; the answer is what was seen."""
    seen: dict[str, Any] = {}
    with Client() as client:
        for step in (declare, send, watch, read, letters, pressure, deadlines, refusals):
            seen |= step(client)
    return seen


def declare(client: Client) -> dict[str, Any]:
    first = client.apply_sources(SOURCES)
    again = client.apply_sources(SOURCES)
    return {"applied": [one.action for one in first], "applied_again": [one.action for one in again]}


def event(number: int) -> rfe.Event:
    n = json.dumps(f"bad {number}") if number % 500 == 499 else number
    return rfe.Event(event_id=f"e-{number}", payload=f'{{"n": {n}, "word": "w{number % 7}"}}'.encode())


def send(client: Client) -> dict[str, Any]:
    with client.event_sender("scenario_events") as sender:
        for number in [*range(10_000), *range(500)]:
            sender.send(event(number))
    sent = sender.summary
    return {"sent": {"accepted": sent.accepted, "duplicates": sent.duplicates, "rejected": len(sent.rejected)}}


def word(job: rfe.Job) -> str:
    return rfe.JobState.Name(job.state).removeprefix("JOB_STATE_")


def watch(client: Client) -> dict[str, Any]:
    request_id = str(uuid.uuid4())
    job_id = client.submit_job("scenario_numbers", request_id=request_id).job.job_id
    jobs = [job for job in client.watch_job(job_id)]
    again = client.submit_job("scenario_numbers", request_id=request_id)
    ended = [rfe.has_ended(job) for job in jobs]
    return {
        "watched": {
            "state": word(jobs[-1]),
            "rows_landed": jobs[-1].rows_landed,
            "ended_once": ended[-1] and ended.count(True) == 1,
        },
        "same_job": again.job.job_id == job_id and not again.created,
    }


def drained(client: Client, source: str) -> None:
    end = time.monotonic() + 60
    while client.queue_stats(source).total.events:
        assert time.monotonic() < end, f"{source}: events are in the queue after 60 s"
        time.sleep(0.05)


def values(client: Client, sql: str, *parameters: Any) -> list[int]:
    rows = client.query(sql, parameters)
    return list((rows.to_arrow()).to_pylist()[0].values())


def read(client: Client) -> dict[str, Any]:
    drained(client, "scenario_events")
    rows, total = values(client, "SELECT count(*) AS n, sum(n)::BIGINT AS total FROM scenario_events")
    by_parameters = values(client, "SELECT count(*) FROM scenario_events WHERE word = ? AND n < ?", "w3", 700)
    empty = client.query("SELECT n, word FROM scenario_events WHERE false")
    columns = empty.schema.names
    every = "SELECT _event_id, n, word FROM scenario_events ORDER BY n"
    pandas = client.query(every).to_pandas()
    polars = client.query(every).to_polars()
    return {
        "rows": rows,
        "sum": total,
        "all_rows_match": all_rows_match(client, every),
        "by_parameters": by_parameters[0],
        "types": types(client),
        "empty": {"rows": empty.to_arrow().num_rows, "columns": columns},
        "frames": {"pandas": list(pandas.shape), "polars": list(polars.shape)},
    }


def all_rows_match(client: Client, sql: str) -> bool:
    expected = [{"_event_id": f"e-{n}", "n": n, "word": f"w{n % 7}"} for n in range(10_000) if n % 500 != 499]
    seen: list[dict[str, Any]] = []
    for batch in client.query(sql):
        seen += batch.to_pylist()
    return seen == expected


def types(client: Client) -> dict[str, Any]:
    row = (client.query(TYPES).to_arrow()).to_pylist()[0]
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


def letters(client: Client) -> dict[str, Any]:
    wanted = rfe.DeadLetterFilter(source="scenario_events", state="open")
    found = [letter for letter in client.letters(wanted, page_size=7)]
    id = next(letter.id for letter in found if letter.event_id == "e-499")
    letter = client.letter(id)
    replayed = client.replay_letter(id, b'{"n": 499, "word": "mended"}')
    job = client.wait_job(replayed.job_id)
    again = client.replay_letter(id)
    rows = values(client, "SELECT count(*) FROM scenario_events")
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
        "letter_state": client.letter(id).state,
    }


def small(number: int) -> rfe.Event:
    return rfe.Event(payload=f'{{"n": {number}}}'.encode())


def told(error: rfe.Error) -> dict[str, Any]:
    return {"code": error.code, "reason": error.reason}


def pressure(client: Client) -> dict[str, Any]:
    client.pause_source("scenario_full")
    taken, refusal = 0, None
    while refusal is None:
        assert taken < 100, "a source's queue takes more than 100 jobs"
        try:
            results = client.submit_events("scenario_full", [small(taken)])
        except rfe.ResourceExhausted as error:
            refusal = error
        else:
            assert results[0].outcome == rfe.EventOutcome.EVENT_OUTCOME_ACCEPTED, results
            taken += 1

    def press() -> rfe.Summary:
        with client.event_sender("scenario_full", max_events=50) as sender:
            for number in range(1000, 2000):
                sender.send(small(number))
        return sender.summary

    sending = Background(press)
    time.sleep(1.5)
    queued = client.queue_stats("scenario_full").total.events
    waited = not sending.is_done and queued == taken
    client.resume_source("scenario_full")
    sent = sending.end()
    drained(client, "scenario_full")
    rows = values(client, "SELECT count(*) FROM scenario_full")
    return {
        "exhausted": {**told(refusal), "taken": taken, "retry_after": refusal.retry_after is not None},
        "pressed": {"waited": waited, "accepted": sent.accepted},
        "rows_full": rows[0],
    }


def deadlines(client: Client) -> dict[str, Any]:
    client.pause_source("scenario_numbers")
    job_id = client.submit_job("scenario_numbers").job.job_id
    begun = time.monotonic()
    watched = code_of(client.watch_job(job_id, deadline=0.5))
    watched_for = time.monotonic() - begun
    cancelled = client.cancel_job(job_id)
    client.resume_source("scenario_numbers")
    begun = time.monotonic()
    try:
        queried = str(values_within(client, 0.5))
    except rfe.DeadlineExceeded as error:
        queried = error.code
    return {
        "deadline": {"code": watched, "prompt": watched_for < 5},
        "cancelled": word(cancelled),
        "sql_deadline": {"code": queried, "prompt": time.monotonic() - begun < 5},
    }


def code_of(jobs: Iterator[rfe.Job]) -> str:
    try:
        for job in jobs:
            assert not rfe.has_ended(job), "a paused job does not end"
    except rfe.DeadlineExceeded as error:
        return error.code
    return "OK"


def values_within(client: Client, deadline: float) -> list[Any]:
    return (client.query(HEAVY, deadline=deadline).to_arrow()).to_pylist()


def refusals(client: Client) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    try:
        client.source("nothing_here")
    except rfe.NotFound as error:
        seen["not_found"] = told(error)
    try:
        client.query("SELECT nothing FROM scenario_events")
    except rfe.InvalidArgument as error:
        seen["sql_error"] = told(error)
    if client.endpoints.token:
        with Client(token="rfe_wrong") as stranger:
            seen |= strange(stranger)
    nowhere = "http://127.0.0.1:1"
    with Client(nowhere, metadata_url=nowhere) as lost:
        try:
            lost.source("x")
        except rfe.Unreachable as error:
            seen["unreachable"] = error.code
    return seen


def strange(stranger: Client) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    try:
        _ = [source for source in stranger.sources()]
    except rfe.Unauthenticated as error:
        seen["unauthenticated"] = told(error)
    try:
        stranger.query("SELECT 1").to_arrow()
    except rfe.Unauthenticated as error:
        seen["sql_unauthenticated"] = error.code
    return seen
