//! Checkpoints: saved under an epoch, inherited by the next claim.

use rfe_model::{SourceSpec, fault::reason, source::Mode};
use rfe_proto::metadata as pb;

use super::{
    Stores,
    fixture::{claim_of, commit_of, declare, failure_of, first, land, new_run, pull},
};
use crate::{Claimed, Commit, Failure, NewRun, Page, RegistryError};

const LATER: Option<i64> = Some(1_900_000_000_000_000);

pub(super) async fn suite(stores: Stores<'_>) {
    the_next_claim_inherits_them_in_order(stores).await;
    a_stale_epoch_saves_and_lists_none(stores).await;
    saving_twice_is_saving_once(stores).await;
    a_reader_that_goes_its_own_way_takes_the_place_of_what_was_read(stores).await;
    none_outlives_its_run(stores).await;
    none_outlives_a_change_of_its_source(stores).await;
    none_outlives_the_cursor_that_it_began_from(stores).await;
    none_is_left_of_what_another_run_has_committed(stores).await;
}

fn checkpoint(place: u64, count: u32, name: &str) -> pb::Checkpoint {
    pb::Checkpoint { place, count, key: name.to_owned(), bytes: 10, sha256: "ab".to_owned(), epoch: 0 }
}

async fn claim(stores: Stores<'_>, run: &NewRun) -> Claimed {
    stores.runs.claim(&claim_of(run, "w1")).await.expect("claim")
}

async fn made(stores: Stores<'_>, source: &str) -> (NewRun, pb::Run) {
    declare(stores, source, "rest").await;
    let run = new_run(source, pb::RunKind::Pull);
    stores.runs.create_run(&run).await.expect("create");
    let claimed = claim(stores, &run).await;
    assert_eq!(claimed.checkpoints, 0);
    (run, claimed.run)
}

async fn save(stores: Stores<'_>, run: &pb::Run, checkpoint: pb::Checkpoint) {
    stores.memory.save_checkpoint(&run.run_id, run.epoch, &checkpoint).await.expect("save");
}

async fn listed(stores: Stores<'_>, run: &pb::Run) -> Vec<(u64, u32, String)> {
    let all = stores.memory.checkpoints(&run.run_id, run.epoch, &first(100)).await.expect("list");
    all.into_iter().map(|one| (one.place, one.count, one.key)).collect()
}

async fn the_next_claim_inherits_them_in_order(stores: Stores<'_>) {
    let (new, run) = made(stores, "resumed").await;
    save(stores, &run, checkpoint(0, 2, "a")).await;
    save(stores, &run, checkpoint(2, 1, "b")).await;
    let again = claim(stores, &new).await;
    assert_eq!(again.checkpoints, 3, "after a worker that died");
    save(stores, &again.run, checkpoint(3, 4, "c")).await;
    stores.runs.fail(&failure_of(&again.run, LATER)).await.expect("fail");
    let third = claim(stores, &new).await;
    assert_eq!(third.checkpoints, 7, "after an attempt that failed");
    let expected = [(0, 2, "a"), (2, 1, "b"), (3, 4, "c")].map(|(at, n, key)| (at, n, key.to_owned()));
    assert_eq!(listed(stores, &third.run).await, expected);
    let page = Page { after: Some("0".to_owned()), limit: 1 };
    let page = stores.memory.checkpoints(&new.run_id, third.run.epoch, &page).await.expect("page");
    assert_eq!(page, [pb::Checkpoint { epoch: run.epoch, ..checkpoint(2, 1, "b") }]);
    land(stores, &third.run, 2).await.expect("an epoch that inherited checkpoints commits");
}

async fn a_stale_epoch_saves_and_lists_none(stores: Stores<'_>) {
    let (new, frozen) = made(stores, "woke_late").await;
    let newer = claim(stores, &new).await.run;
    let saved = stores.memory.save_checkpoint(&frozen.run_id, frozen.epoch, &checkpoint(0, 1, "late")).await;
    let seen = stores.memory.checkpoints(&frozen.run_id, frozen.epoch, &first(1)).await.map(|_| ());
    let asked = stores.memory.unread(&frozen.run_id, frozen.epoch, &[]).await.map(|_| ());
    for answer in [saved, seen, asked] {
        assert!(matches!(answer, Err(RegistryError::StaleEpoch { .. })), "{answer:?}");
    }
    assert_eq!(listed(stores, &newer).await, []);
}

async fn saving_twice_is_saving_once(stores: Stores<'_>) {
    let (new, run) = made(stores, "unheard_save").await;
    save(stores, &run, checkpoint(0, 2, "a")).await;
    save(stores, &run, checkpoint(0, 2, "a")).await;
    assert_eq!(claim(stores, &new).await.checkpoints, 2);
}

async fn a_reader_that_goes_its_own_way_takes_the_place_of_what_was_read(stores: Stores<'_>) {
    let (new, run) = made(stores, "rerouted").await;
    for (place, name) in [(0, "a"), (3, "b"), (6, "c")] {
        save(stores, &run, checkpoint(place, 3, name)).await;
    }
    let again = claim(stores, &new).await.run;
    save(stores, &again, checkpoint(4, 1, "new")).await;
    let expected = [(0, 3, "a"), (3, 1, "b"), (4, 1, "new")].map(|(at, n, key)| (at, n, key.to_owned()));
    assert_eq!(listed(stores, &again).await, expected);
    assert_eq!(claim(stores, &new).await.checkpoints, 5);
}

async fn none_outlives_its_run(stores: Stores<'_>) {
    for end in ["committed", "given_up", "called_off"] {
        let (new, run) = made(stores, end).await;
        save(stores, &run, checkpoint(0, 2, "a")).await;
        match end {
            "committed" => drop(land(stores, &run, 1).await.expect("commit")),
            "given_up" => drop(stores.runs.fail(&failure_of(&run, None)).await.expect("fail")),
            _ => drop(stores.runs.cancel(&run.run_id).await.expect("cancel")),
        }
        let ended = claim(stores, &new).await;
        assert_eq!((ended.claimed, ended.checkpoints), (false, 0), "{end}");
    }
}

async fn none_outlives_a_change_of_its_source(stores: Stores<'_>) {
    let (new, run) = made(stores, "redeclared").await;
    save(stores, &run, checkpoint(0, 2, "a")).await;
    declare(stores, "redeclared", "rest").await;
    assert_eq!(claim(stores, &new).await.checkpoints, 2, "applying the same changes nothing");
    let mut spec = SourceSpec::sample("redeclared", "rest");
    spec.config = serde_json::json!({"url": "http://elsewhere"});
    stores.sources.update(&spec).await.expect("update");
    let again = claim(stores, &new).await;
    assert_eq!(again.checkpoints, 0, "pages of another address");
    save(stores, &again.run, checkpoint(0, 1, "b")).await;
    assert_eq!(claim(stores, &new).await.checkpoints, 1);
}

async fn none_outlives_the_cursor_that_it_began_from(stores: Stores<'_>) {
    let mut spec = SourceSpec::sample("overtaken", "rest");
    spec.mode = Mode::Incremental;
    stores.sources.create(&spec, None).await.expect("create");
    let new = new_run("overtaken", pb::RunKind::Pull);
    stores.runs.create_run(&new).await.expect("create");
    let run = claim(stores, &new).await.run;
    save(stores, &run, checkpoint(0, 2, "a")).await;
    let other = pull(stores, "overtaken").await.run;
    let commit = Commit { cursor: Some("5".to_owned()), ..commit_of(&other, 0) };
    stores.runs.commit(&commit).await.expect("commit");
    let again = claim(stores, &new).await;
    assert_eq!((again.checkpoints, again.cursor.as_deref()), (0, Some("5")), "its pages have landed since");
}

async fn none_is_left_of_what_another_run_has_committed(stores: Stores<'_>) {
    let (new, run) = made(stores, "second").await;
    save(stores, &run, checkpoint(0, 2, "a")).await;
    let failure = Failure { code: reason::ALREADY_READ.to_owned(), ..failure_of(&run, LATER) };
    stores.runs.fail(&failure).await.expect("fail");
    let again = claim(stores, &new).await;
    assert_eq!(again.checkpoints, 0);
    stores.runs.commit(&commit_of(&again.run, 0)).await.expect("commit");
}
