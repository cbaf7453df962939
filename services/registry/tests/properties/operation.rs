//! What may happen. Sources and runs are named by number, and numbers wrap.

use proptest::prelude::*;

/// How a commit is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// As it should be.
    Right,
    /// Under the epoch before.
    Stale,
    /// More was read than is accounted for.
    Unbalanced,
}

/// One call, or a few that belong together.
#[derive(Debug, Clone)]
pub enum Operation {
    /// Declares a source, or one that was deleted again.
    Declare { source: usize },
    /// Deletes one.
    Delete { source: usize },
    /// Makes a pull run.
    Create { source: usize },
    /// Claims a run.
    Claim { run: usize },
    /// Claims a new batch of events.
    Batch { source: usize },
    /// Registers a column and commits.
    Commit { run: usize, rows: i64, ids: Vec<u8>, how: How },
    /// Sends the last commit of a run again.
    Repeat { run: usize },
    /// Ends an attempt.
    Fail { run: usize, gives_up: bool },
    /// Cancels a run.
    Cancel { run: usize },
    /// Plans, claims and commits compactions; with `short`, rows are missing; with `between`, this source is read meanwhile.
    Compact { short: bool, between: Option<usize> },
    /// Lets files go that no current snapshot shows.
    Retire,
    /// Drops a dataset.
    Drop { source: usize },
    /// Marks and dooms what nothing names.
    Collect,
}

/// Any of them, those that move most the most often.
pub fn any() -> impl Strategy<Value = Operation> {
    let source = 0..super::model::SOURCES.len();
    let run = 0..12_usize;
    let how = prop_oneof![6 => Just(How::Right), 1 => Just(How::Stale), 1 => Just(How::Unbalanced)];
    let commit = (run.clone(), 0..4_i64, proptest::collection::vec(0..12_u8, 0..3), how);
    prop_oneof![
        4 => source.clone().prop_map(|source| Operation::Declare { source }),
        1 => source.clone().prop_map(|source| Operation::Delete { source }),
        4 => source.clone().prop_map(|source| Operation::Create { source }),
        6 => run.clone().prop_map(|run| Operation::Claim { run }),
        4 => source.clone().prop_map(|source| Operation::Batch { source }),
        10 => commit.prop_map(|(run, rows, ids, how)| Operation::Commit { run, rows, ids, how }),
        2 => run.clone().prop_map(|run| Operation::Repeat { run }),
        2 => (run.clone(), prop::bool::ANY).prop_map(|(run, gives_up)| Operation::Fail { run, gives_up }),
        1 => run.prop_map(|run| Operation::Cancel { run }),
        2 => (prop::bool::weighted(0.2), prop::option::of(source.clone()))
            .prop_map(|(short, between)| Operation::Compact { short, between }),
        1 => Just(Operation::Retire),
        1 => source.prop_map(|source| Operation::Drop { source }),
        1 => Just(Operation::Collect),
    ]
}
