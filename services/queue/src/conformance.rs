//! The suite that every queue passes. Each test gets an empty queue of its own.

mod batches;
mod control;
mod events;
mod leases;

use std::time::Duration;

use rfe_proto::ingest::{Event, JobKind};

use crate::{Accepted, LeaseRequest, Leased, NewEvents, NewJob, Queue, QueueControl};

/// A queue with both its faces.
pub trait Whole: Queue + QueueControl {}

impl<Q: Queue + QueueControl> Whole for Q {}

/// Runs the whole suite; `open` makes an empty queue that holds 20 jobs and 4 MiB at most.
///
/// # Panics
/// Where the queue does not conform.
pub async fn run<Q: Whole>(open: impl AsyncFn() -> Q) {
    macro_rules! all {
        ($($module:ident::$test:ident),* $(,)?) => {$(
            eprintln!("conformance: {}", stringify!($test));
            $module::$test(&open().await).await;
        )*};
    }
    all!(
        events::events_come_out_as_they_went_in,
        events::a_known_id_is_a_duplicate_also_within_a_call,
        events::concurrent_calls_with_one_id_accept_it_once,
        events::large_calls_are_split_into_jobs,
        events::jobs_of_a_call_have_its_ids_and_its_trace,
        events::a_full_queue_refuses_a_call_whole_and_others_pass,
        batches::a_batch_is_ready_by_size_or_by_age,
        batches::an_expired_batch_is_redelivered_whole,
        batches::bisection_ends_at_single_events,
        batches::bisecting_again_does_nothing,
        batches::one_event_cannot_be_bisected,
        batches::a_job_leaves_with_the_last_of_its_batches,
        leases::a_job_is_leased_once_and_leaves_when_complete,
        leases::enqueueing_again_does_nothing,
        leases::one_pull_of_a_source_runs_at_a_time,
        leases::replays_run_beside_a_pull,
        leases::only_work_of_the_kinds_asked_for_is_leased,
        leases::a_compaction_keeps_nobody_from_work,
        leases::sources_take_turns,
        leases::retry_burns_an_attempt_and_release_does_not,
        leases::delayed_work_waits,
        leases::a_stale_lease_is_refused,
        leases::a_heartbeat_keeps_the_lease,
        leases::a_waiting_lease_wakes_for_new_work,
        leases::a_lease_that_nobody_received_is_given_back,
        control::a_cancelled_job_is_gone_and_its_worker_hears_of_it,
        control::jobs_of_events_cannot_be_cancelled,
        control::a_paused_source_accepts_but_is_not_leased,
        control::a_job_tells_its_state,
        control::jobs_of_events_are_listed_newest_first,
        control::stats_count_what_has_not_left,
        control::a_healthy_queue_needs_no_repair,
    );
}

fn event(id: &str) -> Event {
    Event {
        event_id: id.to_owned(),
        payload: format!("{{\"id\":\"{id}\"}}").into_bytes(),
        ..Event::default()
    }
}

fn events(source: &str, ids: &[&str]) -> NewEvents {
    call(source, ids.iter().map(|id| event(id)).collect())
}

fn call(source: &str, events: Vec<Event>) -> NewEvents {
    NewEvents { id: rfe_model::id::new(), source: source.to_owned(), events, trace: String::new() }
}

fn job(source: &str, kind: JobKind) -> NewJob {
    let reads_source = matches!(kind, JobKind::Pull | JobKind::Backfill);
    NewJob { id: rfe_model::id::new(), source: source.to_owned(), kind, reads_source, trace: String::new() }
}

/// Asks for what is ready now; every loose event is.
fn now() -> LeaseRequest {
    LeaseRequest {
        worker: "conformance".to_owned(),
        lease: Duration::from_secs(30),
        wait: Duration::ZERO,
        batch_max_rows: 5000,
        batch_max_age: Duration::ZERO,
        kinds: Vec::new(),
    }
}

/// As [`now`], with a lease that expires at once.
fn briefly() -> LeaseRequest {
    LeaseRequest { lease: Duration::ZERO, ..now() }
}

async fn accept(queue: &dyn Queue, source: &str, ids: &[&str]) -> Vec<Accepted> {
    queue.enqueue_events(events(source, ids)).await.expect("enqueue").outcomes
}

async fn take(queue: &dyn Queue) -> Leased {
    queue.lease(now()).await.expect("lease").expect("work is ready")
}

async fn nothing(queue: &dyn Queue) {
    assert_eq!(queue.lease(now()).await.expect("lease"), None);
}

fn ids(leased: &Leased) -> Vec<&str> {
    leased.events.iter().map(|event| event.event_id.as_str()).collect()
}

fn job_of(accepted: &Accepted) -> &str {
    match accepted {
        Accepted::New { job_id } => job_id,
        Accepted::Duplicate => panic!("a duplicate has no job"),
    }
}
