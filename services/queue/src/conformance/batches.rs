//! Batches: formed, redelivered, split.

use std::time::{Duration, Instant};

use super::{Whole, accept, briefly, ids, job, job_of, nothing, now, take};
use crate::{LeaseRequest, QueueError};
use rfe_model::id::half;
use rfe_proto::ingest::{JobKind, JobState};

pub async fn a_batch_is_ready_by_size_or_by_age(queue: &impl Whole) {
    let patient = LeaseRequest { batch_max_rows: 3, batch_max_age: Duration::from_millis(300), ..now() };
    accept(queue, "s", &["a", "b"]).await;
    let accepted = Instant::now();
    assert_eq!(queue.lease(patient.clone()).await.expect("lease"), None, "neither full nor old");
    accept(queue, "s", &["c"]).await;
    let full = queue.lease(patient.clone()).await.expect("lease").expect("three rows are a batch");
    assert_eq!(ids(&full), ["a", "b", "c"]);
    accept(queue, "s", &["d"]).await;
    let waiting = LeaseRequest { wait: Duration::from_secs(10), ..patient };
    let aged = queue.lease(waiting).await.expect("lease").expect("an old row is a batch");
    assert_eq!(ids(&aged), ["d"]);
    assert!(accepted.elapsed() >= Duration::from_millis(300), "it was leased before its age");
}

pub async fn an_expired_batch_is_redelivered_whole(queue: &impl Whole) {
    accept(queue, "s", &["a"]).await;
    accept(queue, "s", &["b"]).await;
    let first = queue.lease(briefly()).await.expect("lease").expect("batch");
    accept(queue, "s", &["c"]).await;
    let second = queue.lease(briefly()).await.expect("lease").expect("the batch again");
    assert_eq!((second.lease.id.as_str(), second.expired, second.attempts), (first.lease.id.as_str(), 1, 0));
    assert_eq!(second.events, first.events);
    assert!(second.lease.epoch > first.lease.epoch);
    let third = take(queue).await;
    assert_eq!((third.lease.id.as_str(), third.expired), (first.lease.id.as_str(), 2));
    assert_eq!(ids(&take(queue).await), ["c"], "what came later is a batch of its own");
}

pub async fn bisection_ends_at_single_events(queue: &impl Whole) {
    accept(queue, "s", &["a", "b", "c"]).await;
    accept(queue, "s", &["d", "e", "f", "g"]).await;
    let mut single = Vec::new();
    while let Some(batch) = queue.lease(now()).await.expect("lease") {
        if batch.events.len() > 1 {
            queue.bisect(&batch.lease).await.expect("bisect");
        } else {
            single.extend(batch.events.iter().map(|event| event.event_id.clone()));
            queue.complete(&batch.lease).await.expect("complete");
        }
    }
    single.sort();
    assert_eq!(single, ["a", "b", "c", "d", "e", "f", "g"]);
    assert_eq!(queue.stats().await.expect("stats"), [], "nothing remains");
}

pub async fn bisecting_again_does_nothing(queue: &impl Whole) {
    accept(queue, "s", &["a", "b", "c"]).await;
    let batch = take(queue).await;
    queue.bisect(&batch.lease).await.expect("bisect");
    let first = take(queue).await;
    assert_eq!((first.lease.id.clone(), ids(&first)), (half(&batch.lease.id, 0), vec!["a"]));
    assert_eq!((first.attempts, first.expired), (0, 0));
    queue.complete(&first.lease).await.expect("complete");
    queue.bisect(&batch.lease).await.expect("a repeated call");
    let second = take(queue).await;
    assert_eq!((second.lease.id.clone(), ids(&second)), (half(&batch.lease.id, 1), vec!["b", "c"]));
    nothing(queue).await;
    assert!(matches!(queue.complete(&batch.lease).await, Err(QueueError::Stale(_))), "the batch is gone");
}

pub async fn one_event_cannot_be_bisected(queue: &impl Whole) {
    accept(queue, "s", &["a"]).await;
    let batch = take(queue).await;
    assert!(matches!(queue.bisect(&batch.lease).await, Err(QueueError::Indivisible(_))));
    queue.enqueue(job("p", JobKind::Pull)).await.expect("enqueue");
    let pull = take(queue).await;
    assert!(matches!(queue.bisect(&pull.lease).await, Err(QueueError::Indivisible(_))));
    queue.complete(&batch.lease).await.expect("it is still held");
}

pub async fn a_job_leaves_with_the_last_of_its_batches(queue: &impl Whole) {
    let accepted = accept(queue, "s", &["a", "b"]).await;
    let id = job_of(&accepted[0]);
    let batch = take(queue).await;
    assert!(queue.job(id).await.expect("job").is_some_and(|job| !job.split));
    queue.bisect(&batch.lease).await.expect("bisect");
    let (first, second) = (take(queue).await, take(queue).await);
    queue.complete(&first.lease).await.expect("complete");
    assert!(queue.job(id).await.expect("job").is_some_and(|job| job.split));
    let between = queue.job(id).await.expect("job").expect("it is there");
    assert_eq!((between.state, between.run_id), (JobState::Running, Some(second.lease.id.clone())));
    queue.complete(&second.lease).await.expect("complete");
    let after = queue.job(id).await.expect("job").expect("it is remembered");
    assert_eq!((after.state, after.run_id), (JobState::Succeeded, Some(second.lease.id)));
}
