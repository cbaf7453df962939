//! Commits, compactions and the collection of orphans at the same time.

use futures::future::{join, join_all, join3};
use rfe_proto::metadata as pb;

use super::{
    Stores,
    compaction::{commit_of_compaction, land_many},
    fixture::{batch, commit_of, compacted, declare, planned, pull, register, resolve, rows, seen},
    orphan::{LATER, doomed, marked},
};
use crate::{OrphanAge, RegistryError};

pub(super) async fn suite(stores: Stores<'_>) {
    a_run_is_committed_or_collected_and_never_both(stores).await;
    a_compaction_and_new_rows_do_not_lose_one_another(stores).await;
    of_a_compaction_and_a_reading_that_replaces_one_wins(stores).await;
    of_a_compaction_and_a_drop_nothing_is_left(stores).await;
}

const RUNS: u32 = 24;

async fn a_run_is_committed_or_collected_and_never_both(stores: Stores<'_>) {
    declare(stores, "contested", "webhook").await;
    let mut commits = Vec::new();
    for _ in 0..RUNS {
        let run = batch(stores, "contested").await.run;
        register(stores, &run, &[seen("id", "BIGINT")]).await;
        commits.push(commit_of(&run, 1));
    }
    let keys: Vec<String> = commits.iter().map(|commit| commit.files[1].key.clone()).collect();
    marked(stores, "processed", &keys).await;
    let age = OrphanAge { marked_before: LATER, heard_before: LATER };
    let committing = join_all(commits.iter().map(|commit| stores.runs.commit(commit)));
    // Some at a time, so that commits come in between.
    let collecting = async {
        while stores.upkeep.doom_orphans(age, 3).await.expect("doom").0 > 0 {
            tokio::task::yield_now().await;
        }
    };
    let (answers, ()) = join(committing, collecting).await;
    let gone = doomed(stores, "contested", age).await;
    let mut committed = 0;
    for (answer, key) in answers.into_iter().zip(&keys) {
        match answer {
            Ok(_) => {
                committed += 1;
                assert!(!gone.contains(key), "{key} is visible and would be deleted");
            }
            Err(RegistryError::StaleEpoch { .. }) => assert!(gone.contains(key), "{key} is fenced"),
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!(rows(stores, "contested").await, committed);
}

async fn a_compaction_and_new_rows_do_not_lose_one_another(stores: Stores<'_>) {
    declare(stores, "busy_files", "webhook").await;
    land_many(stores, "busy_files", 12).await;
    let mut compactions = Vec::new();
    for run in planned(stores, "busy_files", 12).await {
        let claimed = compacted(stores, &run).await;
        compactions.push(commit_of_compaction(&claimed, 24));
    }
    let mut commits = Vec::new();
    for _ in 0..6 {
        let run = batch(stores, "busy_files").await.run;
        register(stores, &run, &[seen("id", "BIGINT")]).await;
        commits.push(commit_of(&run, 1));
    }
    let all = commits.iter().chain(&compactions);
    let looking = async {
        // Whatever is seen meanwhile holds no row twice, and none too few.
        for _ in 0..20 {
            let seen = resolve(stores, "busy_files", 0).await;
            for files in [&seen.raw, &seen.processed] {
                let rows: i64 = files.iter().map(|file| file.rows).sum();
                assert!((24..=30).contains(&rows), "{rows} rows");
            }
        }
    };
    let (answers, ()) = join(join_all(all.map(|commit| stores.runs.commit(commit))), looking).await;
    answers.into_iter().for_each(|answer| drop(answer.expect("commit")));
    let now = resolve(stores, "busy_files", 0).await;
    assert_eq!((now.raw.len(), now.processed.len()), (7, 7));
    assert_eq!(rows(stores, "busy_files").await, 30);
}

async fn of_a_compaction_and_a_reading_that_replaces_one_wins(stores: Stores<'_>) {
    for number in 0..4 {
        let name = format!("replaced_{number}");
        declare(stores, &name, "csv").await;
        let run = pull(stores, &name).await.run;
        register(stores, &run, &[seen("id", "BIGINT")]).await;
        let mut many = commit_of(&run, 0);
        many.files = (0..8).map(|part| super::fixture::file(&run, pb::Layer::Processed, part, 1)).collect();
        many.schema_version = 1;
        many.counters = pb::RunCounters { read: 8, landed: 8, ..Default::default() };
        stores.runs.commit(&many).await.expect("commit");
        let compactions = planned(stores, &name, 8).await;
        let compaction = commit_of_compaction(&compacted(stores, &compactions[0]).await, 8);
        let next = pull(stores, &name).await.run;
        register(stores, &next, &[seen("id", "BIGINT")]).await;
        let replacing = commit_of(&next, 3);
        let (compacted, replaced) = if number % 2 == 0 {
            join(stores.runs.commit(&compaction), stores.runs.commit(&replacing)).await
        } else {
            let (replaced, compacted) =
                join(stores.runs.commit(&replacing), stores.runs.commit(&compaction)).await;
            (compacted, replaced)
        };
        replaced.expect("reading is never held up by a compaction");
        assert!(matches!(compacted, Ok(_) | Err(RegistryError::InputsChanged { .. })), "{compacted:?}");
        assert_eq!(rows(stores, &name).await, 3);
    }
}

async fn of_a_compaction_and_a_drop_nothing_is_left(stores: Stores<'_>) {
    declare(stores, "both_ends", "webhook").await;
    land_many(stores, "both_ends", 12).await;
    let mut compactions = Vec::new();
    for run in planned(stores, "both_ends", 12).await {
        compactions.push(commit_of_compaction(&compacted(stores, &run).await, 24));
    }
    let late = batch(stores, "both_ends").await.run;
    register(stores, &late, &[seen("id", "BIGINT")]).await;
    let late = commit_of(&late, 1);
    stores.sources.delete("both_ends").await.expect("delete");
    let (answers, late, dropped) = join3(
        join_all(compactions.iter().map(|commit| stores.runs.commit(commit))),
        stores.runs.commit(&late),
        stores.upkeep.drop_dataset("both_ends"),
    )
    .await;
    let (dataset, _) = dropped.expect("drop");
    assert!((24..=25).contains(&dataset.rows), "{} rows", dataset.rows);
    for answer in answers {
        assert!(matches!(answer, Ok(_) | Err(RegistryError::StaleEpoch { .. })), "{answer:?}");
    }
    assert!(matches!(late, Ok(_) | Err(RegistryError::StaleEpoch { .. })), "{late:?}");
    let left = stores.catalog.resolve(0, &["both_ends".to_owned()], false).await.expect("resolve");
    assert_eq!(left.datasets, []);
    assert_eq!(
        late.is_ok(),
        dataset.rows == 25,
        "what landed before the drop was dropped, and nothing else did"
    );
}
