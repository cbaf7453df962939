//! Commits and the ledger.

use futures::future::join_all;
use rfe_model::time;
use rfe_proto::metadata as pb;

use super::{
    Stores,
    fixture::{batch, commit_of, declare, land, letter_of, pull, register, resolve, rows, seen},
};
use crate::{Commit, RegistryError};

pub(super) async fn suite(stores: Stores<'_>) {
    a_commit_makes_files_visible_at_the_next_snapshot(stores).await;
    a_commit_whose_reply_was_lost_answers_as_the_first_did(stores).await;
    commits_at_once_get_a_snapshot_each_and_one_run_commits_once(stores).await;
    of_commits_at_once_those_that_are_refused_leave_the_others_alone(stores).await;
    a_commit_with_known_events_writes_nothing_and_names_them(stores).await;
    of_two_commits_with_the_same_event_one_wins(stores).await;
    the_same_id_of_another_source_is_another_event(stores).await;
    a_purged_id_may_land_again(stores).await;
    counters_that_do_not_balance_are_refused(stores).await;
    letters_of_a_commit_come_with_it(stores).await;
}

fn with_events(run: &pb::Run, ids: &[&str]) -> Commit {
    Commit {
        event_ids: ids.iter().map(|id| (*id).to_owned()).collect(),
        ..commit_of(run, i64::try_from(ids.len()).expect("few"))
    }
}

async fn events(stores: Stores<'_>, source: &str) -> pb::Run {
    let run = batch(stores, source).await.run;
    register(stores, &run, &[seen("id", "BIGINT")]).await;
    run
}

async fn a_commit_makes_files_visible_at_the_next_snapshot(stores: Stores<'_>) {
    declare(stores, "visible", "csv").await;
    let run = pull(stores, "visible").await.run;
    register(stores, &run, &[seen("id", "BIGINT")]).await;
    let before = stores.catalog.snapshot().await.expect("snapshot");
    assert_eq!(rows(stores, "visible").await, 0, "nothing is visible before the commit");
    let commit = commit_of(&run, 5);
    let done = stores.runs.commit(&commit).await.expect("commit");
    assert_eq!((done.state(), done.snapshot, done.files), (pb::RunState::Succeeded, before + 1, 2));
    assert_eq!((done.counters, done.schema_version), (Some(commit.counters), 1));
    assert_eq!(stores.catalog.snapshot().await.expect("snapshot"), before + 1);

    let resolved = resolve(stores, "visible", 0).await;
    let dataset = resolved.dataset.expect("dataset");
    assert_eq!((dataset.rows, dataset.files, dataset.bytes, dataset.snapshot), (5, 2, 100, before + 1));
    let file = &resolved.processed[0];
    assert_eq!(
        (file.run_id.as_str(), file.epoch, file.begin_snapshot),
        (run.run_id.as_str(), run.epoch, before + 1)
    );
    assert_eq!(file.stats, commit.files[1].stats);
    assert_eq!(resolved.raw[0].raw_columns, commit.files[0].raw_columns);
    assert_eq!(resolved.raw_columns, commit.files[0].raw_columns);
}

async fn a_commit_whose_reply_was_lost_answers_as_the_first_did(stores: Stores<'_>) {
    declare(stores, "unheard", "webhook").await;
    let run = events(stores, "unheard").await;
    let commit = with_events(&run, &["a", "b"]);
    let done = stores.runs.commit(&commit).await.expect("commit");
    assert_eq!(stores.runs.commit(&commit).await.expect("ask again"), done);
    assert_eq!(rows(stores, "unheard").await, 2);
}

async fn commits_at_once_get_a_snapshot_each_and_one_run_commits_once(stores: Stores<'_>) {
    declare(stores, "parallel", "webhook").await;
    let mut commits = Vec::new();
    for at in 0..6 {
        let run = events(stores, "parallel").await;
        let id = format!("e{at}");
        // Each is sent twice, as after a lost reply.
        commits.extend([with_events(&run, &[id.as_str()]), with_events(&run, &[id.as_str()])]);
    }
    let answers = join_all(commits.iter().map(|commit| stores.runs.commit(commit))).await;
    let mut snapshots: Vec<u64> = answers.into_iter().map(|run| run.expect("commit").snapshot).collect();
    snapshots.sort_unstable();
    snapshots.dedup();
    assert_eq!(snapshots.len(), 6);
    assert_eq!(rows(stores, "parallel").await, 6);
}

async fn of_commits_at_once_those_that_are_refused_leave_the_others_alone(stores: Stores<'_>) {
    for source in ["beside_a", "beside_b"] {
        declare(stores, source, "webhook").await;
    }
    land(stores, &events(stores, "beside_a").await, 1).await.expect("there is a schema");
    land(stores, &events(stores, "beside_b").await, 1).await.expect("there is a schema");
    let known = events(stores, "beside_a").await;
    stores.runs.commit(&with_events(&known, &["known"])).await.expect("commit");
    let mut commits = Vec::new();
    for at in 0..24 {
        let source = if at % 2 == 0 { "beside_a" } else { "beside_b" };
        let run = batch(stores, source).await.run;
        let id = format!("new_{at}");
        let mut commit = with_events(&run, &[&id]);
        match at % 6 {
            // Refused before it writes, after its ledger's question, and once its ids are in.
            0 => commit.epoch += 1,
            2 => commit.event_ids = vec!["known".to_owned()],
            5 => commit.files.push(commit.files[0].clone()),
            _ => {}
        }
        commits.push(commit);
    }
    let answers = join_all(commits.iter().map(|commit| stores.runs.commit(commit))).await;
    for (at, answer) in answers.iter().enumerate() {
        let is_right = match at % 6 {
            0 => matches!(answer, Err(RegistryError::StaleEpoch { .. })),
            2 => matches!(answer, Err(RegistryError::DuplicateEvents(ids)) if ids == &["known"]),
            5 => matches!(answer, Err(RegistryError::Corrupt(_))),
            _ => answer.as_ref().is_ok_and(|run| run.snapshot > 0),
        };
        assert!(is_right, "{at}: {answer:?}");
    }
    // 24, of which three in six are refused; each dataset had one row, and one of them `known`.
    assert_eq!((rows(stores, "beside_a").await, rows(stores, "beside_b").await), (2 + 4, 1 + 8));
    let mut mended = commits[5].clone();
    mended.files.pop();
    stores.runs.commit(&mended).await.expect("what was refused left none of its ids behind");
}

async fn a_commit_with_known_events_writes_nothing_and_names_them(stores: Stores<'_>) {
    declare(stores, "repeats", "webhook").await;
    let first = events(stores, "repeats").await;
    stores.runs.commit(&with_events(&first, &["a", "b"])).await.expect("commit");
    let snapshot = stores.catalog.snapshot().await.expect("snapshot");
    let second = events(stores, "repeats").await;
    let mut commit = with_events(&second, &["b", "c", "a"]);
    commit.letters = vec![letter_of(&second, "of_a_refused_commit")];
    match stores.runs.commit(&commit).await {
        Err(RegistryError::DuplicateEvents(mut ids)) => {
            ids.sort();
            assert_eq!(ids, ["a", "b"]);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(stores.catalog.snapshot().await.expect("snapshot"), snapshot);
    assert_eq!(stores.letters.letter("of_a_refused_commit").await.expect("get"), None);

    let mut without = with_events(&second, &["c"]);
    without.counters = pb::RunCounters { read: 3, landed: 1, duplicate: 2, ..Default::default() };
    stores.runs.commit(&without).await.expect("commit without them");
    assert_eq!(rows(stores, "repeats").await, 3);
}

async fn of_two_commits_with_the_same_event_one_wins(stores: Stores<'_>) {
    declare(stores, "twins", "webhook").await;
    let (one, two) = (events(stores, "twins").await, events(stores, "twins").await);
    let commits = [with_events(&one, &["same"]), with_events(&two, &["same"])];
    let answers = join_all(commits.iter().map(|commit| stores.runs.commit(commit))).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1, "{answers:?}");
    assert_eq!(rows(stores, "twins").await, 1);
}

async fn the_same_id_of_another_source_is_another_event(stores: Stores<'_>) {
    for source in ["left", "right"] {
        declare(stores, source, "webhook").await;
        let run = events(stores, source).await;
        stores.runs.commit(&with_events(&run, &["shared"])).await.expect("commit");
    }
}

async fn a_purged_id_may_land_again(stores: Stores<'_>) {
    declare(stores, "forgetful", "webhook").await;
    let run = events(stores, "forgetful").await;
    stores.runs.commit(&with_events(&run, &["old"])).await.expect("commit");
    let landed =
        stores.runs.run(&run.run_id).await.expect("get").expect("there").finished_time.expect("ended");
    let at = time::micros_from_proto(&landed);
    // Ids of other cases are older still.
    stores.runs.purge_ledger(at - 60_000_000).await.expect("purge what is older");
    let again = events(stores, "forgetful").await;
    let known = stores.runs.commit(&with_events(&again, &["old"])).await;
    assert!(matches!(known, Err(RegistryError::DuplicateEvents(_))), "{known:?}");
    assert!(stores.runs.purge_ledger(at + 1).await.expect("purge") >= 1);
    stores.runs.commit(&with_events(&again, &["old"])).await.expect("commit");
}

async fn counters_that_do_not_balance_are_refused(stores: Stores<'_>) {
    declare(stores, "unbalanced", "csv").await;
    let run = pull(stores, "unbalanced").await.run;
    register(stores, &run, &[seen("id", "BIGINT")]).await;
    let mut lost = commit_of(&run, 2);
    lost.counters.read = 3;
    let mut unwritten = commit_of(&run, 2);
    unwritten.counters = pb::RunCounters { read: 3, landed: 3, ..Default::default() };
    let mut doubled = commit_of(&run, 2);
    doubled.event_ids = vec!["x".to_owned(), "x".to_owned()];
    for commit in [lost, unwritten, doubled] {
        let refused = stores.runs.commit(&commit).await;
        assert!(matches!(refused, Err(RegistryError::Unbalanced(_))), "{refused:?}");
    }
    land(stores, &run, 2).await.expect("the run can still be committed");
}

async fn letters_of_a_commit_come_with_it(stores: Stores<'_>) {
    declare(stores, "lettered", "csv").await;
    let run = pull(stores, "lettered").await.run;
    register(stores, &run, &[seen("id", "BIGINT")]).await;
    let mut commit = commit_of(&run, 2);
    commit.counters = pb::RunCounters { read: 3, landed: 2, dead: 1, ..Default::default() };
    commit.letters = vec![letter_of(&run, "lettered_one")];
    stores.runs.commit(&commit).await.expect("commit");
    let letter = stores.letters.letter("lettered_one").await.expect("get").expect("there");
    assert_eq!((letter.state.as_str(), letter.raw_base64.as_slice()), ("open", b"1;2;3".as_slice()));
}
