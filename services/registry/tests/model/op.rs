//! The operations. What they are about is chosen by number among what there is when their turn comes.

use proptest::prelude::*;

pub const SOURCES: [&str; 3] = ["alpha", "beta", "gamma"];
/// What a source is declared as: kind and mode.
pub const FORMS: [(&str, &str); 4] =
    [("csv", "replace"), ("csv", "append"), ("rest", "incremental"), ("webhook", "append")];
/// Columns and their types: bit N of a number of columns is column N.
pub const COLUMNS: [(&str, &str); 3] = [("a", "BIGINT"), ("b", "VARCHAR"), ("c", "DOUBLE")];

#[derive(Debug, Clone)]
pub enum Op {
    /// Declares sources, each as a form; those left out are deleted with `prune`.
    Apply {
        forms: [Option<usize>; 3],
        prune: bool,
    },
    Delete {
        source: usize,
    },
    Pull {
        source: usize,
    },
    Replay {
        source: usize,
        letter: u8,
    },
    /// A batch of events is claimed for the first time.
    Batch {
        source: usize,
    },
    Claim {
        run: usize,
    },
    Register {
        run: usize,
        columns: u8,
        stale: bool,
    },
    Commit {
        run: usize,
        commit: Content,
    },
    /// The last commit that was tried is tried again.
    CommitAgain,
    Fail {
        run: usize,
        again: bool,
        letters: u8,
        stale: bool,
    },
    Cancel {
        run: usize,
    },
    Checkpoint {
        run: usize,
        place: u64,
        count: u32,
        stale: bool,
    },
    Checkpoints {
        run: usize,
    },
    Unread {
        run: usize,
    },
    Discard {
        source: usize,
        letter: u8,
    },
    Plan,
    Drop {
        source: usize,
    },
    Resolve {
        back: u64,
    },
}

/// What a commit brings.
#[derive(Debug, Clone)]
pub struct Content {
    pub rows: i64,
    /// Bits of event ids, letters and files that were read.
    pub events: u8,
    pub letters: u8,
    pub files_read: u8,
    pub cursor: Option<u8>,
    pub stale: bool,
    /// More rows are counted than a compaction's inputs have.
    pub skewed: bool,
}

pub fn any_op() -> impl Strategy<Value = Op> {
    let (source, run) = (0..SOURCES.len(), 0..64usize);
    let rarely = || prop::bool::weighted(0.1);
    let form = || prop::option::weighted(0.6, 0..FORMS.len());
    prop_oneof![
        4 => ([form(), form(), form()], rarely()).prop_map(|(forms, prune)| Op::Apply { forms, prune }),
        1 => source.clone().prop_map(|source| Op::Delete { source }),
        6 => source.clone().prop_map(|source| Op::Pull { source }),
        3 => (source.clone(), 0..4u8).prop_map(|(source, letter)| Op::Replay { source, letter }),
        6 => source.clone().prop_map(|source| Op::Batch { source }),
        8 => run.clone().prop_map(|run| Op::Claim { run }),
        14 => (run.clone(), 1..8u8, rarely())
            .prop_map(|(run, columns, stale)| Op::Register { run, columns, stale }),
        22 => (run.clone(), content()).prop_map(|(run, commit)| Op::Commit { run, commit }),
        2 => Just(Op::CommitAgain),
        4 => (run.clone(), prop::bool::ANY, letters(), rarely())
            .prop_map(|(run, again, letters, stale)| Op::Fail { run, again, letters, stale }),
        2 => run.clone().prop_map(|run| Op::Cancel { run }),
        4 => (run.clone(), 0..6u64, 1..4u32, rarely())
            .prop_map(|(run, place, count, stale)| Op::Checkpoint { run, place, count, stale }),
        2 => run.clone().prop_map(|run| Op::Checkpoints { run }),
        2 => run.prop_map(|run| Op::Unread { run }),
        2 => (source.clone(), 0..4u8).prop_map(|(source, letter)| Op::Discard { source, letter }),
        4 => Just(Op::Plan),
        1 => source.prop_map(|source| Op::Drop { source }),
        2 => (0..6u64).prop_map(|back| Op::Resolve { back }),
    ]
}

fn letters() -> impl Strategy<Value = u8> {
    prop_oneof![3 => Just(0), 1 => 0..16u8]
}

fn content() -> impl Strategy<Value = Content> {
    let few = || prop_oneof![2 => Just(0), 1 => 0..16u8];
    let cursor = prop::option::weighted(0.3, 0..4u8);
    (0..50i64, few(), letters(), few(), cursor, prop::bool::weighted(0.05), prop::bool::weighted(0.1))
        .prop_map(|(rows, events, letters, files_read, cursor, stale, skewed)| Content {
            rows,
            events,
            letters,
            files_read,
            cursor,
            stale,
            skewed,
        })
}
