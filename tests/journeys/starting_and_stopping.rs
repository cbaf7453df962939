//! The process: ready when it says so, alone on its folder, gone without losing anything.

use rfe_tests::{Platform, Settings, until};

#[tokio::test]
async fn it_is_ready_when_it_says_so_and_shows_its_pages_on_both_ports() {
    let mut platform = Platform::start().await;
    for path in ["/healthz", "/readyz"] {
        assert_eq!(platform.get(path).await.status, 200, "{path}");
        assert_eq!(platform.grpc_port_page(path).await.status, 200, "{path}");
    }
    assert_eq!(platform.webhook("seen").json("{}").await.status, 200);
    for page in [platform.get("/metrics").await, platform.grpc_port_page("/metrics").await] {
        assert_eq!(page.status, 200);
        assert!(page.text.lines().any(|line| line.starts_with("# TYPE rfe_")), "{}", page.text);
    }
    let document = platform.get("/openapi.json").await.json();
    assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")), "{document}");
    for path in ["/webhooks/{source}", "/webhooks/replay"] {
        assert!(document["paths"][path]["post"].is_object(), "{path} is in {document}");
    }
    platform.stop().await;
}

#[tokio::test]
async fn a_second_one_on_the_same_folder_names_the_first() {
    let platform = Platform::start().await;
    let log_before = platform.log().len();
    let status = platform.run_to_its_end().await;
    assert_eq!(status.code(), Some(1));
    let said = platform.log().split_off(log_before);
    let expected = format!("{} is in use by pid {}", platform.data().display(), platform.ready().pid);
    assert!(said.contains(&expected), "{expected} is in {said}");
    assert_eq!(platform.get("/readyz").await.status, 200, "the first goes on");
    assert!(platform.data().join("ready.json").exists());
}

#[tokio::test]
async fn interrupting_drains_and_the_next_start_goes_on_with_the_same_data() {
    let mut platform = Settings::default().with("RFE_BATCH_MAX_AGE_MS", "5000").start().await;
    for number in 0..20 {
        let reply = platform.webhook("kept").header("ce-id", &number.to_string()).json("{\"a\": 1}").await;
        assert_eq!(reply.status, 200);
    }
    platform.signal("INT");
    assert_eq!(platform.await_end().await.code(), Some(0), "{}", platform.log());
    assert!(!platform.data().join("ready.json").exists());
    platform.settings = Settings::default();
    platform.restart().await;
    platform.shows("SELECT count(*), count(DISTINCT _event_id) FROM kept", &["20|20"]).await;
    let again = platform.webhook("kept").header("ce-id", "7").json("{\"a\": 1}").await;
    assert_eq!(again.json()["duplicate"], true, "ids are remembered");
    platform.stop().await;
}

#[tokio::test]
async fn a_killed_process_leaves_a_folder_that_the_next_one_takes_over() {
    let mut platform = Platform::start().await;
    assert_eq!(platform.webhook("survivor").json("{\"a\": 1}").await.status, 200);
    platform.kill_nine();
    assert!(platform.data().join("ready.json").exists(), "a killed process can't remove it");
    platform.restart().await;
    platform.shows("SELECT a FROM survivor", &["1"]).await;
}

#[tokio::test]
async fn a_second_signal_ends_at_once() {
    let api = rfe_tests::MockApi::start(5).await;
    let mut platform = Platform::start().await;
    platform
        .apply(&format!("version: 1\nsources:\n- {{name: slow, kind: rest, config: {{url: {}/customers, records: /data}}}}\n", api.url))
        .await;
    api.be(rfe_tests::mock_api::Mood::Stuck);
    let _job = platform.submit("slow").await;
    until("the job asks the API", || async { (!api.calls().is_empty()).then_some(()) }).await;
    platform.signal("INT");
    until("the process says that it drains", || async { (!platform.is_ready().await).then_some(()) }).await;
    platform.signal("INT");
    let status = platform.await_end().await;
    assert!(matches!(status.code(), Some(130 | 0)), "{status}: {}", platform.log());
}

#[tokio::test]
async fn a_listener_for_the_world_needs_tokens() {
    let platform = Platform::prepare(Settings::default().with("RFE_HTTP_ADDR", "0.0.0.0:0"));
    let status = platform.run_to_its_end().await;
    assert_eq!(status.code(), Some(78), "{}", platform.log());
    assert!(platform.log().contains("loopback"), "{}", platform.log());
}

#[tokio::test]
async fn plain_up_registers_nothing() {
    let platform = Platform::start().await;
    assert!(platform.rfe(&["sources", "--json"]).await.ok().stdout.is_empty());
    assert!(platform.rfe(&["datasets", "--json"]).await.ok().stdout.is_empty());
    assert_eq!(platform.value("SELECT 6 * 7").await, "42");
}
