//! A REST source whose read died goes on behind the last page that was kept.

use std::sync::Arc;

use bytes::Bytes;
use rfe_model::SqlType;
use rfe_sources::{
    Chunk, ReadContext,
    conformance::{self, Attempts, Case},
};
use serde_json::{Value, json};

use crate::{
    api::{Api, Ask, records, says, says_with, status},
    desk::{column, context, expecting, kind, raw, spec},
};

fn kept(chunks: &[Chunk]) -> Vec<Bytes> {
    chunks.iter().filter_map(|chunk| chunk.checkpoint.clone()).collect()
}

fn after(attempts: Vec<Bytes>) -> ReadContext {
    ReadContext { memory: Arc::new(Attempts(attempts)), ..context(Vec::new()) }
}

/// Reads until the end or an error, and gives what came.
async fn attempt(api: &Api, config: &Value, context: ReadContext) -> (Vec<Chunk>, Option<String>) {
    let mut config = config.clone();
    config["url"] = json!(api.url("/things"));
    let mut reader = kind("rest").open(&spec("rest", config), context).await.expect("open");
    let mut chunks = Vec::new();
    loop {
        match reader.next().await {
            Ok(Some(chunk)) => chunks.push(chunk),
            Ok(None) => return (chunks, None),
            Err(error) => return (chunks, Some(error.code.to_owned())),
        }
    }
}

/// 1,000 pages of two records by every kind of pagination, each third page of the cursor empty.
fn thousand(dies_at: usize) -> impl Fn(&Ask) -> axum::response::Response + Clone {
    move |ask: &Ask| {
        let page = ask.number("page").or(ask.number("after")).unwrap_or(1);
        if ask.nth + 1 == dies_at {
            return status(500);
        }
        let data = if page > 1000 { Vec::new() } else { records(page * 2, 2) };
        let next = if page < 1000 { json!((page + 1).to_string()) } else { json!(null) };
        let link = if page < 1000 { format!("<?after={}>; rel=next", page + 1) } else { String::new() };
        says_with(("link", link), json!({"data": data, "next": next}))
    }
}

#[tokio::test]
async fn a_read_that_dies_behind_page_700_goes_on_at_page_701() {
    for pagination in [
        json!({"kind": "page"}),
        json!({"kind": "cursor", "cursor_param": "after", "cursor": "/next"}),
        json!({"kind": "link"}),
    ] {
        let config = json!({"records": "/data", "pagination": pagination});
        let api = Api::start(thousand(701)).await;
        let (first, error) = attempt(&api, &config, after(Vec::new())).await;
        assert_eq!((error.as_deref(), first.len(), kept(&first).len()), (Some("HTTP_BUSY"), 700, 700));

        let (second, error) = attempt(&api, &config, after(kept(&first))).await;
        assert_eq!(error, None);
        let ids: Vec<usize> =
            column(&second, "id").into_iter().map(|id| id.expect("id").parse().expect("number")).collect();
        assert_eq!(ids, (2..2002).collect::<Vec<_>>(), "{config}");
        let asked: Vec<String> =
            api.asks()[701..].iter().map(|ask| ask.get("page").to_owned() + ask.get("after")).collect();
        assert_eq!(
            (asked[0].as_str(), asked.len()),
            ("701", if config["pagination"]["kind"] == "page" { 301 } else { 300 })
        );
        assert_eq!(raw(&second[..700], "body"), raw(&first, "body"));
        assert_eq!(kept(&second).len(), second.len() - 700, "what is kept already is not offered again");
    }
}

#[tokio::test]
async fn attempt_after_attempt_gets_further() {
    let config = json!({"records": "/data", "pagination": {"kind": "page"}});
    let api = Api::start(|ask: &Ask| {
        let page = ask.number("page").unwrap_or(1);
        if ask.nth % 3 == 2 {
            status(503)
        } else {
            says(json!({"data": records(page, usize::from(page < 8))}))
        }
    })
    .await;
    let mut left = Vec::new();
    for _ in 0..20 {
        let (chunks, error) = attempt(&api, &config, after(left.clone())).await;
        left.extend(kept(&chunks));
        if error.is_none() {
            assert_eq!(column(&chunks, "id").len(), 7);
            return;
        }
    }
    panic!("it never gets there");
}

#[tokio::test]
async fn checkpoints_of_another_config_or_another_beginning_and_damaged_ones_are_read_anew() {
    let config = json!({"records": "/data", "pagination": {"kind": "page"}});
    let api = Api::start(|ask: &Ask| {
        let page = ask.number("page").unwrap_or(1);
        says(json!({"data": records(page, usize::from(page < 4))}))
    })
    .await;
    let left = kept(&attempt(&api, &config, after(Vec::new())).await.0);
    let asked = |api: &Api, before: usize| api.asks().len() - before;

    let before = api.asks().len();
    let changed = json!({"records": "/data", "pagination": {"kind": "page"}, "query": {"all": true}});
    attempt(&api, &changed, after(left.clone())).await;
    assert_eq!(asked(&api, before), 4, "another config");

    let before = api.asks().len();
    let cursor = ReadContext { cursor: Some("5".to_owned()), ..after(left.clone()) };
    attempt(&api, &config, cursor).await;
    assert_eq!(asked(&api, before), 4, "another beginning");

    let before = api.asks().len();
    let mut damaged = left.clone();
    damaged[2] = damaged[2].slice(..damaged[2].len() - 4);
    let (chunks, error) = attempt(&api, &config, after(damaged)).await;
    assert_eq!((error, column(&chunks, "id").len(), asked(&api, before)), (None, 3, 2), "a damaged one");

    let before = api.asks().len();
    let stale = kept(&attempt(&api, &changed, after(Vec::new())).await.0);
    let mixed = stale.into_iter().chain(left).collect();
    assert_eq!(attempt(&api, &config, after(mixed)).await.0.len(), 4);
    assert_eq!(asked(&api, before), 4, "those of this config stand behind those of another");
}

#[tokio::test]
async fn no_secret_is_kept() {
    let api = Api::start(|ask: &Ask| {
        let link = format!("<http://{}/things?key=s3cret&p=2>; rel=next", ask.header("host"));
        says_with(
            ("link", if ask.get("p").is_empty() { link } else { String::new() }),
            json!(records(ask.nth, 1)),
        )
    })
    .await;
    let config =
        json!({"auth": {"kind": "api_key", "query": "key", "key": "s3cret"}, "pagination": {"kind": "link"}});
    let (chunks, _) = attempt(&api, &config, after(Vec::new())).await;
    let left = kept(&chunks);
    assert!(left.iter().all(|bytes| !String::from_utf8_lossy(bytes).contains("s3cret")));
    attempt(&api, &config, after(left[..1].to_vec())).await;
    assert_eq!(api.asked("key"), ["s3cret"; 3], "the second page is asked for with the key again");
}

#[tokio::test]
async fn the_suite_passes_with_pages_of_several_chunks_bad_records_and_a_cursor() {
    let api = Api::start(|ask: &Ask| {
        let at = ask.number("after").unwrap_or(0);
        let data: Vec<Value> = (0..5).map(|n| json!({"id": at * 5 + n, "price": if n == 3 { json!("x") } else { json!(1.5) }})).collect();
        says(json!({"data": if at == 2 { Vec::new() } else { data }, "next": if at < 4 { json!(at + 1) } else { json!(null) }}))
    })
    .await;
    let config = json!({"url": api.url("/things"), "records": "/data", "incremental": {"field": "id", "param": "since", "lag": 2},
        "pagination": {"kind": "cursor", "cursor_param": "after", "cursor": "/next"}});
    let mut spec = spec("rest", config);
    spec.mode = rfe_model::source::Mode::Incremental;
    let case = Case {
        kind: kind("rest"),
        spec,
        context: ReadContext {
            chunk_bytes: 40,
            ..expecting(context(Vec::new()), &[("price", SqlType::Double)])
        },
        records: 20,
        bad: 4,
        mend: |raw| String::from_utf8_lossy(raw).replace("\"x\"", "2").into_bytes(),
    };
    conformance::run(&case).await;
}
