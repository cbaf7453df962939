//! Dead letters and their replay.

use rfe_model::time;
use rfe_proto::{
    dlq::{DeadLetter, DeadLetterFilter},
    metadata as pb,
};

use super::{
    Stores,
    fixture::{
        batch, begin, commit_of, declare, failure_of, first, letter_of, new_run, pull, register, rows, seen,
    },
};
use crate::{NewRun, RegistryError};

pub(super) async fn suite(stores: Stores<'_>) {
    a_repeat_raises_attempts(stores).await;
    a_replay_sets_the_letter_to_replayed_with_its_rows(stores).await;
    a_letter_discarded_meanwhile_is_not_replayed(stores).await;
    a_replayed_letter_that_fails_again_is_open_again(stores).await;
    a_letter_is_discarded_once_and_for_good(stores).await;
    only_the_replay_of_a_jobs_letter_reads_its_source(stores).await;
    a_letter_closed_meanwhile_is_not_opened_by_a_replay_that_fails(stores).await;
    letters_page_newest_first_without_bytes(stores).await;
    letters_are_found_by_what_is_known_of_them(stores).await;
}

async fn dead(stores: Stores<'_>, source: &str, id: &str) {
    let run = batch(stores, source).await.run;
    let mut failure = failure_of(&run, None);
    failure.letters = vec![letter_of(&run, id)];
    stores.runs.fail(&failure).await.expect("fail");
}

fn replay(source: &str, letter: &str) -> NewRun {
    NewRun {
        letter_id: Some(letter.to_owned()),
        replay_raw: Some(b"edited".to_vec()),
        ..new_run(source, pb::RunKind::Replay)
    }
}

async fn state(stores: Stores<'_>, id: &str) -> String {
    stores.letters.letter(id).await.expect("get").expect("there").state
}

async fn a_repeat_raises_attempts(stores: Stores<'_>) {
    declare(stores, "poison", "webhook").await;
    dead(stores, "poison", "poison_1").await;
    let once = stores.letters.letter("poison_1").await.expect("get").expect("there");
    dead(stores, "poison", "poison_1").await;
    let twice = stores.letters.letter("poison_1").await.expect("get").expect("there");
    assert_eq!((once.attempts, twice.attempts), (1, 2));
    assert_eq!(once.first_seen, twice.first_seen);
    assert!(twice.run_id != once.run_id);
}

async fn a_replay_sets_the_letter_to_replayed_with_its_rows(stores: Stores<'_>) {
    declare(stores, "again", "webhook").await;
    dead(stores, "again", "again_1").await;
    let order = replay("again", "again_1");
    let (run, created) = stores.runs.create_run(&order).await.expect("create");
    assert!(created);
    let (same, created) = stores.runs.create_run(&replay("again", "again_1")).await.expect("second");
    assert_eq!(
        (same.run_id.as_str(), created),
        (run.run_id.as_str(), false),
        "the one under way is the answer"
    );

    let claimed = begin(stores, order).await;
    assert_eq!(claimed.replay_raw.as_deref(), Some(b"edited".as_slice()));
    assert_eq!(claimed.letter.expect("the letter comes along").raw_base64, b"1;2;3");
    register(stores, &claimed.run, &[seen("id", "BIGINT")]).await;
    let mut commit = commit_of(&claimed.run, 1);
    commit.event_ids = vec!["e1".to_owned()];
    stores.runs.commit(&commit).await.expect("commit");
    let letter = stores.letters.letter("again_1").await.expect("get").expect("there");
    assert_eq!((letter.state.as_str(), letter.replay_run_id.as_str()), ("replayed", run.run_id.as_str()));
    assert_eq!(rows(stores, "again").await, 1);

    match stores.runs.create_run(&replay("again", "again_1")).await {
        Err(RegistryError::LetterNotOpen { state, replay_run_id, .. }) => {
            assert_eq!((state.as_str(), replay_run_id), ("replayed", run.run_id));
        }
        other => panic!("{other:?}"),
    }
    let unknown = stores.runs.create_run(&replay("again", "no_such")).await;
    assert!(matches!(unknown, Err(RegistryError::NotFound { what: "letter", .. })), "{unknown:?}");
}

async fn a_letter_discarded_meanwhile_is_not_replayed(stores: Stores<'_>) {
    declare(stores, "dropped", "webhook").await;
    dead(stores, "dropped", "dropped_1").await;
    let run = begin(stores, replay("dropped", "dropped_1")).await.run;
    register(stores, &run, &[seen("id", "BIGINT")]).await;
    stores.letters.discard("dropped_1", "not worth it", "ada").await.expect("discard");
    let refused = stores.runs.commit(&commit_of(&run, 1)).await;
    assert!(matches!(refused, Err(RegistryError::LetterNotOpen { .. })), "{refused:?}");
    assert_eq!(rows(stores, "dropped").await, 0);
}

async fn a_replayed_letter_that_fails_again_is_open_again(stores: Stores<'_>) {
    declare(stores, "stubborn", "webhook").await;
    dead(stores, "stubborn", "stubborn_1").await;
    let run = begin(stores, replay("stubborn", "stubborn_1")).await.run;
    let mut commit = commit_of(&run, 0);
    commit.counters = pb::RunCounters { read: 1, dead: 1, ..Default::default() };
    commit.letters = vec![letter_of(&run, "stubborn_1")];
    stores.runs.commit(&commit).await.expect("commit");
    assert_eq!(state(stores, "stubborn_1").await, "open");
    stores.letters.discard("stubborn_1", "enough", "ada").await.expect("discard");
    dead(stores, "stubborn", "stubborn_1").await;
    let letter = stores.letters.letter("stubborn_1").await.expect("get").expect("there");
    assert_eq!((letter.state.as_str(), letter.discard_reason.as_str(), letter.attempts), ("open", "", 3));
}

async fn a_letter_closed_meanwhile_is_not_opened_by_a_replay_that_fails(stores: Stores<'_>) {
    declare(stores, "given_up", "webhook").await;
    dead(stores, "given_up", "given_up_1").await;
    let run = begin(stores, replay("given_up", "given_up_1")).await.run;
    stores.letters.discard("given_up_1", "enough", "ada").await.expect("discard");
    let mut failure = failure_of(&run, None);
    failure.letters = vec![letter_of(&run, "given_up_1")];
    stores.runs.fail(&failure).await.expect("fail");
    let letter = stores.letters.letter("given_up_1").await.expect("get").expect("there");
    assert_eq!(
        (letter.state.as_str(), letter.discard_reason.as_str(), letter.attempts),
        ("discarded", "enough", 1)
    );
    let refused = stores.runs.create_run(&replay("given_up", "given_up_1")).await;
    assert!(matches!(refused, Err(RegistryError::LetterNotOpen { .. })), "{refused:?}");
}

async fn a_letter_is_discarded_once_and_for_good(stores: Stores<'_>) {
    declare(stores, "binned", "webhook").await;
    dead(stores, "binned", "binned_1").await;
    let discarded = stores.letters.discard("binned_1", "spam", "ada").await.expect("discard");
    assert_eq!((discarded.state.as_str(), discarded.discard_reason.as_str()), ("discarded", "spam"));
    assert!(discarded.closed_by == "ada" && discarded.closed_time.is_some(), "{discarded:?}");
    assert_eq!(stores.letters.discard("binned_1", "other", "ada").await.expect("again"), discarded);
    let replayed = stores.letters.discard("again_1", "late", "ada").await;
    assert!(matches!(replayed, Err(RegistryError::LetterNotOpen { .. })), "{replayed:?}");
    let unknown = stores.letters.discard("no_such", "", "ada").await;
    assert!(matches!(unknown, Err(RegistryError::NotFound { what: "letter", .. })), "{unknown:?}");
}

async fn only_the_replay_of_a_jobs_letter_reads_its_source(stores: Stores<'_>) {
    declare(stores, "reading", "csv").await;
    let pulled = pull(stores, "reading").await.run;
    let mut failure = failure_of(&pulled, None);
    let of_the_job = DeadLetter { kind: "job".to_owned(), ..letter_of(&pulled, "reading_job") };
    failure.letters = vec![letter_of(&pulled, "reading_record"), of_the_job];
    stores.runs.fail(&failure).await.expect("fail");
    let batch = batch(stores, "reading").await.run;
    let mut replays = Vec::new();
    for letter in ["reading_record", "reading_job"] {
        replays.push(stores.runs.create_run(&replay("reading", letter)).await.expect("create").0);
    }
    let reads = [&pulled, &batch, &replays[0], &replays[1]].map(|run| run.reads_source);
    assert_eq!(reads, [true, false, false, true]);
}

async fn letters_page_newest_first_without_bytes(stores: Stores<'_>) {
    declare(stores, "listed", "csv").await;
    let run = pull(stores, "listed").await.run;
    let mut failure = failure_of(&run, None);
    failure.letters = (0..5).map(|at| letter_of(&run, &format!("listed_{at}"))).collect();
    failure.letters[4].kind = "job".to_owned();
    stores.runs.fail(&failure).await.expect("fail");

    let filter =
        DeadLetterFilter { source: "listed".to_owned(), state: "open".to_owned(), ..Default::default() };
    let mut page = first(2);
    let mut ids = Vec::new();
    loop {
        let some = stores.letters.letters(&filter, &page).await.expect("page");
        let Some(last) = some.last() else { break };
        assert!(some.iter().all(|letter| letter.raw_base64.is_empty()));
        page.after = Some(last.id.clone());
        ids.extend(some.into_iter().map(|letter| letter.id));
    }
    assert_eq!(ids, ["listed_4", "listed_3", "listed_2", "listed_1", "listed_0"]);
    let jobs = DeadLetterFilter { kind: "job".to_owned(), run_id: run.run_id.clone(), ..filter };
    assert_eq!(stores.letters.letters(&jobs, &first(10)).await.expect("list").len(), 1);
}

async fn letters_are_found_by_what_is_known_of_them(stores: Stores<'_>) {
    declare(stores, "searched", "csv").await;
    let run = pull(stores, "searched").await.run;
    let mut failure = failure_of(&run, None);
    failure.letters = (0..4).map(|at| letter_of(&run, &format!("searched_{at}"))).collect();
    for (at, letter) in failure.letters.iter_mut().enumerate() {
        letter.last_seen = Some(time::proto_from_micros(1_000_000 * at as i64));
        letter.event_id = String::new();
    }
    failure.letters[1].stage = "validate".to_owned();
    failure.letters[1].code = "BAD_VALUE".to_owned();
    failure.letters[2].message = "`Many` is no BIGINT".to_owned();
    failure.letters[3].field_path = "Total".to_owned();
    stores.runs.fail(&failure).await.expect("fail");

    let all = DeadLetterFilter { source: "searched".to_owned(), ..Default::default() };
    let at = |seconds: i64| Some(time::proto_from_micros(1_000_000 * seconds));
    for (filter, expected) in [
        (DeadLetterFilter { stage: "validate".to_owned(), ..all.clone() }, vec![1]),
        (DeadLetterFilter { code: "BAD_VALUE".to_owned(), ..all.clone() }, vec![1]),
        (DeadLetterFilter { since: at(1), until: at(3), ..all.clone() }, vec![2, 1]),
        (DeadLetterFilter { text: "many".to_owned(), ..all.clone() }, vec![2]),
        (DeadLetterFilter { text: "TOTAL".to_owned(), ..all.clone() }, vec![3]),
        (DeadLetterFilter { text: "%".to_owned(), ..all.clone() }, vec![]),
        (all, vec![3, 2, 1, 0]),
    ] {
        let found = stores.letters.letters(&filter, &first(10)).await.expect("list");
        let ids: Vec<String> = found.into_iter().map(|letter| letter.id).collect();
        let expected: Vec<String> = expected.iter().map(|at| format!("searched_{at}")).collect();
        assert_eq!(ids, expected, "{filter:?}");
        assert_eq!(stores.letters.count_letters(&filter).await.expect("count"), expected.len() as i64);
    }
}
