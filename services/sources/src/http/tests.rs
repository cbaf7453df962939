//! Doors, tried with real servers on loopback addresses: 127.0.0.2 is allowed and stands for the public internet, 127.0.0.1
//! is not and stands for the inside.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use axum::{Router, http::HeaderMap as Headers, response::Redirect, routing::any};

use super::*;

const OUTSIDE: &str = "127.0.0.2";
const INSIDE: &str = "127.0.0.1";

/// A name server that answers with one address after the other, the last one for ever.
#[derive(Debug)]
struct Scripted(Mutex<Vec<&'static str>>);

#[async_trait]
impl Names for Scripted {
    async fn lookup(&self, _: &str) -> io::Result<Vec<SocketAddr>> {
        let mut script = self.0.lock().expect("lock");
        let addresses = if script.len() > 1 { script.remove(0) } else { script[0] };
        Ok(addresses.split(' ').map(|ip| SocketAddr::new(ip.parse().expect("address"), 0)).collect())
    }
}

struct Server {
    port: u16,
    asked: Arc<AtomicUsize>,
    seen: Arc<Mutex<Vec<Headers>>>,
}

async fn serve(ip: &str, port: u16, to: Option<String>) -> Server {
    let (asked, seen): (Arc<AtomicUsize>, Arc<Mutex<Vec<Headers>>>) = Default::default();
    let (count, keep) = (Arc::clone(&asked), Arc::clone(&seen));
    let answer = move |headers: Headers| {
        count.fetch_add(1, Ordering::SeqCst);
        keep.lock().expect("lock").push(headers);
        let to = to.clone();
        async move { to.map_or_else(|| Ok("here"), |to| Err(Redirect::temporary(&to))) }
    };
    let listener = tokio::net::TcpListener::bind((ip, port)).await.expect("bind");
    let port = listener.local_addr().expect("address").port();
    let router = Router::new().fallback(any(answer));
    tokio::spawn(async move { axum::serve(listener, router).await.expect("serve") });
    Server { port, asked, seen }
}

fn client(script: &[&'static str]) -> Client {
    let names = Arc::new(Scripted(Mutex::new(script.to_vec())));
    Client::with_names(&[OUTSIDE.to_owned()], Duration::from_secs(5), names).expect("client")
}

fn request(url: &str) -> Request {
    let mut headers = HeaderMap::new();
    headers.insert(header::AUTHORIZATION, "Bearer s3cret".parse().expect("header"));
    Request {
        method: Method::GET,
        url: Url::parse(url).expect("url"),
        headers,
        body: None,
        label: "the API".to_owned(),
    }
}

fn is_blocked(sent: Result<Answer, ReadError>) -> bool {
    sent.is_err_and(|error| error.is_permanent() && error.code == code::HOST_NOT_ALLOWED)
}

#[tokio::test]
async fn a_name_that_resolves_inside_is_refused() {
    let inside = serve(INSIDE, 0, None).await;
    let client = client(&[INSIDE]);
    assert!(is_blocked(client.send(&request(&format!("http://api.example:{}/", inside.port))).await));
    assert_eq!(inside.asked.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn of_the_addresses_of_a_name_only_the_allowed_ones_are_connected_to() {
    let outside = serve(OUTSIDE, 0, None).await;
    let inside = serve(INSIDE, outside.port, None).await;
    let client = client(&["127.0.0.1 127.0.0.2"]);
    let answer = client.send(&request(&format!("http://api.example:{}/", outside.port))).await.expect("sent");
    assert_eq!(answer.body, "here");
    assert_eq!((outside.asked.load(Ordering::SeqCst), inside.asked.load(Ordering::SeqCst)), (1, 0));
}

#[tokio::test]
async fn a_name_that_is_rebound_to_an_inner_address_never_leads_there() {
    // The server outside closes each connection, so that every request asks for the address again.
    let outside = serve(OUTSIDE, 0, None).await;
    let inside = serve(INSIDE, outside.port, None).await;
    let url = format!("http://api.example:{}/", outside.port);
    for script in [&[OUTSIDE, INSIDE][..], &[OUTSIDE, OUTSIDE, INSIDE][..]] {
        let client = client(script);
        let mut closing = request(&url);
        closing.headers.insert(header::CONNECTION, "close".parse().expect("header"));
        for _ in 1..script.len() {
            assert_eq!(client.send(&closing).await.expect("outside").body, "here");
        }
        assert!(is_blocked(client.send(&closing).await), "the name has moved inside");
    }
    assert_eq!((outside.asked.load(Ordering::SeqCst), inside.asked.load(Ordering::SeqCst)), (3, 0));
}

#[tokio::test]
async fn a_redirect_inside_is_refused_however_it_is_spelled() {
    let inside = serve(INSIDE, 0, None).await;
    for host in ["127.0.0.1", "2130706433", "0x7f.1", "127.1", "[::ffff:127.0.0.1]", "inner.example"] {
        let outside = serve(OUTSIDE, 0, Some(format!("http://{host}:{}/", inside.port))).await;
        let client = client(&[INSIDE]);
        let sent = client.send(&request(&format!("http://{OUTSIDE}:{}/", outside.port))).await;
        assert!(is_blocked(sent), "{host}");
    }
    assert_eq!(inside.asked.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn credentials_stay_with_their_server_and_a_body_is_not_posted_on() {
    let other = serve(OUTSIDE, 0, None).await;
    let first = serve(OUTSIDE, 0, Some(format!("http://{OUTSIDE}:{}/", other.port))).await;
    let client = client(&[OUTSIDE]);
    let asks = request(&format!("http://{OUTSIDE}:{}/", first.port));
    client.send(&asks).await.expect("sent");
    assert!(first.seen.lock().expect("lock")[0].contains_key("authorization"));
    assert!(!other.seen.lock().expect("lock")[0].contains_key("authorization"));

    let posts = Request { method: Method::POST, body: Some(Bytes::from_static(b"s3cret")), ..asks };
    let error = client.send(&posts).await.expect_err("refused");
    assert_eq!(error.code, code::BAD_REDIRECT);
    assert_eq!(other.asked.load(Ordering::SeqCst), 1, "the body went nowhere else");
}

#[tokio::test]
async fn redirects_take_turns_like_any_request() {
    let to = serve(OUTSIDE, 0, None).await;
    let from = serve(OUTSIDE, 0, Some(format!("http://{OUTSIDE}:{}/", to.port))).await;
    let client = client(&[OUTSIDE]).paced(Some(Arc::new(Pace::new(Duration::from_millis(60)))));
    let begun = std::time::Instant::now();
    client.send(&request(&format!("http://{OUTSIDE}:{}/", from.port))).await.expect("sent");
    assert!(begun.elapsed() >= Duration::from_millis(59), "{:?}", begun.elapsed());
}
