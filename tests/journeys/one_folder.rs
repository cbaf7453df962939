//! `rfe up` and its folder: who holds it, what `ready.json` tells, how it is left.

use rfe_tests::{MockApi, Platform, Settings, mock_api::Mood, until};

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
async fn ready_json_is_there_while_the_process_is_and_a_drain_removes_it() {
    let mut platform = Platform::start().await;
    platform.signal("INT");
    assert_eq!(platform.await_end().await.code(), Some(0), "{}", platform.log());
    assert!(!platform.data().join("ready.json").exists());
    platform.restart().await;
    platform.kill_nine();
    assert!(platform.data().join("ready.json").exists(), "a killed process can't remove it");
    platform.restart().await;
    assert_eq!(platform.get("/readyz").await.status, 200, "the next one takes the folder over");
}

#[tokio::test]
async fn a_second_signal_ends_at_once() {
    let api = MockApi::start(5).await;
    let mut platform = Platform::start().await;
    platform
        .apply(&format!("version: 1\nsources:\n- {{name: slow, kind: rest, config: {{url: {}/customers, records: /data}}}}\n", api.url))
        .await;
    api.be(Mood::Stuck);
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
