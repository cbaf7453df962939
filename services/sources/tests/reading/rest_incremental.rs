//! A REST source of which only what is new is read.

use rfe_model::{
    SourceSpec, kind as model_kind,
    source::{MergeSpec, Mode},
};
use rfe_sources::{Chunk, ReadContext, ReadError, SourceKinds, conformance::drain};
use serde_json::{Value, json};

use crate::{
    api::{Api, Ask, says},
    desk::{column, context, kind, spec},
};

fn source(api: &Api, mode: Mode, incremental: Value) -> SourceSpec {
    let config = json!({"url": api.url("/things"), "incremental": incremental,
        "pagination": {"kind": "page", "limit_param": "limit", "limit": 2}});
    let merge =
        (mode == Mode::Merge).then(|| MergeSpec { key: vec!["id".to_owned()], ..MergeSpec::default() });
    SourceSpec { mode, merge, ..spec("rest", config) }
}

async fn read(
    source: &SourceSpec,
    cursor: Option<String>,
) -> Result<(Vec<String>, Option<String>), ReadError> {
    let context = ReadContext { cursor: cursor.clone(), ..context(Vec::new()) };
    let case = rfe_sources::conformance::Case {
        kind: kind("rest"),
        spec: source.clone(),
        context: context.clone(),
        records: 0,
        bad: 0,
        mend: <[u8]>::to_vec,
    };
    let chunks: Vec<Chunk> = drain(&case, &context).await?;
    let ids = column(&chunks, "id").into_iter().map(|id| id.expect("id")).collect();
    let kept = chunks.iter().rev().find_map(|chunk| chunk.cursor.clone());
    Ok((ids, kept.or(cursor)))
}

/// Events by minute, those at or behind `since`, two a page.
fn events(
    minutes: std::sync::Arc<std::sync::Mutex<Vec<u32>>>,
) -> impl Fn(&Ask) -> axum::response::Response + Clone {
    move |ask: &Ask| {
        let minutes = minutes.lock().expect("lock");
        let all = minutes
            .iter()
            .enumerate()
            .map(|(id, minute)| json!({"id": id, "at": format!("2026-01-01T10:{minute:02}:00Z")}));
        let new: Vec<Value> = all.filter(|event| event["at"].as_str() >= Some(ask.get("since"))).collect();
        let page = ask.number("page").unwrap_or(1);
        says(json!(new.into_iter().skip((page - 1) * 2).take(2).collect::<Vec<_>>()))
    }
}

#[tokio::test]
async fn each_run_asks_from_where_the_last_one_left_off_and_lands_nothing_twice() {
    let minutes = std::sync::Arc::new(std::sync::Mutex::new(vec![1, 2, 3]));
    let api = Api::start(events(minutes.clone())).await;
    let source =
        source(&api, Mode::Incremental, json!({"field": "at", "param": "since", "start": "2026-01-01"}));
    let (ids, cursor) = read(&source, None).await.expect("first");
    assert_eq!(ids, ["0", "1", "2"]);
    let (ids, same) = read(&source, cursor.clone()).await.expect("nothing new");
    assert_eq!((ids, &same), (vec![], &cursor), "an empty run is a success, and the cursor stays");
    minutes.lock().expect("lock").extend([3, 5]);
    let (ids, cursor) = read(&source, cursor).await.expect("second");
    assert_eq!(ids, ["3", "4"], "one came late at the boundary");
    assert!(read(&source, cursor).await.expect("third").0.is_empty());
    let mut asked = api.asked("since");
    asked.dedup();
    assert_eq!(asked, ["2026-01-01", "2026-01-01T10:03:00Z", "2026-01-01T10:05:00Z"]);
}

#[tokio::test]
async fn a_lag_asks_from_further_back_and_bounds_go_with_every_page() {
    let minutes = std::sync::Arc::new(std::sync::Mutex::new(vec![1, 9, 10]));
    let api = Api::start(events(minutes.clone())).await;
    let incremental =
        json!({"field": "/at", "param": "since", "lag": "5m", "end": "2027-01-01", "end_param": "until"});
    let source = source(&api, Mode::Incremental, incremental);
    let (_, cursor) = read(&source, None).await.expect("first");
    minutes.lock().expect("lock").extend([6, 12]);
    let (ids, _) = read(&source, cursor).await.expect("second");
    assert_eq!(ids, ["3", "4"], "what came late within the lag lands, what was read does not");
    let since = api.asked("since");
    assert_eq!((since[0].as_str(), since.last().map(String::as_str)), ("", Some("2026-01-01T10:05:00Z")));
    assert!(api.asked("until").iter().all(|until| until == "2027-01-01"));
}

#[tokio::test]
async fn a_merging_source_lands_what_comes_again() {
    let minutes = std::sync::Arc::new(std::sync::Mutex::new(vec![1, 2]));
    let api = Api::start(events(minutes)).await;
    let source = source(&api, Mode::Merge, json!({"field": "at", "param": "since", "lag": "1m"}));
    let (_, cursor) = read(&source, None).await.expect("first");
    assert_eq!(read(&source, cursor).await.expect("second").0, ["0", "1"]);
}

#[tokio::test]
async fn a_bound_on_pages_loses_nothing() {
    let api = Api::start(|ask: &Ask| {
        let page = ask.number("page").unwrap_or(1) as i64;
        let sign = if ask.get("order") == "down" { -1 } else { 1 };
        let from = ask.number("since").unwrap_or(0) as i64;
        says(json!((0..2).map(|n| json!({"id": from + sign * (page * 2 + n)})).collect::<Vec<_>>()))
    })
    .await;
    let mut source = source(&api, Mode::Incremental, json!({"field": "id", "param": "since"}));
    source.config["max_pages"] = json!(2);
    let (ids, cursor) = read(&source, None).await.expect("first");
    assert_eq!(ids, ["2", "3", "4", "5"]);
    assert_eq!(
        read(&source, cursor).await.expect("second").0,
        ["7", "8", "9", "10"],
        "on from where it was cut"
    );
    source.config["query"] = json!({"order": "down"});
    let error = read(&source, None).await.expect_err("what is left out would be lost");
    assert!(error.message.contains("max_pages"), "{error}");
}

#[test]
fn modes_and_the_key_belong_together() {
    let incremental = json!({"field": "at", "param": "since"});
    let checked = |mode: Mode, incremental: Option<&Value>| {
        let mut config = json!({"url": "http://x.org"});
        if let Some(incremental) = incremental {
            config["incremental"] = incremental.clone();
        }
        let merge =
            (mode == Mode::Merge).then(|| MergeSpec { key: vec!["id".to_owned()], ..MergeSpec::default() });
        let spec = SourceSpec { mode, merge, ..spec("rest", config) };
        let wrong = model_kind::check(&spec, &SourceKinds::default()).err().unwrap_or_default();
        wrong.into_iter().map(|violation| violation.path).collect::<Vec<_>>()
    };
    for (mode, key, is_fine) in [
        (Mode::Replace, false, true),
        (Mode::Append, false, true),
        (Mode::Merge, false, true),
        (Mode::Incremental, false, false),
        (Mode::Incremental, true, true),
        (Mode::Merge, true, true),
        (Mode::Replace, true, false),
        (Mode::Append, true, false),
    ] {
        let wrong = checked(mode, key.then_some(&incremental));
        assert_eq!(wrong, if is_fine { vec![] } else { vec!["config.incremental"] }, "{mode:?} {key}");
    }
    for (wrong, path) in [
        (json!({"field": "", "param": "since"}), "config.incremental"),
        (json!({"field": "at", "param": "since", "lag": "soon"}), "config.incremental.lag"),
        (json!({"field": "at", "param": "since", "lag": -1}), "config.incremental.lag"),
        (json!({"field": "at", "param": "since", "start": [1]}), "config.incremental.start"),
        (json!({"field": "at", "param": "since", "end": 5}), "config.incremental"),
        (json!({"field": "at", "param": "since", "lags": "5m"}), "config.incremental.lags"),
    ] {
        assert_eq!(checked(Mode::Incremental, Some(&wrong)), [path], "{wrong}");
    }
}
