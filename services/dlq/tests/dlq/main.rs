//! The role as its clients see it.

mod stand_in;

use std::sync::{Arc, atomic::Ordering};

use rfe_dlq::{Config, Deps};
use rfe_mesh::{MeshChannel, Metrics, Shutdown, channel::LocalRoutes, fault_from_status};
use rfe_model::fault::reason;
use rfe_proto::dlq::{
    DeadLetterFilter, DiscardDeadLetterRequest, GetDeadLetterRequest, ListDeadLettersRequest,
    ReplayDeadLetterRequest, ReplayDeadLettersRequest, dlq_service_client::DlqServiceClient,
};
use stand_in::World;
use tonic::service::Routes;

fn dlq(world: &Arc<World>) -> DlqServiceClient<MeshChannel> {
    let channel = world.channel();
    let deps = Deps {
        metadata: channel.clone(),
        ingest: channel,
        shutdown: Shutdown::new(),
        metrics: Metrics::default(),
    };
    let mut routes = Routes::builder();
    let tasks = rfe_dlq::build(Config::default(), deps).register(&mut routes);
    assert!(tasks.is_empty());
    let local = LocalRoutes::default();
    local.set(routes.routes());
    DlqServiceClient::new(MeshChannel::Local(local))
}

fn replay(id: &str, raw: Option<&[u8]>) -> ReplayDeadLetterRequest {
    ReplayDeadLetterRequest { id: id.to_owned(), raw: raw.map(<[u8]>::to_vec) }
}

#[tokio::test]
async fn a_replay_is_a_job_of_the_letters_source() {
    let world = Arc::new(World::default());
    world.letter("l", "open", b"{}");
    let reply = dlq(&world).replay_dead_letter(replay("l", None)).await.expect("queued").into_inner();
    assert_eq!((reply.job_id.as_str(), reply.already_replayed), ("job-l", false));
    let submitted = world.submitted.lock().expect("lock").remove(0);
    assert_eq!(submitted.source, "a");
    assert_eq!(submitted.replay.expect("replay").raw, None);
}

#[tokio::test]
async fn bytes_replace_the_letters_only_if_they_differ() {
    let world = Arc::new(World::default());
    world.letter("l", "open", b"{\"a\":");
    let mut dlq = dlq(&world);
    dlq.replay_dead_letter(replay("l", Some(b"{\"a\":"))).await.expect("queued");
    dlq.replay_dead_letter(replay("l", Some(b"{\"a\":1}"))).await.expect("queued");
    let raws: Vec<_> = world
        .submitted
        .lock()
        .expect("lock")
        .iter()
        .map(|call| call.replay.clone().expect("replay").raw)
        .collect();
    assert_eq!(raws, [None, Some(b"{\"a\":1}".to_vec())]);
}

#[tokio::test]
async fn a_job_has_no_bytes_to_replace() {
    let world = Arc::new(World::default());
    world.letter("l", "open", b"");
    world.letters.lock().expect("lock").get_mut("l").expect("letter").kind = "job".to_owned();
    let refused = dlq(&world).replay_dead_letter(replay("l", Some(b"x"))).await.expect_err("refused");
    assert_eq!(fault_from_status(&refused).violations[0].path, "raw");
}

#[tokio::test]
async fn a_letter_that_was_replayed_answers_so_and_queues_nothing() {
    let world = Arc::new(World::default());
    world.letter("l", "replayed", b"{}");
    let reply = dlq(&world).replay_dead_letter(replay("l", None)).await.expect("answered").into_inner();
    assert_eq!((reply.job_id.as_str(), reply.already_replayed), ("run-before", true));
    assert!(world.submitted.lock().expect("lock").is_empty());
}

#[tokio::test]
async fn a_letter_that_was_replayed_between_look_and_call_answers_so_too() {
    let world = Arc::new(World::default());
    world.letter("l", "open", b"{}");
    world.replayed_meanwhile.store(true, Ordering::SeqCst);
    let reply = dlq(&world).replay_dead_letter(replay("l", None)).await.expect("answered").into_inner();
    assert_eq!((reply.job_id.as_str(), reply.already_replayed), ("run-meanwhile", true));
}

#[tokio::test]
async fn discarded_and_unknown_letters_are_refused() {
    let world = Arc::new(World::default());
    world.letter("l", "open", b"{}");
    let mut dlq = dlq(&world);
    let discard =
        DiscardDeadLetterRequest { id: "l".to_owned(), reason: "a test".to_owned(), by: "ada".to_owned() };
    let letter =
        dlq.discard_dead_letter(discard).await.expect("discarded").into_inner().dead_letter.expect("letter");
    assert_eq!((letter.state.as_str(), letter.discard_reason.as_str()), ("discarded", "a test"));
    assert_eq!(letter.closed_by, "ada");
    for (id, expected) in
        [("l", reason::LETTER_NOT_OPEN), ("m", reason::LETTER_NOT_FOUND), ("", reason::INVALID_FIELD)]
    {
        let refused = dlq.replay_dead_letter(replay(id, None)).await.expect_err("refused");
        assert_eq!(fault_from_status(&refused).reason, expected, "{id}");
    }
}

#[tokio::test]
async fn lists_leave_the_bytes_out_and_name_what_is_wrong_with_a_filter() {
    let world = Arc::new(World::default());
    for id in ["l1", "l2", "l3"] {
        world.letter(id, "open", b"{}");
    }
    let mut dlq = dlq(&world);
    let first = dlq.list_dead_letters(ListDeadLettersRequest::default()).await.expect("listed").into_inner();
    assert!(first.dead_letters.iter().all(|letter| letter.raw_base64.is_empty()));
    let next =
        ListDeadLettersRequest { page_token: first.next_page_token, ..ListDeadLettersRequest::default() };
    let second = dlq.list_dead_letters(next).await.expect("listed").into_inner();
    let ids: Vec<_> =
        first.dead_letters.iter().chain(&second.dead_letters).map(|letter| letter.id.as_str()).collect();
    assert_eq!(ids, ["l1", "l2"]);
    let filter = DeadLetterFilter {
        state: "closed".to_owned(),
        kind: "row".to_owned(),
        stage: "parse".to_owned(),
        since: Some(prost_types::Timestamp { seconds: 2, nanos: 0 }),
        until: Some(prost_types::Timestamp { seconds: 1, nanos: 0 }),
        ..DeadLetterFilter::default()
    };
    let wrong = ListDeadLettersRequest { filter: Some(filter), ..ListDeadLettersRequest::default() };
    let fault = fault_from_status(&dlq.list_dead_letters(wrong).await.expect_err("refused"));
    assert_eq!(
        fault.violations.iter().map(|wrong| wrong.path.as_str()).collect::<Vec<_>>(),
        ["filter.state", "filter.kind", "filter.stage", "filter.until"]
    );
}

#[tokio::test]
async fn many_letters_are_replayed_up_to_the_limit_and_counted_without_it() {
    let world = Arc::new(World::default());
    for id in ["l1", "l2", "l3", "l4", "l5"] {
        world.letter(id, if id == "l2" { "discarded" } else { "open" }, b"{}");
    }
    let mut dlq = dlq(&world);
    let count = ReplayDeadLettersRequest { dry_run: true, ..ReplayDeadLettersRequest::default() };
    let counted = dlq.replay_dead_letters(count).await.expect("counted").into_inner();
    assert_eq!((counted.matched, counted.job_ids.len()), (4, 0));
    assert_eq!(counted.letter_ids, ["l1", "l3", "l4", "l5"]);
    assert!(world.submitted.lock().expect("lock").is_empty());
    let three = ReplayDeadLettersRequest { limit: 3, ..ReplayDeadLettersRequest::default() };
    let replayed = dlq.replay_dead_letters(three).await.expect("replayed").into_inner();
    assert_eq!(replayed.job_ids, ["job-l1", "job-l3", "job-l4"]);
    assert_eq!((replayed.matched, replayed.letter_ids), (4, ["l1", "l3", "l4"].map(str::to_owned).to_vec()));
    let filter = DeadLetterFilter { state: "discarded".to_owned(), ..DeadLetterFilter::default() };
    let wrong = ReplayDeadLettersRequest { filter: Some(filter), ..ReplayDeadLettersRequest::default() };
    assert_eq!(
        fault_from_status(&dlq.replay_dead_letters(wrong).await.expect_err("refused")).violations[0].path,
        "filter.state"
    );
}

#[tokio::test]
async fn a_letter_is_shown_without_its_secrets_unless_they_are_asked_for_and_replayed_with_them() {
    let world = Arc::new(World::default());
    let raw = br#"{"total": "many", "password": "hunter2"}"#;
    world.letter("l", "open", raw);
    let mut dlq = dlq(&world);
    let show = |reveal| GetDeadLetterRequest { id: "l".to_owned(), reveal };
    let shown =
        dlq.get_dead_letter(show(false)).await.expect("shown").into_inner().dead_letter.expect("letter");
    assert!(shown.redacted && shown.raw_base64.is_empty(), "{shown:?}");
    assert_eq!(shown.raw_text, r#"{"total": "many", "password": "***"}"#);
    let whole =
        dlq.get_dead_letter(show(true)).await.expect("shown").into_inner().dead_letter.expect("letter");
    assert!(!whole.redacted && whole.raw_base64 == raw, "{whole:?}");
    dlq.replay_dead_letter(replay("l", None)).await.expect("queued");
    let submitted = world.submitted.lock().expect("lock").remove(0);
    assert_eq!(submitted.replay.expect("replay").raw, None, "the stored bytes land");
}
