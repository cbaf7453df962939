//! Ready when it says so, gone without losing anything.

use rfe_tests::{Platform, Role, Settings};

#[tokio::test]
async fn it_is_ready_when_it_says_so_and_shows_its_pages_on_each_port() {
    let mut platform = Platform::start().await;
    for role in Role::ALL {
        for path in ["/healthz", "/readyz"] {
            assert_eq!(platform.page(role, path).await.status, 200, "{path} of {}", role.name());
        }
    }
    assert_eq!(platform.webhook("seen").json("{}").await.status, 200);
    platform.shows("SELECT count(*) FROM seen", &["1"]).await;
    for role in Role::ALL {
        let page = platform.page(role, "/metrics").await;
        assert_eq!(page.status, 200);
        let typed = page.text.lines().any(|line| line.starts_with("# TYPE rfe_"));
        assert!(typed, "{}: {}", role.name(), page.text);
    }
    let document = platform.get("/openapi.json").await.json();
    assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")), "{document}");
    for path in ["/webhooks/{source}", "/webhooks/replay"] {
        assert!(document["paths"][path]["post"].is_object(), "{path} is in {document}");
    }
    platform.stop().await;
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
    platform.settings = Settings::default();
    platform.restart().await;
    platform.shows("SELECT count(*), count(DISTINCT _event_id) FROM kept", &["20|20"]).await;
    let again = platform.webhook("kept").header("ce-id", "7").json("{\"a\": 1}").await;
    assert_eq!(again.json()["duplicate"], true, "ids are remembered");
    platform.stop().await;
}

#[tokio::test]
async fn what_a_killed_platform_had_accepted_lands_after_the_next_start() {
    let mut platform = Platform::start().await;
    assert_eq!(platform.webhook("survivor").json("{\"a\": 1}").await.status, 200);
    platform.kill_nine();
    platform.restart().await;
    platform.shows("SELECT a FROM survivor", &["1"]).await;
}

#[tokio::test]
async fn plain_starting_registers_nothing() {
    let platform = Platform::start().await;
    assert!(platform.rfe(&["sources", "--json"]).await.ok().stdout.is_empty());
    assert!(platform.rfe(&["datasets", "--json"]).await.ok().stdout.is_empty());
    assert_eq!(platform.value("SELECT 6 * 7").await, "42");
}
