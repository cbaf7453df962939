//! What a source remembers: its cursor, and files that were read.

use rfe_model::{
    SourceSpec,
    source::{MergeSpec, Mode},
};
use rfe_proto::metadata as pb;

use super::{
    Stores,
    fixture::{begin, commit_of, failure_of, letter_of, new_run, pull, register, resolve, rows, seen},
};
use crate::{Commit, NewRun, RegistryError, Result};

pub(super) async fn suite(stores: Stores<'_>) {
    a_cursor_moves_with_the_commit_and_is_what_the_next_claim_finds(stores).await;
    a_cursor_is_kept_by_changes_until_the_source_is_replaced_or_deleted(stores).await;
    files_are_read_once_they_were_committed(stores).await;
    ten_thousand_files_are_asked_for_at_once(stores).await;
    a_replace_commit_leaves_only_what_it_read(stores).await;
    of_two_runs_that_read_the_same_one_comes_second(stores).await;
    a_commit_does_what_the_mode_was_when_it_was_claimed(stores).await;
    a_merged_file_that_comes_back_is_read_again(stores).await;
    a_merged_dataset_says_how_and_keeps_its_files(stores).await;
    a_record_of_a_letter_moves_nothing(stores).await;
}

async fn declare(stores: Stores<'_>, name: &str, mode: Mode) {
    let mut spec = SourceSpec::sample(name, "csv");
    spec.mode = mode;
    spec.merge = (mode == Mode::Merge).then(|| MergeSpec {
        key: vec!["id".to_owned()],
        order_by: Some("at".to_owned()),
        deleted: None,
    });
    stores.sources.apply(&[spec], false).await.expect("declare");
}

fn mark(path: &str, version: &str) -> pb::FileMark {
    pb::FileMark { path: path.to_owned(), bytes: 7, version: version.to_owned() }
}

async fn claimed(stores: Stores<'_>, source: &str) -> pb::Run {
    let run = pull(stores, source).await.run;
    register(stores, &run, &[seen("id", "BIGINT")]).await;
    run
}

fn reads(run: &pb::Run, files: &[pb::FileMark]) -> Commit {
    Commit { files_read: files.to_vec(), ..commit_of(run, 1) }
}

fn moves(run: &pb::Run, cursor: Option<&str>) -> Commit {
    Commit { cursor: cursor.map(str::to_owned), ..commit_of(run, 1) }
}

async fn cursor(stores: Stores<'_>, source: &str) -> String {
    stores.sources.source(source).await.expect("get").expect("there").cursor
}

async fn unread(stores: Stores<'_>, run: &pb::Run, files: &[pb::FileMark]) -> Vec<u32> {
    stores.memory.unread(&run.run_id, run.epoch, files).await.expect("unread")
}

fn is_already_read(answer: &Result<pb::Run>) -> bool {
    matches!(answer, Err(RegistryError::AlreadyRead { .. }))
}

async fn a_cursor_moves_with_the_commit_and_is_what_the_next_claim_finds(stores: Stores<'_>) {
    declare(stores, "since", Mode::Incremental).await;
    let first = pull(stores, "since").await;
    assert_eq!(first.cursor, None);
    register(stores, &first.run, &[seen("id", "BIGINT")]).await;
    stores.runs.commit(&moves(&first.run, Some("2026-01-02"))).await.expect("commit");
    let second = pull(stores, "since").await;
    assert_eq!(second.cursor.as_deref(), Some("2026-01-02"));
    stores.runs.commit(&moves(&second.run, None)).await.expect("a run that read nothing new");
    let third = pull(stores, "since").await;
    assert_eq!(third.cursor.as_deref(), Some("2026-01-02"));
    stores.runs.fail(&failure_of(&third.run, None)).await.expect("fail");
    assert_eq!(cursor(stores, "since").await, "2026-01-02", "people see it");
}

async fn a_cursor_is_kept_by_changes_until_the_source_is_replaced_or_deleted(stores: Stores<'_>) {
    for (name, end) in [("kept_merge", Mode::Merge), ("kept_replace", Mode::Replace)] {
        declare(stores, name, Mode::Incremental).await;
        let run = claimed(stores, name).await;
        stores.runs.commit(&moves(&run, Some("5"))).await.expect("commit");
        declare(stores, name, end).await;
        let expected = if end == Mode::Merge { "5" } else { "" };
        assert_eq!(cursor(stores, name).await, expected);
    }
    stores.sources.delete("kept_merge").await.expect("delete");
    declare(stores, "kept_merge", Mode::Merge).await;
    assert_eq!(pull(stores, "kept_merge").await.cursor, None, "a source that comes back begins anew");
}

async fn files_are_read_once_they_were_committed(stores: Stores<'_>) {
    declare(stores, "folder", Mode::Append).await;
    let files = [mark("a.csv", "1"), mark("b.csv", "1"), mark("c.csv", "1")];
    let failed = claimed(stores, "folder").await;
    assert_eq!(unread(stores, &failed, &files).await, [0, 1, 2]);
    stores.runs.fail(&failure_of(&failed, None)).await.expect("fail");
    let run = claimed(stores, "folder").await;
    assert_eq!(unread(stores, &run, &files).await, [0, 1, 2], "a run that failed has read nothing");
    stores.runs.commit(&reads(&run, &files[..2])).await.expect("commit");
    let next = claimed(stores, "folder").await;
    let grown = pb::FileMark { bytes: 8, ..mark("a.csv", "1") };
    let asked = [grown, files[2].clone(), files[1].clone(), mark("a.csv", "2"), files[0].clone()];
    assert_eq!(unread(stores, &next, &asked).await, [0, 1, 3], "another size or time is another file");
    declare(stores, "other_folder", Mode::Append).await;
    let other = claimed(stores, "other_folder").await;
    assert_eq!(unread(stores, &other, &files).await, [0, 1, 2], "each source has its own memory");
    stores.runs.commit(&reads(&other, &files)).await.expect("commit");
    stores.sources.delete("other_folder").await.expect("delete");
    declare(stores, "other_folder", Mode::Append).await;
    let anew = claimed(stores, "other_folder").await;
    assert_eq!(unread(stores, &anew, &files).await, [0, 1, 2]);
}

async fn ten_thousand_files_are_asked_for_at_once(stores: Stores<'_>) {
    declare(stores, "crowded", Mode::Append).await;
    let files: Vec<pb::FileMark> =
        (0..10_000).map(|at| mark(&format!("in/part-{at:05}.csv"), "\"etag, 'quoted'\"")).collect();
    let run = claimed(stores, "crowded").await;
    stores.runs.commit(&reads(&run, &files[..9_999])).await.expect("commit");
    let next = claimed(stores, "crowded").await;
    assert_eq!(unread(stores, &next, &files).await, [9_999]);
}

async fn a_replace_commit_leaves_only_what_it_read(stores: Stores<'_>) {
    declare(stores, "reset", Mode::Append).await;
    let run = claimed(stores, "reset").await;
    stores.runs.commit(&reads(&run, &[mark("a.csv", "1"), mark("b.csv", "1")])).await.expect("commit");
    declare(stores, "reset", Mode::Replace).await;
    let run = claimed(stores, "reset").await;
    stores.runs.commit(&reads(&run, &[mark("b.csv", "1")])).await.expect("a file that is read again is fine");
    declare(stores, "reset", Mode::Append).await;
    let run = claimed(stores, "reset").await;
    assert_eq!(
        unread(stores, &run, &[mark("a.csv", "1"), mark("b.csv", "1")]).await,
        [0],
        "the rows of b are visible, those of a are not"
    );
}

async fn of_two_runs_that_read_the_same_one_comes_second(stores: Stores<'_>) {
    declare(stores, "raced", Mode::Append).await;
    let (one, two) = (claimed(stores, "raced").await, claimed(stores, "raced").await);
    stores.runs.commit(&reads(&one, &[mark("a.csv", "1")])).await.expect("first");
    let second = stores.runs.commit(&reads(&two, &[mark("b.csv", "1"), mark("a.csv", "1")])).await;
    assert!(is_already_read(&second), "{second:?}");
    stores.runs.commit(&reads(&two, &[mark("b.csv", "1")])).await.expect("what is new lands");
    assert_eq!(rows(stores, "raced").await, 2);

    declare(stores, "raced_cursor", Mode::Incremental).await;
    let (one, two) = (claimed(stores, "raced_cursor").await, claimed(stores, "raced_cursor").await);
    let first = moves(&one, Some("9"));
    let done = stores.runs.commit(&first).await.expect("first");
    assert_eq!(stores.runs.commit(&first).await.expect("asked again"), done);
    let second = stores.runs.commit(&moves(&two, Some("5"))).await;
    assert!(is_already_read(&second), "{second:?}");
    assert_eq!(cursor(stores, "raced_cursor").await, "9");
}

async fn a_commit_does_what_the_mode_was_when_it_was_claimed(stores: Stores<'_>) {
    declare(stores, "switched", Mode::Append).await;
    let run = claimed(stores, "switched").await;
    stores.runs.commit(&reads(&run, &[mark("a.csv", "1")])).await.expect("commit");
    let run = claimed(stores, "switched").await;
    declare(stores, "switched", Mode::Replace).await;
    stores.runs.commit(&reads(&run, &[mark("b.csv", "1")])).await.expect("commit");
    assert_eq!(rows(stores, "switched").await, 2, "it read only what was new, and must not replace all");
    let run = claimed(stores, "switched").await;
    declare(stores, "switched", Mode::Append).await;
    stores.runs.commit(&reads(&run, &[mark("a.csv", "1"), mark("b.csv", "1")])).await.expect("commit");
    assert_eq!(rows(stores, "switched").await, 1, "it read all, and must not add it again");
}

async fn a_merged_file_that_comes_back_is_read_again(stores: Stores<'_>) {
    for (name, mode, expected) in
        [("back_append", Mode::Append, vec![]), ("back_merge", Mode::Merge, vec![0])]
    {
        declare(stores, name, mode).await;
        for version in ["1", "2"] {
            let run = claimed(stores, name).await;
            stores.runs.commit(&reads(&run, &[mark("a.csv", version)])).await.expect("commit");
        }
        let run = claimed(stores, name).await;
        assert_eq!(unread(stores, &run, &[mark("a.csv", "1")]).await, expected, "{name}");
    }
}

async fn a_merged_dataset_says_how_and_keeps_its_files(stores: Stores<'_>) {
    declare(stores, "merged", Mode::Merge).await;
    let mut snapshots = Vec::new();
    for _ in 0..2 {
        let run = claimed(stores, "merged").await;
        snapshots.push(stores.runs.commit(&commit_of(&run, 3)).await.expect("commit").snapshot);
    }
    let resolved = resolve(stores, "merged", 0).await;
    let merge = resolved.merge.expect("how to merge");
    assert_eq!((merge.key, merge.order_by.as_str()), (vec!["id".to_owned()], "at"));
    let mut begun: Vec<u64> = resolved.processed.iter().map(|file| file.begin_snapshot).collect();
    begun.sort_unstable();
    assert_eq!(begun, snapshots, "which file is later is known");
    declare(stores, "merged", Mode::Append).await;
    assert_eq!(resolve(stores, "merged", 0).await.merge, None);
}

async fn a_record_of_a_letter_moves_nothing(stores: Stores<'_>) {
    declare(stores, "mended", Mode::Incremental).await;
    let run = claimed(stores, "mended").await;
    let mut commit = moves(&run, Some("5"));
    commit.counters = pb::RunCounters { read: 2, landed: 1, dead: 1, ..Default::default() };
    commit.letters = vec![letter_of(&run, "mended_one")];
    stores.runs.commit(&commit).await.expect("commit");
    let replay =
        NewRun { letter_id: Some("mended_one".to_owned()), ..new_run("mended", pb::RunKind::Replay) };
    let replay = begin(stores, replay).await.run;
    let mut commit = reads(&replay, &[mark("a.csv", "1")]);
    commit.cursor = Some("1".to_owned());
    stores.runs.commit(&commit).await.expect("commit");
    assert_eq!(cursor(stores, "mended").await, "5");
    let run = claimed(stores, "mended").await;
    assert_eq!(unread(stores, &run, &[mark("a.csv", "1")]).await, [0]);
}
