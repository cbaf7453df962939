//! Commits and the collection of orphans, in every order: what is visible is never deleted.

use rfe_proto::metadata as pb;

use super::{
    Stores,
    fixture::{batch, commit_of, declare, register, resolve, seen},
    orphan::{LATER, doomed, marked},
};
use crate::{Claim, OrphanAge};

pub(super) async fn suite(stores: Stores<'_>) {
    whatever_the_order_no_visible_file_is_doomed(stores).await;
}

/// What a worker, its successor and the collector do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Claim,
    CommitOfTheFirst,
    CommitOfTheSecond,
    Mark,
    Doom,
    DoomAndFence,
}

// The first worker may wake at any time; the second commits behind its claim; the collector dooms behind its marks.
const WORKERS: [&[Step]; 3] = [
    &[Step::CommitOfTheFirst],
    &[Step::Claim, Step::CommitOfTheSecond, Step::CommitOfTheFirst],
    &[Step::CommitOfTheFirst, Step::Claim, Step::CommitOfTheSecond],
];
const COLLECTORS: [&[Step]; 3] = [
    &[Step::Mark, Step::Doom],
    &[Step::Mark, Step::DoomAndFence],
    &[Step::Mark, Step::Doom, Step::Mark, Step::DoomAndFence],
];

async fn whatever_the_order_no_visible_file_is_doomed(stores: Stores<'_>) {
    let mut number = 0;
    for workers in WORKERS {
        for collectors in COLLECTORS {
            for order in orders(workers, collectors) {
                number += 1;
                play(stores, &format!("race_{number}"), &order).await;
            }
        }
    }
}

/// All ways to put two sequences into one, each in its own order.
fn orders(one: &[Step], other: &[Step]) -> Vec<Vec<Step>> {
    let Some((first, rest)) = one.split_first() else { return vec![other.to_vec()] };
    let Some((second, remaining)) = other.split_first() else { return vec![one.to_vec()] };
    let behind = |step: Step, orders: Vec<Vec<Step>>| {
        orders.into_iter().map(move |order| [vec![step], order].concat())
    };
    behind(*first, orders(rest, other)).chain(behind(*second, orders(one, remaining))).collect()
}

async fn play(stores: Stores<'_>, source: &str, order: &[Step]) {
    declare(stores, source, "webhook").await;
    let first = batch(stores, source).await.run;
    register(stores, &first, &[seen("id", "BIGINT")]).await;
    let mut second = None;
    let mut in_the_lake = commit_of(&first, 1).files;
    let mut gone = Vec::new();
    for step in order {
        match step {
            Step::Claim => {
                let claim = Claim {
                    run_id: first.run_id.clone(),
                    source: source.to_owned(),
                    kind: pb::RunKind::Events,
                    worker: "w2".to_owned(),
                };
                let claimed = stores.runs.claim(&claim).await.expect("claim");
                if claimed.claimed {
                    register(stores, &claimed.run, &[seen("id", "BIGINT")]).await;
                    in_the_lake.extend(commit_of(&claimed.run, 1).files);
                    second = Some(claimed.run);
                }
            }
            Step::CommitOfTheFirst => {
                // It may be fenced; what is visible then is checked below.
                let _refused = stores.runs.commit(&commit_of(&first, 1)).await;
            }
            Step::CommitOfTheSecond => {
                if let Some(run) = &second {
                    let _refused = stores.runs.commit(&commit_of(run, 1)).await;
                }
            }
            Step::Mark => {
                for (bucket, layer) in [("raw", pb::Layer::Raw), ("processed", pb::Layer::Processed)] {
                    let of = in_the_lake.iter().filter(|file| file.layer() == layer);
                    let keys: Vec<String> = of.map(|file| file.key.clone()).collect();
                    marked(stores, bucket, &keys).await;
                }
            }
            Step::Doom | Step::DoomAndFence => {
                let heard_before = if *step == Step::Doom { 0 } else { LATER };
                gone = doomed(stores, source, OrphanAge { marked_before: LATER, heard_before }).await;
            }
        }
    }
    let resolved = resolve(stores, source, 0).await;
    let visible: Vec<&str> =
        resolved.processed.iter().chain(&resolved.raw).map(|file| file.key.as_str()).collect();
    assert!(visible.iter().all(|key| !gone.iter().any(|gone| gone == key)), "{order:?}: {gone:?} is visible");
    let committed = stores.runs.run(&first.run_id).await.expect("get").expect("there");
    let expected = if committed.state() == pb::RunState::Succeeded { 2 } else { 0 };
    assert_eq!(visible.len(), expected, "{order:?}");
}
