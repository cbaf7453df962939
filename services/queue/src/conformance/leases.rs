//! Work is leased, kept, given back.

use std::time::{Duration, Instant};

use super::{Whole, accept, briefly, ids, job, nothing, now, take};
use crate::{LeaseRequest, NewJob, QueueError, Renewed};
use rfe_proto::ingest::JobKind;

pub async fn a_job_is_leased_once_and_leaves_when_complete(queue: &impl Whole) {
    let pull = job("s", JobKind::Pull);
    queue.enqueue(pull.clone()).await.expect("enqueue");
    let leased = take(queue).await;
    assert_eq!((leased.lease.id.as_str(), leased.source.as_str()), (pull.id.as_str(), "s"));
    assert_eq!((leased.kind, leased.events.len()), (JobKind::Pull, 0));
    nothing(queue).await;
    queue.complete(&leased.lease).await.expect("complete");
    nothing(queue).await;
    assert!(matches!(queue.complete(&leased.lease).await, Err(QueueError::Stale(_))));
}

pub async fn enqueueing_again_does_nothing(queue: &impl Whole) {
    let pull = job("s", JobKind::Pull);
    queue.enqueue(pull.clone()).await.expect("enqueue");
    queue.enqueue(pull.clone()).await.expect("again");
    let leased = take(queue).await;
    queue.enqueue(pull).await.expect("while it runs");
    nothing(queue).await;
    queue.complete(&leased.lease).await.expect("complete");
    nothing(queue).await;
}

pub async fn one_pull_of_a_source_runs_at_a_time(queue: &impl Whole) {
    let of_a_job = NewJob { reads_source: true, ..job("s", JobKind::Replay) };
    let jobs = [job("s", JobKind::Pull), job("s", JobKind::Backfill), of_a_job, job("s", JobKind::Pull)];
    for job in &jobs {
        queue.enqueue(job.clone()).await.expect("enqueue");
    }
    for job in &jobs {
        let running = take(queue).await;
        assert_eq!(running.lease.id, job.id);
        nothing(queue).await;
        queue.complete(&running.lease).await.expect("complete");
    }
}

pub async fn replays_run_beside_a_pull(queue: &impl Whole) {
    for kind in [JobKind::Pull, JobKind::Replay, JobKind::Replay] {
        queue.enqueue(job("s", kind)).await.expect("enqueue");
    }
    let kinds = [take(queue).await.kind, take(queue).await.kind, take(queue).await.kind];
    assert_eq!(kinds, [JobKind::Pull, JobKind::Replay, JobKind::Replay]);
}

pub async fn only_work_of_the_kinds_asked_for_is_leased(queue: &impl Whole) {
    queue.enqueue(job("s", JobKind::Pull)).await.expect("enqueue");
    let of = |kinds: &[JobKind]| queue.lease(LeaseRequest { kinds: kinds.to_vec(), ..now() });
    assert_eq!(of(&[JobKind::Events]).await.expect("lease"), None);
    accept(queue, "s", &["a"]).await;
    assert_eq!(of(&[JobKind::Replay, JobKind::Backfill]).await.expect("lease"), None);
    let batch = of(&[JobKind::Events]).await.expect("lease").expect("batch");
    queue.release(&batch.lease, Duration::ZERO).await.expect("release");
    let pull = of(&[JobKind::Pull, JobKind::Replay]).await.expect("lease").expect("pull");
    assert_eq!((batch.kind, pull.kind), (JobKind::Events, JobKind::Pull));
    assert_eq!(take(queue).await.lease.id, batch.lease.id);
}

pub async fn a_compaction_keeps_nobody_from_work(queue: &impl Whole) {
    let of = |kinds: &[JobKind]| queue.lease(LeaseRequest { kinds: kinds.to_vec(), ..now() });
    for kind in [JobKind::Compaction, JobKind::Compaction, JobKind::Pull] {
        queue.enqueue(job("s", kind)).await.expect("enqueue");
    }
    accept(queue, "s", &["a"]).await;
    let compaction = of(&[JobKind::Compaction]).await.expect("lease").expect("compaction");
    let batch = of(&[JobKind::Events]).await.expect("lease").expect("batch");
    let pull = of(&[JobKind::Pull, JobKind::Replay]).await.expect("lease").expect("pull");
    let kinds = [compaction.kind, batch.kind, pull.kind];
    assert_eq!(kinds, [JobKind::Compaction, JobKind::Events, JobKind::Pull]);
    queue.cancel(&compaction.lease.id).await.expect("cancel");
    assert!(matches!(queue.complete(&compaction.lease).await, Err(QueueError::Stale(_))), "it was cancelled");
    queue.pause("s").await.expect("pause");
    assert_eq!(of(&[JobKind::Compaction]).await.expect("lease"), None, "it rests with its source");
    queue.resume("s").await.expect("resume");
    of(&[JobKind::Compaction]).await.expect("lease").expect("the second compaction");
}

pub async fn sources_take_turns(queue: &impl Whole) {
    for n in 0..3 {
        queue.enqueue(job("busy", JobKind::Replay)).await.expect("enqueue");
        accept(queue, "busy", &[&n.to_string()]).await;
    }
    queue.enqueue(job("quiet", JobKind::Replay)).await.expect("enqueue");
    accept(queue, "calm", &["a"]).await;
    let mut order = Vec::new();
    while let Some(leased) = queue.lease(now()).await.expect("lease") {
        order.push(leased.source);
    }
    assert!(order[..3].contains(&"quiet".to_owned()) && order[..3].contains(&"calm".to_owned()), "{order:?}");
}

pub async fn retry_burns_an_attempt_and_release_does_not(queue: &impl Whole) {
    queue.enqueue(job("s", JobKind::Pull)).await.expect("enqueue");
    accept(queue, "e", &["a"]).await;
    let (one, other) = (take(queue).await, take(queue).await);
    for leased in [&one, &other] {
        queue.retry(&leased.lease, Duration::ZERO, "no answer").await.expect("retry");
        assert!(
            matches!(queue.complete(&leased.lease).await, Err(QueueError::Stale(_))),
            "it was given back"
        );
    }
    for _ in 0..2 {
        let again = take(queue).await;
        assert_eq!((again.attempts, again.expired), (1, 0));
        queue.release(&again.lease, Duration::ZERO).await.expect("release");
    }
    assert_eq!(take(queue).await.attempts, 1);
    let batch = take(queue).await;
    assert_eq!(batch.attempts, 1);
}

pub async fn delayed_work_waits(queue: &impl Whole) {
    queue.enqueue(job("s", JobKind::Pull)).await.expect("enqueue");
    let leased = take(queue).await;
    let given_back = Instant::now();
    queue.retry(&leased.lease, Duration::from_millis(300), "no answer").await.expect("retry");
    nothing(queue).await;
    let waiting = LeaseRequest { wait: Duration::from_secs(10), ..now() };
    queue.lease(waiting).await.expect("lease").expect("it is due");
    let waited = given_back.elapsed();
    assert!(waited >= Duration::from_millis(300) && waited < Duration::from_secs(5), "{waited:?}");
}

pub async fn a_stale_lease_is_refused(queue: &impl Whole) {
    accept(queue, "s", &["a", "b"]).await;
    let old = queue.lease(briefly()).await.expect("lease").expect("batch");
    let new = take(queue).await;
    assert_eq!(new.lease.id, old.lease.id);
    let stale = &old.lease;
    assert!(matches!(queue.complete(stale).await, Err(QueueError::Stale(_))));
    assert!(matches!(queue.heartbeat(stale).await, Err(QueueError::Stale(_))));
    assert!(matches!(queue.retry(stale, Duration::ZERO, "").await, Err(QueueError::Stale(_))));
    assert!(matches!(queue.release(stale, Duration::ZERO).await, Err(QueueError::Stale(_))));
    assert!(matches!(queue.bisect(stale).await, Err(QueueError::Stale(_))));
    queue.complete(&new.lease).await.expect("the holder is not disturbed");
}

pub async fn a_heartbeat_keeps_the_lease(queue: &impl Whole) {
    queue.enqueue(job("s", JobKind::Pull)).await.expect("enqueue");
    let period = Duration::from_millis(400);
    let leased = queue.lease(LeaseRequest { lease: period, ..now() }).await.expect("lease").expect("job");
    let begun = Instant::now();
    while begun.elapsed() < 2 * period {
        assert_eq!(queue.heartbeat(&leased.lease).await.expect("heartbeat"), Renewed::Held);
        nothing(queue).await;
        tokio::time::sleep(period / 8).await;
    }
    let waiting = LeaseRequest { wait: Duration::from_secs(10), ..now() };
    let again = queue.lease(waiting).await.expect("lease").expect("without heartbeats it expires");
    assert_eq!(again.expired, 1);
}

pub async fn a_waiting_lease_wakes_for_new_work(queue: &impl Whole) {
    let waiting = || queue.lease(LeaseRequest { wait: Duration::from_secs(30), ..now() });
    let begun = Instant::now();
    let (leased, ()) = futures::join!(waiting(), async {
        queue.enqueue(job("s", JobKind::Pull)).await.expect("enqueue");
    });
    let pull = leased.expect("lease").expect("job");
    queue.enqueue(job("s", JobKind::Pull)).await.expect("enqueue");
    let (next, ()) = futures::join!(waiting(), async {
        queue.complete(&pull.lease).await.expect("complete");
    });
    next.expect("lease").expect("the second, once the first is done");
    let (batch, _) = futures::join!(waiting(), accept(queue, "e", &["a"]));
    assert_eq!(ids(&batch.expect("lease").expect("batch")), ["a"]);
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}

pub async fn a_lease_that_nobody_received_is_given_back(queue: &impl Whole) {
    for n in 0..20 {
        accept(queue, "s", &[&n.to_string()]).await;
    }
    for polls in 0..20 {
        let mut lease = Box::pin(queue.lease(LeaseRequest { batch_max_rows: 1, ..now() }));
        for _ in 0..polls {
            if let Ok(leased) = tokio::time::timeout(Duration::from_micros(200), &mut lease).await {
                queue.complete(&leased.expect("lease").expect("batch").lease).await.expect("complete");
                break;
            }
        }
    }
    let mut done = queue.stats().await.expect("stats").iter().map(|of| of.events).sum::<i64>();
    while done > 0 {
        let waiting = LeaseRequest { wait: Duration::from_secs(5), ..now() };
        let leased = queue.lease(waiting).await.expect("lease").expect("nothing is held by nobody");
        assert_eq!(leased.expired, 0);
        queue.complete(&leased.lease).await.expect("complete");
        done -= leased.events.len() as i64;
    }
}
