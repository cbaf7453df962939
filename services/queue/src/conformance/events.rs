//! Events come in.

use std::collections::HashSet;

use super::{Whole, accept, call, event, events, ids, job, job_of, now, take};
use crate::{Accepted, NewEvents, NewJob, QueueError};
use rfe_proto::ingest::{Event, JobKind};

pub async fn events_come_out_as_they_went_in(queue: &impl Whole) {
    let full = Event {
        content_type: "application/json".to_owned(),
        headers: [("x-a".to_owned(), "b".to_owned())].into(),
        received_time: Some(rfe_model::time::now_proto()),
        ..event("full")
    };
    let empty = Event { payload: Vec::new(), ..event("empty") };
    let sent = vec![full, empty, event("z"), event("a")];
    let sent_call = call("s", sent.clone());
    queue.enqueue_events(sent_call).await.expect("enqueue");
    let batch = take(queue).await;
    assert_eq!((batch.kind, batch.source.as_str()), (JobKind::Events, "s"));
    assert_eq!((batch.attempts, batch.expired), (0, 0));
    assert_eq!(batch.events, sent);
}

pub async fn a_known_id_is_a_duplicate_also_within_a_call(queue: &impl Whole) {
    let first = accept(queue, "s", &["a", "b", "a"]).await;
    assert_eq!(first[2], Accepted::Duplicate);
    assert_eq!(job_of(&first[0]), job_of(&first[1]));
    let second = accept(queue, "s", &["b", "c"]).await;
    assert_eq!(second[0], Accepted::Duplicate);
    assert!(
        matches!(accept(queue, "other", &["a"]).await[0], Accepted::New { .. }),
        "ids are those of a source"
    );
    let batch = take(queue).await;
    queue.complete(&batch.lease).await.expect("complete");
    assert_eq!(accept(queue, "s", &["a"]).await, [Accepted::Duplicate], "also after it landed");
}

pub async fn concurrent_calls_with_one_id_accept_it_once(queue: &impl Whole) {
    let calls = (0..16).map(|_| queue.enqueue_events(events("s", &["same"])));
    let answers = futures::future::join_all(calls).await;
    let new = answers
        .iter()
        .filter(|answer| matches!(answer.as_ref().expect("enqueue").outcomes[0], Accepted::New { .. }));
    assert_eq!(new.count(), 1);
    assert_eq!(ids(&take(queue).await), ["same"]);
}

pub async fn large_calls_are_split_into_jobs(queue: &impl Whole) {
    let many = (0..2500).map(|n| event(&n.to_string())).collect();
    let by_number = queue.enqueue_events(call("many", many)).await.expect("enqueue");
    let heavy = (0..3).map(|n| Event { payload: vec![b'1'; 600 << 10], ..event(&n.to_string()) }).collect();
    let by_size = queue.enqueue_events(call("heavy", heavy)).await.expect("enqueue");
    let jobs = |accepted: &[Accepted]| {
        accepted.iter().map(|one| job_of(one).to_owned()).collect::<HashSet<_>>().len()
    };
    assert_eq!(jobs(&by_number.outcomes), 3);
    assert_eq!(jobs(&by_size.outcomes), 3);
    let batch = take(queue).await;
    let other = take(queue).await;
    let (many, heavy) = if batch.source == "many" { (batch, other) } else { (other, batch) };
    assert_eq!((many.events.len(), heavy.events.len()), (2500, 3));
    assert_eq!(ids(&many), (0..2500).map(|n| n.to_string()).collect::<Vec<_>>(), "in order");
}

pub async fn a_full_queue_refuses_a_call_whole_and_others_pass(queue: &impl Whole) {
    for n in 0..19 {
        accept(queue, "s", &[&n.to_string()]).await;
    }
    let two_jobs = call("s", (100..1200).map(|n| event(&n.to_string())).collect());
    let (refused, passed) =
        futures::join!(queue.enqueue_events(two_jobs), queue.enqueue_events(events("s", &["last", "0"])));
    assert!(matches!(refused, Err(QueueError::Full { what: "jobs", limit: 20, .. })), "{refused:?}");
    let passed = passed.expect("it fits").outcomes;
    assert!(matches!(passed[..], [Accepted::New { .. }, Accepted::Duplicate]), "{passed:?}");
    let full = queue.enqueue(job("p", JobKind::Pull)).await;
    assert!(matches!(full, Err(QueueError::Full { .. })), "{full:?}");
    let batch = queue.lease(now()).await.expect("lease").expect("batch");
    assert_eq!(batch.events.len(), 20);
    queue.complete(&batch.lease).await.expect("complete");
    let again = accept(queue, "s", &["100"]).await;
    assert!(matches!(again[0], Accepted::New { .. }), "what was refused is not remembered");
    let heavy = Event { payload: vec![b'1'; 5 << 20], ..event("heavy") };
    let refused = queue.enqueue_events(call("s", vec![heavy])).await;
    assert!(matches!(refused, Err(QueueError::Full { what: "bytes", .. })), "{refused:?}");
}

pub async fn jobs_of_a_call_have_its_ids_and_its_trace(queue: &impl Whole) {
    let many = (0..2500).map(|n| event(&n.to_string())).collect();
    let sent = NewEvents {
        trace: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned(),
        ..call("s", many)
    };
    let (id, trace) = (sent.id.clone(), sent.trace.clone());
    let outcomes = queue.enqueue_events(sent).await.expect("enqueue").outcomes;
    let jobs = [0, 1000, 2000].map(|at| job_of(&outcomes[at]).to_owned());
    assert_eq!(jobs, [0, 1, 2].map(|n| rfe_model::id::nth(&id, n)));
    assert_eq!(take(queue).await.trace, trace);
    let pull = NewJob { trace: trace.clone(), ..job("p", JobKind::Pull) };
    queue.enqueue(pull).await.expect("enqueue");
    assert_eq!(take(queue).await.trace, trace);
}
