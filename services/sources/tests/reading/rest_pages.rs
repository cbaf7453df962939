//! Pages of a REST source: how one follows another, and how it ends.

use axum::response::Response;
use rfe_sources::{Chunk, ReadContext, ReadError};
use serde_json::{Value, json};

use crate::{
    api::{Api, Ask, records, says, says_with, status},
    desk::{column, context},
};

fn ids(chunks: &[Chunk]) -> Vec<usize> {
    column(chunks, "id").into_iter().map(|id| id.expect("an id").parse().expect("a number")).collect()
}

fn stuck(read: Result<Vec<Chunk>, ReadError>) -> String {
    let error = read.expect_err("no endless loop");
    assert!(error.is_permanent() && error.code == "PAGINATION_STUCK", "{error}");
    error.message
}

fn by_cursor(more: Value) -> Value {
    let mut pagination = json!({"kind": "cursor", "cursor_param": "after", "cursor": "/next"});
    if let Value::String(pointer) = more {
        pagination["more"] = json!(pointer);
    }
    json!({"records": "/data", "pagination": pagination})
}

fn by_link() -> Value {
    json!({"pagination": {"kind": "link", "limit_param": "per", "limit": 3}})
}

#[tokio::test]
async fn cursors_are_followed_over_empty_pages_until_there_is_none() {
    let api = Api::start(|ask: &Ask| match ask.get("after") {
        "" => says(json!({"data": records(0, 2), "next": "a b&c=d"})),
        "a b&c=d" => says(json!({"data": [], "next": 17})),
        "17" => says(json!({"data": records(2, 1), "next": null})),
        _ => status(500),
    })
    .await;
    assert_eq!(ids(&api.read(by_cursor(json!(null))).await.expect("read")), [0, 1, 2]);
    assert_eq!(api.asked("after"), ["", "a b&c=d", "17"]);
}

#[tokio::test]
async fn no_more_is_the_end_even_with_a_cursor() {
    let api = Api::start(|ask: &Ask| {
        let last = ask.get("after") == "1";
        says(json!({"data": records(ask.nth, 1), "next": "1", "has_more": !last}))
    })
    .await;
    assert_eq!(ids(&api.read(by_cursor(json!("/has_more"))).await.expect("read")), [0, 1]);
    let lost = Api::start(|_: &Ask| says(json!({"data": [], "has_more": true}))).await;
    assert!(stuck(lost.read(by_cursor(json!("/has_more"))).await).contains("`cursor`"));
}

#[tokio::test]
async fn a_cursor_may_be_the_url_of_the_next_page() {
    let api = Api::start(|ask: &Ask| match (ask.path.as_str(), ask.get("p")) {
        ("/things", "") => {
            says(json!({"data": records(0, 1), "next": format!("http://{}/things?p=2", ask.header("host"))}))
        }
        ("/things", "2") => says(json!({"data": records(1, 1), "next": "/more?p=3"})),
        ("/more", "3") => says(json!({"data": records(2, 1)})),
        _ => status(500),
    })
    .await;
    let config = json!({"records": "/data", "pagination": {"kind": "cursor", "cursor": "/next"}});
    assert_eq!(ids(&api.read(config).await.expect("read")), [0, 1, 2]);
}

#[tokio::test]
async fn links_are_followed_relative_ones_too_until_there_is_none() {
    let api = Api::start(|ask: &Ask| {
        let link = |text: &str| ("link", text.replace("HOST", ask.header("host")));
        match (ask.path.as_str(), ask.get("p")) {
            ("/things", "") => says_with(
                link("<?p=2>; rel=\"prev next\"; title=\"a, b\", </x>; rel=last"),
                json!(records(0, 3)),
            ),
            ("/things", "2") => says_with(link("</x>; rel=first, <http://HOST/deep/er?p=3>; rel=next"), "[]"),
            ("/deep/er", "3") => says_with(link("<../up?p=4>;rel=next"), json!(records(3, 1))),
            ("/up", "4") => says_with(link("</things>; rel=first"), json!(records(4, 1))),
            _ => status(500),
        }
    })
    .await;
    assert_eq!(ids(&api.read(by_link()).await.expect("read")), [0, 1, 2, 3, 4]);
    assert_eq!(api.asked("per"), ["3", "", "", ""], "a link is taken as it is");
}

#[tokio::test]
async fn the_same_cursor_link_or_page_twice_is_an_error() {
    let ring = |length: usize| {
        move |ask: &Ask| {
            let at = ask.number("after").or(ask.number("page")).unwrap_or(0);
            let next = (at + 1) % length;
            let link = ("link", format!("<?after={next}>; rel=next"));
            says_with(
                link,
                json!({"data": records(at % length * 10, 2), "next": next.to_string(), "nth": ask.nth}),
            )
        }
    };
    for length in [1, 2, 7] {
        for config in [
            by_cursor(json!(null)),
            json!({"records": "/data", "pagination": {"kind": "link"}}),
            json!({"records": "/data", "pagination": {"kind": "page", "limit": 2}}),
        ] {
            let api = Api::start(ring(length)).await;
            let message = stuck(api.read(config.clone()).await);
            assert!(message.contains("page"), "{message}");
            assert!(api.asks().len() <= length + 2, "{length} {config}: {} requests", api.asks().len());
        }
    }
}

#[tokio::test]
async fn new_cursors_that_lead_nowhere_are_an_error() {
    let api =
        Api::start(|ask: &Ask| says(json!({"data": records(0, 2), "next": ask.nth.to_string() + "x"}))).await;
    stuck(api.read(by_cursor(json!(null))).await);
    assert_eq!(api.asks().len(), 2);
}

fn capped(total: usize, cap: usize, beyond: fn() -> Response) -> impl Fn(&Ask) -> Response + Clone {
    move |ask: &Ask| {
        let limit = ask.number("limit").unwrap_or(cap).min(cap);
        let first = ask.number("offset").unwrap_or_else(|| (ask.number("page").unwrap_or(1) - 1) * limit);
        if first >= total { beyond() } else { says(json!(records(first, limit.min(total - first)))) }
    }
}

#[tokio::test]
async fn a_server_that_gives_less_than_the_limit_is_read_to_its_end() {
    for kind in ["page", "offset"] {
        for total in [1, 9, 10, 11, 25, 30] {
            let api = Api::start(capped(total, 10, || says("[]"))).await;
            let config = json!({"pagination": {"kind": kind, "limit_param": "limit", "limit": 1000}});
            let read = api.read(config).await.expect("read");
            assert_eq!(ids(&read), (0..total).collect::<Vec<_>>(), "{kind} {total}");
        }
    }
}

#[tokio::test]
async fn the_last_page_has_fewer_records_than_the_limit_and_nothing_is_asked_behind_it() {
    let api = Api::start(capped(25, 10, || status(500))).await;
    let config = json!({"pagination": {"kind": "page", "limit_param": "limit", "limit": 10}});
    assert_eq!(ids(&api.read(config).await.expect("read")).len(), 25);
    assert_eq!(api.asked("page"), ["1", "2", "3"]);
}

#[tokio::test]
async fn a_page_that_is_asked_for_only_to_see_may_be_missing_and_no_other() {
    let api = Api::start(capped(5, 10, || status(404))).await;
    let config = json!({"pagination": {"kind": "page", "limit_param": "limit", "limit": 10}});
    assert_eq!(ids(&api.read(config.clone()).await.expect("read")).len(), 5);
    assert_eq!(api.asked("page"), ["1", "2"]);
    let api = Api::start(capped(20, 10, || status(404))).await;
    assert_eq!(api.read(config).await.expect_err("a page is missing").code, "HTTP_STATUS");
}

#[tokio::test]
async fn pages_are_counted_from_where_the_config_says_and_up_to_a_bound() {
    let api = Api::start(|ask: &Ask| says(json!(records(ask.number("p").unwrap_or(99) * 10, 10)))).await;
    let config =
        json!({"max_pages": 3, "pagination": {"kind": "page", "page_param": "p", "start": 0, "limit": 10}});
    assert_eq!(ids(&api.read(config).await.expect("read")), (0..30).collect::<Vec<_>>());
    assert_eq!(api.asks().len(), 3);
}

#[tokio::test]
async fn a_posted_query_is_posted_for_each_page() {
    let api = Api::start(|ask: &Ask| {
        let next = if ask.get("after").is_empty() { json!("x") } else { json!(null) };
        says(json!({"data": records(ask.nth, 1), "next": next}))
    })
    .await;
    let mut config = by_cursor(json!(null));
    config["body"] = json!({"q": "all"});
    api.read(config).await.expect("read");
    let sent: Vec<String> = api.asks().into_iter().map(|ask| ask.body).collect();
    assert_eq!(sent, ["{\"q\":\"all\"}"; 2]);
}

#[tokio::test]
async fn the_next_page_is_fetched_while_the_one_at_hand_is_taken_apart_and_no_further() {
    let api =
        Api::start(|ask: &Ask| says(json!({"data": records(ask.nth * 4, 4), "next": ask.nth + 1}))).await;
    let mut config = by_cursor(json!(null));
    config["url"] = json!(api.url("/things"));
    let context = ReadContext { chunk_bytes: 1, ..context(Vec::new()) };
    let kind = crate::desk::kind("rest");
    let mut reader = kind.open(&crate::desk::spec("rest", config), context).await.expect("open");
    for _ in 0..2 {
        reader.next().await.expect("read").expect("a chunk");
    }
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert_eq!(api.asks().len(), 2, "one page at hand, one waiting");
}

#[tokio::test]
async fn credentials_do_not_follow_a_next_page_to_another_server_and_inner_ones_are_not_asked() {
    let other = Api::start(|_: &Ask| says(json!({"data": records(1, 1)}))).await;
    let next = other.url("/things?key=k&p=2");
    let api = Api::start(move |_: &Ask| says(json!({"data": records(0, 1), "next": next}))).await;
    let mut config = by_cursor(json!(null));
    config["auth"] = json!({"kind": "api_key", "query": "key", "key": "k"});
    config["headers"] = json!({"X-Token": "t"});
    assert_eq!(ids(&api.read(config.clone()).await.expect("read")), [0, 1]);
    assert_eq!((api.asked("key"), other.asked("key")), (vec!["k".to_owned()], vec![String::new()]));
    assert_eq!((other.asks()[0].header("x-token"), other.asked("p")), ("", vec!["2".to_owned()]));

    config["body"] = json!({"secret": 1});
    assert_eq!(api.read(config).await.expect_err("nothing is posted there").code, "BAD_URL");
    for inner in ["http://10.0.0.1/", "http://[::1]:1/", "http://0x7f.2/", "file:///etc/passwd"] {
        let api = Api::start(move |_: &Ask| says(json!({"data": [], "next": inner}))).await;
        let config = json!({"records": "/data", "pagination": {"kind": "cursor", "cursor": "/next"}});
        let read = api.read(config).await;
        if inner.starts_with("http") {
            assert_eq!(read.expect_err("inside").code, "HOST_NOT_ALLOWED", "{inner}");
        }
        let link = format!("<{inner}>; rel=next");
        let api = Api::start(move |_: &Ask| says_with(("link", link.clone()), "[]")).await;
        assert_eq!(api.read(by_link()).await.expect_err("inside").code, "HOST_NOT_ALLOWED", "{inner}");
    }
}

#[tokio::test]
async fn a_key_in_the_url_goes_with_each_page_of_the_same_server_once() {
    let api = Api::start(|ask: &Ask| {
        let link = format!("<http://{}/things?key=k&p=2>; rel=next", ask.header("host"));
        if ask.get("p").is_empty() {
            says_with(("link", link), json!(records(0, 1)))
        } else {
            says(json!(records(1, 1)))
        }
    })
    .await;
    let config =
        json!({"auth": {"kind": "api_key", "query": "key", "key": "k"}, "pagination": {"kind": "link"}});
    assert_eq!(ids(&api.read(config).await.expect("read")), [0, 1]);
    assert_eq!(api.asked("key"), ["k", "k"]);
}
