//! Objects that nothing names.

use rfe_model::{id, time};
use rfe_proto::metadata as pb;

use super::{
    Stores,
    fixture::{batch, begin, commit_of, declare, failure_of, land, letter_of, new_run, pull, register, seen},
};
use crate::{LakeObject, OrphanAge, RegistryError};

pub(super) async fn suite(stores: Stores<'_>) {
    what_a_file_a_checkpoint_or_a_letter_names_is_no_orphan(stores).await;
    what_an_ended_or_stale_attempt_left_goes_after_its_time(stores).await;
    what_no_known_run_wrote_is_left_alone(stores).await;
    a_run_that_was_heard_of_keeps_its_files_and_a_silent_one_is_fenced(stores).await;
    what_was_named_after_all_is_no_orphan(stores).await;
    a_commit_names_only_files_of_its_own_epoch(stores).await;
}

/// Far in the future: whatever is marked, or was heard of, is old by then.
pub(super) const LATER: i64 = 4_000_000_000_000_000;

pub(super) async fn marked(stores: Stores<'_>, bucket: &str, keys: &[String]) -> u64 {
    stores.upkeep.mark_orphans(bucket, keys, time::now_micros()).await.expect("mark")
}

/// The keys of a source that are doomed once all marks were settled.
pub(super) async fn doomed(stores: Stores<'_>, source: &str, age: OrphanAge) -> Vec<String> {
    while stores.upkeep.doom_orphans(age, 100).await.expect("doom").0 > 0 {}
    let all: Vec<LakeObject> = stores.upkeep.doomed(100_000).await.expect("doomed");
    let of = |object: LakeObject| object.key.starts_with(&format!("{source}/")).then_some(object.key);
    all.into_iter().filter_map(of).collect()
}

fn key(run: &pb::Run, epoch: u64, part: u32) -> String {
    format!("{}/dt=2026-01-01/{}/{epoch}-{part:05}-0123456789abcdef.parquet", run.source, run.run_id)
}

const OLD: OrphanAge = OrphanAge { marked_before: LATER, heard_before: LATER };
const OLD_AND_ALIVE: OrphanAge = OrphanAge { marked_before: LATER, heard_before: 0 };

async fn what_a_file_a_checkpoint_or_a_letter_names_is_no_orphan(stores: Stores<'_>) {
    declare(stores, "named", "rest").await;
    let reading = pull(stores, "named").await.run;
    let checkpoint = pb::Checkpoint {
        key: format!("named/dt=2026-01-01/{}/checkpoints/1-0000000-ab", reading.run_id),
        count: 1,
        sha256: "ab".to_owned(),
        ..Default::default()
    };
    stores.memory.save_checkpoint(&reading.run_id, reading.epoch, &checkpoint).await.expect("save");
    let run = begin(stores, new_run("named", pb::RunKind::Backfill)).await.run;
    register(stores, &run, &[seen("id", "BIGINT")]).await;
    let mut commit = commit_of(&run, 2);
    let mut letter = letter_of(&run, "named_letter");
    letter.raw_ref = format!("named/dt=2026-01-01/{}/1-abc.raw", run.run_id);
    commit.counters = pb::RunCounters { read: 3, landed: 2, dead: 1, ..Default::default() };
    commit.letters = vec![letter.clone()];
    stores.runs.commit(&commit).await.expect("commit");
    assert_eq!(marked(stores, "raw", &[checkpoint.key.clone(), commit.files[0].key.clone()]).await, 0);
    assert_eq!(marked(stores, "processed", &[commit.files[1].key.clone()]).await, 0);
    assert_eq!(marked(stores, "dead-letter", &[letter.raw_ref.clone()]).await, 0);
    // The same key in the other bucket is another object.
    assert_eq!(marked(stores, "processed", &[commit.files[0].key.clone()]).await, 1);
    assert_eq!(doomed(stores, "named", OLD_AND_ALIVE).await, [commit.files[0].key.clone()]);
    stores.runs.fail(&failure_of(&reading, None)).await.expect("fail");
    assert_eq!(marked(stores, "raw", &[checkpoint.key]).await, 1, "its run has ended");
}

async fn what_an_ended_or_stale_attempt_left_goes_after_its_time(stores: Stores<'_>) {
    declare(stores, "left_behind", "csv").await;
    let failed = pull(stores, "left_behind").await.run;
    stores.runs.fail(&failure_of(&failed, None)).await.expect("fail");
    let new = new_run("left_behind", pb::RunKind::Pull);
    let dead = begin(stores, new.clone()).await.run;
    let alive = stores.runs.claim(&super::fixture::claim_of(&new, "w2")).await.expect("claim").run;
    assert!(alive.epoch > dead.epoch);
    let left = [key(&failed, failed.epoch, 0), key(&dead, dead.epoch, 0)];
    let raw = format!("left_behind/dt=2026-01-01/{}/{}-abc.raw", failed.run_id, failed.epoch);
    assert_eq!(marked(stores, "processed", &left).await, 2);
    assert_eq!(marked(stores, "processed", &left).await, 0, "they are marked already");
    assert_eq!(marked(stores, "dead-letter", std::slice::from_ref(&raw)).await, 1);
    let young = OrphanAge { marked_before: time::now_micros() - 60_000_000, heard_before: 0 };
    assert_eq!(doomed(stores, "left_behind", young).await, [] as [&str; 0], "not yet");
    let mut expected = vec![left[0].clone(), left[1].clone(), raw];
    let mut found = doomed(stores, "left_behind", OLD_AND_ALIVE).await;
    expected.sort();
    found.sort();
    assert_eq!(found, expected);
    assert_eq!(marked(stores, "processed", &left).await, 0, "what is doomed is not marked again");
    land(stores, &alive, 1).await.expect("the run goes on");
}

async fn what_no_known_run_wrote_is_left_alone(stores: Stores<'_>) {
    declare(stores, "strange", "csv").await;
    let foreign = pb::Run { source: "strange".to_owned(), run_id: id::new(), ..Default::default() };
    let keys = [
        key(&foreign, 1, 0),
        "strange/dt=2026-01-01/notes.parquet".to_owned(),
        "strange/dt=2026-01-01/letter.json".to_owned(),
        "_views/strange.sql".to_owned(),
    ];
    for bucket in ["raw", "processed", "dead-letter"] {
        assert_eq!(marked(stores, bucket, &keys).await, 0, "{bucket}");
    }
    assert_eq!(doomed(stores, "strange", OLD).await, [] as [&str; 0]);
}

async fn a_run_that_was_heard_of_keeps_its_files_and_a_silent_one_is_fenced(stores: Stores<'_>) {
    declare(stores, "silent", "csv").await;
    let run = pull(stores, "silent").await.run;
    let keys = [key(&run, run.epoch, 0)];
    assert_eq!(marked(stores, "processed", &keys).await, 1, "it may still be committed");
    let heard = OrphanAge { marked_before: LATER, heard_before: time::now_micros() - 60_000_000 };
    assert_eq!(doomed(stores, "silent", heard).await, [] as [&str; 0]);
    stores.runs.progress(&run.run_id, run.epoch, &pb::RunCounters::default()).await.expect("it runs on");
    assert_eq!(doomed(stores, "silent", heard).await, [] as [&str; 0]);

    marked(stores, "processed", &keys).await;
    assert_eq!(doomed(stores, "silent", OLD).await, keys);
    let woken = land_again(stores, &run).await;
    assert!(matches!(woken, Err(RegistryError::StaleEpoch { .. })), "{woken:?}");
    let open = stores.runs.run(&run.run_id).await.expect("get").expect("there");
    assert_eq!(open.state(), pb::RunState::Running, "its next claim goes on");
}

async fn land_again(stores: Stores<'_>, run: &pb::Run) -> Result<pb::Run, RegistryError> {
    stores.runs.commit(&commit_of(run, 0)).await
}

async fn what_was_named_after_all_is_no_orphan(stores: Stores<'_>) {
    declare(stores, "in_time", "webhook").await;
    let run = batch(stores, "in_time").await.run;
    register(stores, &run, &[seen("id", "BIGINT")]).await;
    let commit = commit_of(&run, 1);
    let keys: Vec<String> = commit.files.iter().map(|file| file.key.clone()).collect();
    assert_eq!(marked(stores, "raw", &keys[..1]).await, 1);
    stores.runs.commit(&commit).await.expect("commit");
    assert_eq!(doomed(stores, "in_time", OLD).await, [] as [&str; 0]);
    assert_eq!(marked(stores, "raw", &keys[..1]).await, 0, "its mark is gone, and it gets none");
}

async fn a_commit_names_only_files_of_its_own_epoch(stores: Stores<'_>) {
    declare(stores, "forged", "webhook").await;
    let run = batch(stores, "forged").await.run;
    register(stores, &run, &[seen("id", "BIGINT")]).await;
    let mut commit = commit_of(&run, 1);
    for other in
        [key(&run, run.epoch + 1, 0), key(&pb::Run { run_id: id::new(), ..run.clone() }, run.epoch, 0)]
    {
        commit.files[1].key = other;
        let refused = stores.runs.commit(&commit).await;
        assert!(matches!(refused, Err(RegistryError::FileOfAnother { .. })), "{refused:?}");
    }
}
