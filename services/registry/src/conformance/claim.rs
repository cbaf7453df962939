//! Runs before and beside their commit: made, claimed, failed, cancelled.

use futures::future::join_all;
use rfe_model::{fault::reason, id};
use rfe_proto::metadata as pb;

use super::{
    Stores,
    fixture::{batch, claim_of, commit_of, declare, failure_of, first, land, new_run, pull},
};
use crate::{Failure, RegistryError, RunFilter};

pub(super) async fn suite(stores: Stores<'_>) {
    one_pull_run_of_a_source_waits(stores).await;
    of_pull_runs_made_at_once_one_waits(stores).await;
    a_run_of_no_source_is_refused(stores).await;
    only_events_are_claimed_without_a_row(stores).await;
    every_claim_raises_the_epoch_and_the_one_before_is_stale(stores).await;
    claims_at_once_get_an_epoch_each(stores).await;
    a_failed_attempt_can_be_claimed_again_until_it_gives_up(stores).await;
    a_failure_told_twice_is_noted_once(stores).await;
    a_lost_batch_that_comes_back_is_claimed_again(stores).await;
    nothing_of_a_cancelled_run_can_be_committed(stores).await;
    events_and_ended_runs_cannot_be_cancelled(stores).await;
    progress_is_noted_for_the_running_epoch_only(stores).await;
    runs_page_newest_first_and_filter(stores).await;
}

async fn one_pull_run_of_a_source_waits(stores: Stores<'_>) {
    declare(stores, "waits", "csv").await;
    let waiting = new_run("waits", pb::RunKind::Pull);
    let (made, created) = stores.runs.create_run(&waiting).await.expect("create");
    assert!(created && made.state() == pb::RunState::Queued);
    let (same, created) = stores.runs.create_run(&waiting).await.expect("repeat");
    assert_eq!((same.run_id.as_str(), created), (waiting.run_id.as_str(), false));
    let (answer, created) =
        stores.runs.create_run(&new_run("waits", pb::RunKind::Pull)).await.expect("second");
    assert_eq!((answer.run_id.as_str(), created), (waiting.run_id.as_str(), false));

    stores.runs.claim(&claim_of(&waiting, "w1")).await.expect("claim");
    let (_, created) = stores.runs.create_run(&new_run("waits", pb::RunKind::Pull)).await.expect("third");
    assert!(created, "while one runs, another may wait");
}

async fn of_pull_runs_made_at_once_one_waits(stores: Stores<'_>) {
    declare(stores, "rush", "csv").await;
    let runs: Vec<_> = (0..8).map(|_| new_run("rush", pb::RunKind::Pull)).collect();
    let made = join_all(runs.iter().map(|run| stores.runs.create_run(run))).await;
    let made: Vec<_> = made.into_iter().map(|made| made.expect("create")).collect();
    assert_eq!(made.iter().filter(|(_, is_new)| *is_new).count(), 1);
    assert!(made.iter().all(|(run, _)| run.run_id == made[0].0.run_id));
}

async fn a_run_of_no_source_is_refused(stores: Stores<'_>) {
    let unknown = stores.runs.create_run(&new_run("nowhere", pb::RunKind::Pull)).await;
    assert!(matches!(unknown, Err(RegistryError::NotFound { what: "source", .. })), "{unknown:?}");
    declare(stores, "ended", "csv").await;
    stores.sources.delete("ended").await.expect("delete");
    let deleted = stores.runs.create_run(&new_run("ended", pb::RunKind::Pull)).await;
    assert!(matches!(deleted, Err(RegistryError::SourceDeleted(_))), "{deleted:?}");
}

async fn only_events_are_claimed_without_a_row(stores: Stores<'_>) {
    declare(stores, "rowless", "webhook").await;
    let claimed = batch(stores, "rowless").await;
    assert!(claimed.claimed && claimed.schema.is_none() && claimed.letter.is_none());
    assert_eq!((claimed.run.epoch, claimed.run.attempts, claimed.source.name.as_str()), (1, 1, "rowless"));
    let pull = stores.runs.claim(&claim_of(&new_run("rowless", pb::RunKind::Pull), "w1")).await;
    assert!(matches!(pull, Err(RegistryError::NotFound { what: "run", .. })), "{pull:?}");
}

async fn every_claim_raises_the_epoch_and_the_one_before_is_stale(stores: Stores<'_>) {
    declare(stores, "fenced", "csv").await;
    let run = new_run("fenced", pb::RunKind::Pull);
    stores.runs.create_run(&run).await.expect("create");
    let frozen = stores.runs.claim(&claim_of(&run, "w1")).await.expect("first").run;
    let second = stores.runs.claim(&claim_of(&run, "w2")).await.expect("second").run;
    assert_eq!((second.epoch, second.attempts, second.worker.as_str()), (frozen.epoch + 1, 2, "w2"));

    let registered = stores.runs.register_schema(&frozen.run_id, frozen.epoch, &[]).await.map(|_| ());
    let committed = stores.runs.commit(&commit_of(&frozen, 0)).await.map(|_| ());
    let failed = stores.runs.fail(&failure_of(&frozen, None)).await.map(|_| ());
    let told = stores.runs.progress(&frozen.run_id, frozen.epoch, &pb::RunCounters::default()).await;
    for answer in [registered, committed, failed, told] {
        assert!(matches!(answer, Err(RegistryError::StaleEpoch { current: 2, given: 1, .. })), "{answer:?}");
    }
    land(stores, &second, 1).await.expect("the newer epoch commits");
    let late = stores.runs.claim(&claim_of(&run, "w3")).await.expect("claim of an ended run");
    assert!(!late.claimed);
    assert_eq!((late.run.state(), late.run.epoch), (pb::RunState::Succeeded, second.epoch));
}

async fn claims_at_once_get_an_epoch_each(stores: Stores<'_>) {
    declare(stores, "crowd", "webhook").await;
    let run = new_run("crowd", pb::RunKind::Events);
    let claims = (0..8).map(|worker| {
        let claim = claim_of(&run, &format!("w{worker}"));
        async move { stores.runs.claim(&claim).await.expect("claim").run.epoch }
    });
    let mut epochs = join_all(claims).await;
    epochs.sort_unstable();
    assert_eq!(epochs, (1..=8).collect::<Vec<_>>());
}

async fn a_failed_attempt_can_be_claimed_again_until_it_gives_up(stores: Stores<'_>) {
    declare(stores, "flaky", "csv").await;
    let run = new_run("flaky", pb::RunKind::Pull);
    stores.runs.create_run(&run).await.expect("create");
    let first_claim = stores.runs.claim(&claim_of(&run, "w1")).await.expect("claim").run;
    let retrying =
        stores.runs.fail(&failure_of(&first_claim, Some(1_900_000_000_000_000))).await.expect("fail");
    assert_eq!(retrying.state(), pb::RunState::Retrying);
    assert!(retrying.next_attempt_time.is_some() && retrying.finished_time.is_none());
    assert_eq!(
        (retrying.error_code.as_str(), retrying.error.as_str()),
        ("SOURCE_DOWN", "connection refused")
    );

    let again = stores.runs.claim(&claim_of(&run, "w1")).await.expect("claim").run;
    assert!(again.epoch > retrying.epoch && again.next_attempt_time.is_none());
    let failed = stores.runs.fail(&failure_of(&again, None)).await.expect("give up");
    assert_eq!(failed.state(), pb::RunState::Failed);
    assert!(failed.finished_time.is_some());
    let claimed = stores.runs.claim(&claim_of(&run, "w1")).await.expect("claim");
    assert!(!claimed.claimed);
}

async fn a_failure_told_twice_is_noted_once(stores: Stores<'_>) {
    declare(stores, "lost_reply", "csv").await;
    let run = pull(stores, "lost_reply").await.run;
    let failure = failure_of(&run, Some(1_900_000_000_000_000));
    let told = stores.runs.fail(&failure).await.expect("fail");
    assert_eq!(stores.runs.fail(&failure).await.expect("the reply was lost"), told);
}

async fn a_lost_batch_that_comes_back_is_claimed_again(stores: Stores<'_>) {
    declare(stores, "returns", "webhook").await;
    let run = new_run("returns", pb::RunKind::Events);
    let held = stores.runs.claim(&claim_of(&run, "w1")).await.expect("claim").run;
    let lost = Failure { code: reason::BATCH_LOST.to_owned(), ..failure_of(&held, None) };
    let ended = stores.runs.fail(&lost).await.expect("it is ended");
    assert!(ended.state() == pb::RunState::Failed && ended.finished_time.is_some());
    let late = stores.runs.commit(&commit_of(&held, 0)).await;
    assert!(matches!(late, Err(RegistryError::StaleEpoch { .. })), "{late:?}");

    let again = stores.runs.claim(&claim_of(&run, "w2")).await.expect("claim again");
    assert!(again.claimed);
    assert_eq!((again.run.state(), again.run.finished_time), (pb::RunState::Running, None));
    let landed = land(stores, &again.run, 1).await.expect("it lands");
    assert_eq!((landed.state(), landed.error_code.as_str()), (pb::RunState::Succeeded, ""));
}

async fn nothing_of_a_cancelled_run_can_be_committed(stores: Stores<'_>) {
    declare(stores, "halted", "csv").await;
    let run = pull(stores, "halted").await.run;
    let cancelled = stores.runs.cancel(&run.run_id).await.expect("cancel");
    assert_eq!(cancelled.state(), pb::RunState::Cancelled);
    assert!(cancelled.epoch > run.epoch);
    assert_eq!(stores.runs.cancel(&run.run_id).await.expect("again"), cancelled);
    let committed = stores.runs.commit(&commit_of(&run, 0)).await;
    assert!(matches!(committed, Err(RegistryError::StaleEpoch { .. })), "{committed:?}");
}

async fn events_and_ended_runs_cannot_be_cancelled(stores: Stores<'_>) {
    declare(stores, "accepted", "webhook").await;
    let events = batch(stores, "accepted").await.run;
    declare(stores, "done", "csv").await;
    let done = pull(stores, "done").await.run;
    land(stores, &done, 1).await.expect("commit");
    for run in [events, done] {
        let refused = stores.runs.cancel(&run.run_id).await;
        assert!(matches!(refused, Err(RegistryError::NotCancellable { .. })), "{refused:?}");
    }
    let unknown = stores.runs.cancel(&id::new()).await;
    assert!(matches!(unknown, Err(RegistryError::NotFound { what: "run", .. })), "{unknown:?}");
}

async fn progress_is_noted_for_the_running_epoch_only(stores: Stores<'_>) {
    declare(stores, "moving", "csv").await;
    let run = pull(stores, "moving").await.run;
    let counters = pb::RunCounters { read: 7, bytes_read: 70, bytes_total: 100, ..Default::default() };
    stores.runs.progress(&run.run_id, run.epoch, &counters).await.expect("progress");
    let seen = stores.runs.run(&run.run_id).await.expect("get").expect("there");
    assert_eq!(seen.counters, Some(counters));
    stores.runs.cancel(&run.run_id).await.expect("cancel");
    let late = stores.runs.progress(&run.run_id, run.epoch, &counters).await;
    assert!(
        matches!(late, Err(RegistryError::StaleEpoch { .. })),
        "the worker learns that it may stop: {late:?}"
    );
}

async fn runs_page_newest_first_and_filter(stores: Stores<'_>) {
    declare(stores, "paged", "webhook").await;
    let mut made = Vec::new();
    for _ in 0..5 {
        made.push(batch(stores, "paged").await.run.run_id);
    }
    made.reverse();
    let filter = RunFilter { source: Some("paged".to_owned()), ..Default::default() };
    let mut page = first(2);
    let mut paged = Vec::new();
    loop {
        let some = stores.runs.runs(&filter, &page).await.expect("page");
        let Some(last) = some.last() else { break };
        page.after = Some(last.run_id.clone());
        paged.extend(some.into_iter().map(|run| run.run_id));
    }
    assert_eq!(paged, made);
    let none = RunFilter { states: vec![pb::RunState::Queued, pb::RunState::Failed], ..filter.clone() };
    assert_eq!(stores.runs.runs(&none, &first(10)).await.expect("list"), []);
    let some = RunFilter { states: vec![pb::RunState::Running], kinds: vec![pb::RunKind::Events], ..filter };
    assert_eq!(stores.runs.runs(&some, &first(10)).await.expect("list").len(), 5);
}
