//! Texts that a column can't hold as they are: they come back as they were, and no two become one.

use rfe_proto::{dlq::Position, metadata as pb};

use super::{
    Stores,
    fixture::{
        batch, claim_of, commit_of, declare, failure_of, first, letter_of, new_run, pull, register, seen,
    },
};
use crate::{Commit, RegistryError};

pub(super) async fn suite(stores: Stores<'_>) {
    ids_that_differ_in_a_nul_are_different_events(stores).await;
    letters_and_failures_keep_what_they_say(stores).await;
    a_letter_twice_in_a_commit_has_failed_twice(stores).await;
    cursors_files_and_columns_keep_their_names(stores).await;
    what_nobody_can_have_is_not_found(stores).await;
}

async fn ids_that_differ_in_a_nul_are_different_events(stores: Stores<'_>) {
    declare(stores, "nul_ids", "webhook").await;
    let ids = ["a", "a\0", "a\0b", "a\0c", "\0", "␀", "␀0", "a␀0b", "a\\u0000b"];
    for (at, id) in ids.iter().enumerate() {
        let run = batch(stores, "nul_ids").await.run;
        register(stores, &run, &[seen("id", "BIGINT")]).await;
        let commit = Commit { event_ids: vec![(*id).to_owned()], ..commit_of(&run, 1) };
        stores.runs.commit(&commit).await.unwrap_or_else(|error| panic!("id {at}, {id:?}: {error}"));
    }
    let run = batch(stores, "nul_ids").await.run;
    let event_ids: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
    let again = Commit { event_ids: event_ids.clone(), ..commit_of(&run, 9) };
    let Err(RegistryError::DuplicateEvents(mut known)) = stores.runs.commit(&again).await else {
        panic!("all of them are known")
    };
    known.sort_unstable();
    let mut expected = event_ids;
    expected.sort_unstable();
    assert_eq!(known, expected);
}

async fn letters_and_failures_keep_what_they_say(stores: Stores<'_>) {
    declare(stores, "nul_letters", "csv").await;
    let run = pull(stores, "nul_letters").await.run;
    let mut letter = letter_of(&run, "nul_letter");
    letter.message = "bad \0 byte".to_owned();
    letter.event_id = "e\0".to_owned();
    letter.field_path = "/a\0/b␀".to_owned();
    letter.position = Some(Position { file: "in\0.csv".to_owned(), line: 2, ..Position::default() });
    let mut failure = failure_of(&run, None);
    failure.message = "read \0 and ␀".to_owned();
    failure.letters = vec![letter.clone()];
    let failed = stores.runs.fail(&failure).await.expect("fail");
    assert_eq!(failed.error, failure.message);
    let found = stores.letters.letter("nul_letter").await.expect("get").expect("there");
    assert_eq!(
        (&found.message, &found.event_id, &found.field_path, &found.position),
        (&letter.message, &letter.event_id, &letter.field_path, &letter.position)
    );
    let filter = rfe_proto::dlq::DeadLetterFilter {
        source: "nul_letters".to_owned(),
        text: "BAD \0".to_owned(),
        ..Default::default()
    };
    assert_eq!(stores.letters.count_letters(&filter).await.expect("count"), 1);
    let closed = stores.letters.discard("nul_letter", "no \0 use", "somebody\0").await.expect("discard");
    assert_eq!((closed.discard_reason.as_str(), closed.closed_by.as_str()), ("no \0 use", "somebody\0"));
}

async fn a_letter_twice_in_a_commit_has_failed_twice(stores: Stores<'_>) {
    declare(stores, "twice", "csv").await;
    let run = pull(stores, "twice").await.run;
    let letters = ["twice_a", "twice_b", "twice_a"].map(|id| letter_of(&run, id));
    let counters = pb::RunCounters { read: 3, dead: 3, ..Default::default() };
    let commit = Commit { letters: letters.to_vec(), counters, ..commit_of(&run, 0) };
    stores.runs.commit(&commit).await.expect("commit");
    let attempts = async |id: &str| stores.letters.letter(id).await.expect("get").expect("there").attempts;
    assert_eq!((attempts("twice_a").await, attempts("twice_b").await), (2, 1));
}

async fn cursors_files_and_columns_keep_their_names(stores: Stores<'_>) {
    use rfe_model::{SourceSpec, source::Mode};
    let spec = SourceSpec { mode: Mode::Append, ..SourceSpec::sample("nul_names", "csv") };
    stores.sources.apply(&[spec], false).await.expect("declare");
    let run = pull(stores, "nul_names").await.run;
    let version = register(stores, &run, &[seen("id", "BIGINT"), seen("k\0␀", "VARCHAR")]).await;
    assert!(version.columns.iter().any(|column| column.name == "k\0␀"), "{:?}", version.columns);
    let shown = stores.catalog.schema_versions("nul_names", &first(1)).await.expect("list");
    assert_eq!(shown[0].columns, version.columns);

    let mark = |path: &str| pb::FileMark { path: path.to_owned(), bytes: 1, version: "v\0".to_owned() };
    let files_read = vec![mark("a\0b"), mark(&format!("{}\0", "long/".repeat(1000)))];
    let cursor = Some("page\0 2".to_owned());
    let commit = Commit { files_read: files_read.clone(), cursor, ..commit_of(&run, 1) };
    stores.runs.commit(&commit).await.expect("commit");
    let next = pull(stores, "nul_names").await;
    assert_eq!(next.cursor.as_deref(), Some("page\0 2"));
    let asked = [files_read[0].clone(), mark("a\0c"), files_read[1].clone(), mark("a␀0b")];
    let unread = stores.memory.unread(&next.run.run_id, next.run.epoch, &asked).await.expect("unread");
    assert_eq!(unread, [1, 3]);
}

async fn what_nobody_can_have_is_not_found(stores: Stores<'_>) {
    let strange = "no\0body";
    assert_eq!(stores.runs.run(strange).await.expect("run"), None);
    assert_eq!(stores.sources.source(strange).await.expect("source"), None);
    assert_eq!(stores.letters.letter(strange).await.expect("letter"), None);
    assert_eq!(stores.schedules.schedule(strange).await.expect("schedule"), None);
    let mut run = new_run("nul_names", pb::RunKind::Pull);
    run.run_id = strange.to_owned();
    let claim = stores.runs.claim(&claim_of(&run, "w\0")).await;
    assert!(matches!(claim, Err(RegistryError::NotFound { what: "run", .. })), "{claim:?}");
}
