//! The scenario in Rust.

use std::{
    collections::HashSet,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use arrow_array::{
    Array as _, ArrayRef, Int64Array, RecordBatch, StringArray,
    cast::AsArray as _,
    types::{Int64Type, TimestampMicrosecondType},
};
use arrow_schema::DataType;
use futures::TryStreamExt as _;
use rfe_client::{
    Client, Endpoints, Error,
    dlq::DeadLetterFilter,
    has_ended,
    ingest::{Event, EventOutcome, Job},
    metadata::Source,
};
use rfe_tests::wait;
use serde_json::{Map, Value as Json, json};

const EVENTS: i64 = 10_000;
const TYPES: &str = r"SELECT 1::INTEGER AS i, 9007199254740993::BIGINT AS b, 2.50::DECIMAL(9,2) AS d, DATE '2024-02-29' AS day,
    TIMESTAMPTZ '2024-02-29 12:34:56.789012+00' AS at, 'ä' AS s, NULL::VARCHAR AS nothing, true AS t, [1,2] AS l, '\xAA'::BLOB AS blob";
const HEAVY: &str =
    "SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE (a.range * b.range) % 7 = 3";

/// Does all steps; the answer is what was seen.
pub(super) async fn scenario(endpoints: &Endpoints) -> Result<Json> {
    let client = Client::connect(endpoints.clone())?;
    let mut seen = Map::new();
    seen.insert("language".to_owned(), json!("rust"));
    for part in [
        apply_and_send(&client).await.context("apply and send")?,
        watch(&client).await.context("watch")?,
        read(&client).await.context("read")?,
        letters(&client).await.context("letters")?,
        pressure(&client).await.context("pressure")?,
        errors(&client, endpoints).await.context("errors")?,
    ] {
        let Json::Object(part) = part else { bail!("a part is an object") };
        seen.extend(part);
    }
    Ok(Json::Object(seen))
}

fn sources() -> Result<Vec<Source>> {
    let sources = [
        json!({"name": "scenario_events", "kind": "webhook", "columns": {"n": "BIGINT", "word": "VARCHAR"}}),
        json!({"name": "scenario_numbers", "kind": "synthetic", "config": {"count": 1000, "rate": 0, "seed": 7, "error_share": 0}}),
        json!({"name": "scenario_full", "kind": "webhook", "columns": {"n": "BIGINT"}}),
    ];
    Ok(sources.iter().map(rfe_proto::json::from_value).collect::<Result<_, _>>()?)
}

fn event(number: i64) -> Event {
    let payload = if number % 500 == 499 {
        format!(r#"{{"n": "bad {number}", "word": "w{}"}}"#, number % 7)
    } else {
        format!(r#"{{"n": {number}, "word": "w{}"}}"#, number % 7)
    };
    Event { event_id: format!("e-{number}"), payload: payload.into_bytes(), ..Event::default() }
}

async fn apply_and_send(client: &Client) -> Result<Json> {
    let mut actions = Vec::new();
    for _ in 0..2 {
        let applied = client.apply_sources(sources()?, Default::default()).await?;
        actions.push(applied.into_iter().map(|applied| applied.action).collect::<Vec<_>>());
    }
    let mut sender = client.event_sender("scenario_events");
    for number in (0..EVENTS).chain(0..500) {
        sender.send(event(number)).await?;
    }
    let sent = sender.finish().await?;
    Ok(json!({
        "applied": actions[0], "applied_again": actions[1],
        "sent": {"accepted": sent.accepted, "duplicates": sent.duplicates, "rejected": sent.rejected.len()},
    }))
}

fn word(job: &Job) -> String {
    job.state().as_str_name().trim_start_matches("JOB_STATE_").to_owned()
}

async fn watch(client: &Client) -> Result<Json> {
    let request_id = uuid::Uuid::now_v7().to_string();
    let job_id = client.submit_job_as("scenario_numbers", &request_id).await?.job.job_id;
    let mut watched = client.watch_job(&job_id).await?;
    let mut jobs = Vec::new();
    while let Some(job) = watched.next().await? {
        jobs.push(job);
    }
    let last = jobs.last().context("a job is seen")?;
    let again = client.submit_job_as("scenario_numbers", &request_id).await?;
    let ended = jobs.iter().filter(|job| has_ended(job)).count();
    Ok(json!({
        "watched": {"state": word(last), "rows_landed": last.rows_landed, "ended_once": ended == 1 && has_ended(last)},
        "same_job": again.job.job_id == job_id && !again.created,
    }))
}

async fn drained(client: &Client, source: &str) {
    wait::until("the events have left the queue", || async {
        let stats = client.queue_stats(source).await.ok()?.total?;
        (stats.events == 0).then_some(())
    })
    .await;
}

async fn numbers(client: &Client, sql: &str) -> Result<Vec<i64>> {
    let batches = client.query(sql).await?.all().await?;
    let row = batches.iter().find(|batch| batch.num_rows() > 0).context("a row")?;
    Ok(row.columns().iter().map(|column| column.as_primitive::<Int64Type>().value(0)).collect())
}

async fn read(client: &Client) -> Result<Json> {
    drained(client, "scenario_events").await;
    let totals = numbers(client, "SELECT count(*), sum(n)::BIGINT FROM scenario_events").await?;
    let parameters = RecordBatch::try_from_iter([
        ("1", Arc::new(StringArray::from(vec!["w3"])) as ArrayRef),
        ("2", Arc::new(Int64Array::from(vec![700])) as ArrayRef),
    ])?;
    let sql = "SELECT count(*) FROM scenario_events WHERE word = ? AND n < ?";
    let by_parameters = client.query_with(sql, parameters).await?.all().await?;
    let empty = client.query("SELECT n, word FROM scenario_events WHERE false").await?;
    let columns: Vec<_> = empty.schema().fields().iter().map(|field| field.name().clone()).collect();
    let no_rows: usize = empty.all().await?.iter().map(RecordBatch::num_rows).sum();
    Ok(json!({
        "rows": totals[0], "sum": totals[1], "all_rows_match": all_rows_match(client).await?,
        "by_parameters": by_parameters[0].column(0).as_primitive::<Int64Type>().value(0),
        "types": types(client).await?, "empty": {"rows": no_rows, "columns": columns},
    }))
}

async fn all_rows_match(client: &Client) -> Result<bool> {
    let mut rows = client.query("SELECT _event_id, n, word FROM scenario_events ORDER BY n").await?;
    let mut expected = (0..EVENTS).filter(|number| number % 500 != 499);
    while let Some(batch) = rows.try_next().await? {
        let (ids, words) = (batch.column(0).as_string::<i32>(), batch.column(2).as_string::<i32>());
        let values = batch.column(1).as_primitive::<Int64Type>();
        for row in 0..batch.num_rows() {
            let number = expected.next().context("more rows than events")?;
            let same = values.value(row) == number
                && ids.value(row) == format!("e-{number}")
                && words.value(row) == format!("w{}", number % 7);
            ensure!(
                same,
                "row of event {number}: {} {} {}",
                ids.value(row),
                values.value(row),
                words.value(row)
            );
        }
    }
    Ok(expected.next().is_none())
}

async fn types(client: &Client) -> Result<Json> {
    let batches = client.query(TYPES).await?.all().await?;
    let batch = batches.first().context("a row")?;
    let options = FormatOptions::default();
    let mut types = Map::new();
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        let text = |column: &ArrayRef, row| -> Result<Json> {
            Ok(json!(ArrayFormatter::try_new(column.as_ref(), &options)?.value(row).to_string()))
        };
        let value = match column.data_type() {
            _ if column.is_null(0) => Json::Null,
            DataType::Timestamp(_, _) => {
                let micros = column.as_primitive::<TimestampMicrosecondType>().value(0);
                json!(jiff::Timestamp::from_microsecond(micros)?.to_string())
            }
            DataType::Boolean => json!(column.as_boolean().value(0)),
            DataType::List(_) => {
                let items = column.as_list::<i32>().value(0);
                (0..items.len()).map(|at| text(&items, at)).collect::<Result<Json>>()?
            }
            _ => text(column, 0)?,
        };
        types.insert(field.name().clone(), value);
    }
    Ok(Json::Object(types))
}

async fn letters(client: &Client) -> Result<Json> {
    let filter = DeadLetterFilter {
        source: "scenario_events".to_owned(),
        state: "open".to_owned(),
        ..DeadLetterFilter::default()
    };
    let found = client.letters(filter).page_size(7).all().await?;
    let distinct: HashSet<_> = found.iter().map(|letter| &letter.id).collect();
    let id = &found.iter().find(|letter| letter.event_id == "e-499").context("the letter of e-499")?.id;
    let letter = client.letter(id).await?;
    let mended = br#"{"n": 499, "word": "mended"}"#.to_vec();
    let replayed = client.replay_letter(id, Some(mended)).await?;
    let job = client.wait_job(&replayed.job_id, |_| ()).await?;
    let again = client.replay_letter(id, None).await?;
    let rows = numbers(client, "SELECT count(*) FROM scenario_events").await?;
    Ok(json!({
        "letters": found.len(), "letters_distinct": distinct.len(),
        "letter": {
            "kind": letter.kind, "code": letter.code, "field_path": letter.field_path,
            "raw": String::from_utf8(letter.raw_base64)?,
        },
        "replayed": {"state": word(&job), "already": replayed.already_replayed},
        "replayed_again": {"already": again.already_replayed},
        "rows_after_replay": rows[0],
        "letter_state": client.letter(id).await?.state,
    }))
}

fn small(number: i64) -> Event {
    Event { payload: format!(r#"{{"n": {number}}}"#).into_bytes(), ..Event::default() }
}

async fn pressure(client: &Client) -> Result<Json> {
    client.pause_source("scenario_full").await?;
    let mut taken = 0;
    let refusal = loop {
        ensure!(taken < 100, "the queue of a source takes more than 100 jobs");
        match client.submit_events("scenario_full", vec![small(taken)]).await {
            Ok(results) => {
                ensure!(results[0].outcome() == EventOutcome::Accepted, "{results:?}");
                taken += 1;
            }
            Err(error) => break error,
        }
    };
    let sending = {
        let client = client.clone();
        tokio::spawn(async move {
            let mut sender = client.event_sender("scenario_full").max_events(50);
            for number in 1000..2000 {
                sender.send(small(number)).await?;
            }
            sender.finish().await
        })
    };
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let queued = client.queue_stats("scenario_full").await?.total.context("a total")?.events;
    let waited = !sending.is_finished() && queued == taken;
    client.resume_source("scenario_full").await?;
    let sent = sending.await??;
    drained(client, "scenario_full").await;
    let rows = numbers(client, "SELECT count(*) FROM scenario_full").await?;
    let mut exhausted = told(&refusal);
    exhausted["taken"] = json!(taken);
    exhausted["retry_after"] = json!(refusal.retry_after().is_some());
    Ok(json!({
        "exhausted": exhausted, "pressed": {"waited": waited, "accepted": sent.accepted}, "rows_full": rows[0],
    }))
}

fn told(error: &Error) -> Json {
    json!({"code": code(error), "reason": error.reason()})
}

// The name that gRPC gives it.
fn code(error: &Error) -> String {
    let mut name = String::new();
    for letter in format!("{:?}", error.code()).chars() {
        if letter.is_ascii_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(letter.to_ascii_uppercase());
    }
    name
}

async fn errors(client: &Client, endpoints: &Endpoints) -> Result<Json> {
    let not_found = client.source("nothing_here").await.err().context("there is no such source")?;
    let sql_error =
        client.query("SELECT nothing FROM scenario_events").await.err().context("there is no such column")?;

    client.pause_source("scenario_numbers").await?;
    let job_id = client.submit_job("scenario_numbers").await?.job.job_id;
    let begun = Instant::now();
    let mut watch = client.watch_job(&job_id).await?.within(Duration::from_millis(500));
    let late = loop {
        match watch.next().await {
            Ok(job) => ensure!(job.is_some_and(|job| !has_ended(&job)), "a paused job does not end"),
            Err(error) => break error,
        }
    };
    let deadline = json!({"code": code(&late), "prompt": begun.elapsed() < Duration::from_secs(5)});
    let cancelled = client.cancel_job(&job_id).await?;
    client.resume_source("scenario_numbers").await?;

    let hasty =
        Client::builder().endpoints(endpoints.clone()).query_deadline(Duration::from_millis(500)).build()?;
    let begun = Instant::now();
    let sql_late = hasty.query(HEAVY).await.err().context("it takes longer")?;
    let sql_deadline = json!({"code": code(&sql_late), "prompt": begun.elapsed() < Duration::from_secs(5)});

    let stranger = Client::connect(Endpoints { token: Some("rfe_wrong".to_owned()), ..endpoints.clone() })?;
    let unauthenticated = stranger.sources(false).all().await.err().context("a wrong token")?;
    let sql_unauthenticated = stranger.query("SELECT 1").await.err().context("a wrong token")?;
    let nowhere = Client::connect(Endpoints::single("http://127.0.0.1:1"))?;
    let unreachable = nowhere.source("x").await.err().context("nobody is there")?;
    ensure!(matches!(unreachable, Error::Unreachable { .. }), "{unreachable:?}");
    Ok(json!({
        "not_found": told(&not_found), "sql_error": told(&sql_error),
        "deadline": deadline, "cancelled": word(&cancelled), "sql_deadline": sql_deadline,
        "unauthenticated": told(&unauthenticated), "sql_unauthenticated": code(&sql_unauthenticated),
        "unreachable": code(&unreachable),
    }))
}
