//! What a commit does to what was visible before, by mode.

use rfe_model::{SourceSpec, source::Mode};
use rfe_proto::metadata as pb;

use super::{
    Stores,
    fixture::{begin, commit_of, declare, land, letter_of, new_run, pull, register, resolve, rows, seen},
};

pub(super) async fn suite(stores: Stores<'_>) {
    reading_twice_leaves_the_same_rows_and_older_snapshots_stay(stores).await;
    an_empty_read_empties_the_dataset(stores).await;
    append_keeps_what_was_there(stores).await;
    older_letters_are_superseded_and_those_of_the_commit_stay(stores).await;
    a_backfill_ends_nothing(stores).await;
}

async fn reading_twice_leaves_the_same_rows_and_older_snapshots_stay(stores: Stores<'_>) {
    declare(stores, "reread", "csv").await;
    let one = land(stores, &pull(stores, "reread").await.run, 4).await.expect("first");
    let two = land(stores, &pull(stores, "reread").await.run, 4).await.expect("second");
    assert_eq!(rows(stores, "reread").await, 4);
    let old = resolve(stores, "reread", one.snapshot).await;
    assert_eq!(old.dataset.expect("dataset").snapshot, one.snapshot);
    assert_eq!(old.processed.len(), 1);
    assert_eq!(
        (old.processed[0].run_id.as_str(), old.processed[0].end_snapshot),
        (one.run_id.as_str(), two.snapshot)
    );
    let new = resolve(stores, "reread", two.snapshot).await;
    assert_eq!(
        new.processed.iter().map(|file| file.run_id.as_str()).collect::<Vec<_>>(),
        [two.run_id.as_str()]
    );
    let before = resolve(stores, "reread", one.snapshot - 1).await;
    assert_eq!(before.dataset.expect("dataset").rows, 0);
}

async fn an_empty_read_empties_the_dataset(stores: Stores<'_>) {
    declare(stores, "emptied", "csv").await;
    land(stores, &pull(stores, "emptied").await.run, 4).await.expect("first");
    let run = pull(stores, "emptied").await.run;
    stores.runs.commit(&commit_of(&run, 0)).await.expect("second");
    let dataset = resolve(stores, "emptied", 0).await.dataset.expect("dataset");
    assert_eq!((dataset.rows, dataset.files, dataset.schema_version), (0, 0, 1), "the columns stay");
}

async fn append_keeps_what_was_there(stores: Stores<'_>) {
    let mut spec = SourceSpec::sample("appended", "csv");
    spec.mode = Mode::Append;
    stores.sources.create(&spec, None).await.expect("create");
    for _ in 0..3 {
        land(stores, &pull(stores, "appended").await.run, 2).await.expect("commit");
    }
    assert_eq!(rows(stores, "appended").await, 6);
}

async fn older_letters_are_superseded_and_those_of_the_commit_stay(stores: Stores<'_>) {
    declare(stores, "corrected", "csv").await;
    for id in ["corrected_old", "corrected_new"] {
        let run = pull(stores, "corrected").await.run;
        register(stores, &run, &[seen("id", "BIGINT")]).await;
        let mut commit = commit_of(&run, 1);
        commit.counters = pb::RunCounters { read: 2, landed: 1, dead: 1, ..Default::default() };
        commit.letters = vec![letter_of(&run, id)];
        stores.runs.commit(&commit).await.expect("commit");
    }
    let old = stores.letters.letter("corrected_old").await.expect("get").expect("there");
    assert_eq!((old.state.as_str(), old.discard_reason.as_str()), ("discarded", "superseded"));
    let new = stores.letters.letter("corrected_new").await.expect("get").expect("there");
    assert_eq!(new.state, "open");
}

async fn a_backfill_ends_nothing(stores: Stores<'_>) {
    declare(stores, "backfilled", "csv").await;
    land(stores, &pull(stores, "backfilled").await.run, 2).await.expect("pull");
    let run = begin(stores, new_run("backfilled", pb::RunKind::Backfill)).await.run;
    land(stores, &run, 3).await.expect("backfill");
    assert_eq!(rows(stores, "backfilled").await, 5);
}
