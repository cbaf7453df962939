//! The queue is looked after.

use std::time::Duration;

use super::{Whole, accept, job, job_of, nothing, take};
use crate::{QueueError, Renewed};
use rfe_proto::ingest::{JobKind, JobState};

pub async fn a_cancelled_job_is_gone_and_its_worker_hears_of_it(queue: &impl Whole) {
    let (waiting, running) = (job("a", JobKind::Pull), job("b", JobKind::Pull));
    queue.enqueue(running.clone()).await.expect("enqueue");
    let leased = take(queue).await;
    queue.enqueue(waiting.clone()).await.expect("enqueue");
    for id in [&waiting.id, &running.id, &waiting.id, &"unknown".to_owned()] {
        queue.cancel(id).await.expect("cancel");
    }
    assert_eq!(queue.heartbeat(&leased.lease).await.expect("heartbeat"), Renewed::Cancelled);
    assert!(matches!(queue.complete(&leased.lease).await, Err(QueueError::Stale(_))));
    nothing(queue).await;
    let status = queue.job(&waiting.id).await.expect("job").expect("remembered");
    assert_eq!(status.state, JobState::Cancelled);
    queue.enqueue(job("b", JobKind::Pull)).await.expect("enqueue");
    take(queue).await;
}

pub async fn jobs_of_events_cannot_be_cancelled(queue: &impl Whole) {
    let accepted = accept(queue, "s", &["a"]).await;
    let refused = queue.cancel(job_of(&accepted[0])).await;
    assert!(matches!(refused, Err(QueueError::NotCancellable(_))), "{refused:?}");
    take(queue).await;
}

pub async fn a_paused_source_accepts_but_is_not_leased(queue: &impl Whole) {
    accept(queue, "s", &["a"]).await;
    let batch = take(queue).await;
    queue.pause("s").await.expect("pause");
    queue.release(&batch.lease, Duration::ZERO).await.expect("release");
    accept(queue, "s", &["b"]).await;
    queue.enqueue(job("s", JobKind::Pull)).await.expect("enqueue");
    nothing(queue).await;
    let stats = queue.stats().await.expect("stats");
    assert_eq!((stats[0].queued_jobs, stats[0].paused), (3, true));
    accept(queue, "other", &["a"]).await;
    assert_eq!(take(queue).await.source, "other");
    queue.resume("s").await.expect("resume");
    for _ in 0..3 {
        take(queue).await;
    }
}

pub async fn a_job_tells_its_state(queue: &impl Whole) {
    let accepted = accept(queue, "s", &["a", "b"]).await;
    let id = job_of(&accepted[0]);
    let status = async || queue.job(id).await.expect("job").expect("it is there");
    let loose = status().await;
    assert_eq!((loose.state, loose.run_id.as_deref(), loose.events), (JobState::Queued, None, 2));
    let batch = take(queue).await;
    let running = status().await;
    assert_eq!((running.state, running.run_id.as_ref()), (JobState::Running, Some(&batch.lease.id)));
    queue.retry(&batch.lease, Duration::from_secs(60), "no answer").await.expect("retry");
    let retrying = status().await;
    assert_eq!(
        (retrying.state, retrying.attempts, retrying.error.as_str()),
        (JobState::Retrying, 1, "no answer")
    );
    assert!(retrying.not_before_micros.is_some_and(|at| at > retrying.updated_micros));
    assert_eq!(retrying.created_micros, loose.created_micros);
    assert_eq!(queue.job("unknown").await.expect("job"), None);
}

pub async fn jobs_of_events_are_listed_newest_first(queue: &impl Whole) {
    let mut made = Vec::new();
    for n in 0..5 {
        let source = if n % 2 == 0 { "even" } else { "odd" };
        made.push(job_of(&accept(queue, source, &[&n.to_string()]).await[0]).to_owned());
    }
    queue.enqueue(job("even", JobKind::Pull)).await.expect("enqueue");
    made.reverse();
    let list = async |source, before: Option<&str>, limit| -> Vec<String> {
        let jobs = queue.jobs(source, before, limit).await.expect("jobs");
        jobs.into_iter().map(|job| job.id).collect()
    };
    assert_eq!(list(None, None, 10).await, made);
    assert_eq!(list(None, Some(&made[1]), 2).await, made[2..4]);
    assert_eq!(list(Some("even"), None, 10).await, [made[0].clone(), made[2].clone(), made[4].clone()]);
    assert_eq!(list(Some("even"), Some(&made[0]), 1).await, made[2..3]);
}

pub async fn stats_count_what_has_not_left(queue: &impl Whole) {
    accept(queue, "a", &["1", "2"]).await;
    let batch = take(queue).await;
    accept(queue, "a", &["3"]).await;
    for _ in 0..2 {
        queue.enqueue(job("b", JobKind::Pull)).await.expect("enqueue");
    }
    let pull = take(queue).await;
    let pull = if pull.source == "b" { pull } else { take(queue).await };
    queue.retry(&pull.lease, Duration::from_secs(60), "no answer").await.expect("retry");
    let of = queue.stats().await.expect("stats");
    let [a, b] = of.as_slice() else { panic!("{of:?}") };
    assert_eq!((a.source.as_str(), a.events), ("a", 3));
    assert!(a.bytes > 0);
    assert_eq!((b.queued_jobs, b.running_jobs, b.delayed_jobs), (1, 0, 1));
    assert!(b.oldest_age > Duration::ZERO);
    queue.complete(&batch.lease).await.expect("complete");
    let of = queue.stats().await.expect("stats");
    assert_eq!(of.iter().find(|of| of.source == "a").map(|of| of.events), Some(1));
}

pub async fn a_healthy_queue_needs_no_repair(queue: &impl Whole) {
    let incarnation = queue.incarnation().await.expect("incarnation");
    accept(queue, "a", &["1", "2", "3"]).await;
    accept(queue, "a", &["4"]).await;
    queue.enqueue(job("a", JobKind::Pull)).await.expect("enqueue");
    let held = take(queue).await;
    accept(queue, "a", &["5"]).await;
    let repaired = queue.repair().await.expect("repair");
    assert_eq!((repaired.checked, repaired.mended), (4, 0));
    queue.complete(&held.lease).await.expect("complete");
    assert_eq!(queue.repair().await.expect("repair").mended, 0);
    assert_eq!(queue.incarnation().await.expect("incarnation"), incarnation);
    queue.ping().await.expect("it answers");
}
