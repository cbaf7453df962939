//! What the registry promises, as little of it as can be checked by hand. Where it can't know, it learns what both registries said.

use std::collections::{BTreeMap, BTreeSet};

use rfe_proto::metadata as pb;
use rfe_registry::NewRun;

use crate::{
    answer::Answer,
    operation::{How, Operation},
    side::new_run,
};

/// The names of all sources,
pub const SOURCES: [&str; 3] = ["files", "records", "hooks"];
/// and their kinds: the first two replace, the last one appends.
pub const KINDS: [&str; 3] = ["csv", "json", "webhook"];
/// Older snapshots that are looked at again.
const REMEMBERED: usize = 3;

/// What a snapshot shows of a source: no dataset, that it has expired, or rows and files.
pub type Shown = Option<Result<(i64, usize), ()>>;

/// What is seen from outside.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    pub newest: u64,
    /// By snapshot and source.
    pub rows: Vec<(u64, &'static str, Shown)>,
    /// In the order in which the model made them.
    pub runs: Vec<Option<(pb::RunState, u64)>>,
}

/// A run.
#[derive(Debug, Clone)]
pub struct Known {
    pub run_id: String,
    pub source: String,
    pub kind: pb::RunKind,
    pub state: pb::RunState,
    pub epoch: u64,
    /// What its commit held.
    pub committed: Option<(i64, Vec<u8>)>,
    snapshot: u64,
    // How often its source had changed when it was claimed.
    changes: u32,
}

impl Known {
    /// One that was just made, at an epoch.
    pub fn fresh(run: &pb::Run, epoch: u64) -> Self {
        Self::new(run.run_id.clone(), run.source.clone(), run.kind(), run.state(), epoch, 0)
    }

    fn new(
        run_id: String,
        source: String,
        kind: pb::RunKind,
        state: pb::RunState,
        epoch: u64,
        changes: u32,
    ) -> Self {
        Self { run_id, source, kind, state, epoch, committed: None, snapshot: 0, changes }
    }

    fn has_ended(&self) -> bool {
        matches!(self.state, pb::RunState::Succeeded | pb::RunState::Failed | pb::RunState::Cancelled)
    }

    fn answer(&self, state: pb::RunState, epoch: u64) -> Answer {
        Answer::Run { state, epoch, snapshot: self.snapshot }
    }
}

/// The model.
#[derive(Debug, Default)]
pub struct Model {
    // Whether a source is live, of those that were declared; and how often that changed.
    sources: BTreeMap<&'static str, (bool, u32)>,
    runs: Vec<Known>,
    made: u64,
    snapshot: u64,
    rows: BTreeMap<&'static str, i64>,
    ledger: BTreeSet<(String, String)>,
    history: BTreeMap<u64, BTreeMap<&'static str, i64>>,
    // Once files were let go, old snapshots may be refused.
    expires: bool,
}

impl Model {
    /// A run by number; none while there are none.
    pub fn run(&self, number: usize) -> Option<Known> {
        self.at(number).map(|at| self.runs[at].clone())
    }

    /// All runs.
    pub fn runs(&self) -> impl Iterator<Item = &Known> {
        self.runs.iter()
    }

    /// The snapshots that are looked at again.
    pub fn remembered(&self) -> impl Iterator<Item = u64> {
        self.history.keys().rev().take(REMEMBERED).copied().collect::<Vec<_>>().into_iter()
    }

    /// The run that is made next.
    pub fn next_run(&self, source: usize) -> NewRun {
        new_run(format!("00000000-0000-7000-8000-{:012}", self.made), SOURCES[source])
    }

    fn at(&self, number: usize) -> Option<usize> {
        number.checked_rem(self.runs.len())
    }

    fn queued(&self, source: &str) -> Option<&Known> {
        self.runs.iter().find(|run| {
            run.source == source && run.kind == pb::RunKind::Pull && run.state == pb::RunState::Queued
        })
    }

    /// The answer, where the model knows it.
    pub fn expect(&self, operation: &Operation) -> Option<Answer> {
        let refused = |name: &str| Some(Answer::Refused(name.to_owned()));
        match operation {
            Operation::Declare { .. } => Some(Answer::Done),
            Operation::Delete { source } => match self.sources.get(SOURCES[*source]) {
                None => refused("NotFound"),
                Some((true, _)) => Some(Answer::Done),
                Some((false, _)) => None,
            },
            Operation::Create { source } => match self.sources.get(SOURCES[*source]) {
                None => refused("NotFound"),
                Some((false, _)) => refused("SourceDeleted"),
                Some((true, _)) => Some(match self.queued(SOURCES[*source]) {
                    Some(run) => Answer::All(vec![run.answer(run.state, run.epoch), Answer::Count(0)]),
                    None => Answer::All(vec![
                        Answer::Run { state: pb::RunState::Queued, epoch: 0, snapshot: 0 },
                        Answer::Count(1),
                    ]),
                }),
            },
            Operation::Batch { source } => match self.sources.get(SOURCES[*source]) {
                None => refused("NotFound"),
                Some(_) => Some(Answer::Claimed { epoch: 1, claimed: true }),
            },
            Operation::Drop { source } => match self.sources.get(SOURCES[*source]) {
                None => refused("NotFound"),
                Some((true, _)) => refused("DatasetInUse"),
                Some((false, _)) => None,
            },
            Operation::Claim { run } => {
                let run = self.run(*run)?;
                let claimed = !run.has_ended();
                Some(Answer::Claimed { epoch: run.epoch + u64::from(claimed), claimed })
            }
            Operation::Commit { run, ids, how, .. } => self.expect_commit(&self.run(*run)?, ids, *how),
            Operation::Repeat { run } => {
                let run = self.run(*run)?;
                (run.committed.is_some() && run.state == pb::RunState::Succeeded)
                    .then(|| run.answer(run.state, run.epoch))
            }
            Operation::Fail { run, gives_up } => {
                let run = self.run(*run)?;
                let after = if *gives_up { pb::RunState::Failed } else { pb::RunState::Retrying };
                (run.state == pb::RunState::Running).then(|| run.answer(after, run.epoch + 1))
            }
            Operation::Cancel { run } => {
                let run = self.run(*run)?;
                match (run.kind, run.state) {
                    (pb::RunKind::Events, _) | (_, pb::RunState::Succeeded | pb::RunState::Failed) => {
                        refused("NotCancellable")
                    }
                    (_, pb::RunState::Cancelled) => Some(run.answer(run.state, run.epoch)),
                    _ => Some(run.answer(pb::RunState::Cancelled, run.epoch + 1)),
                }
            }
            Operation::Compact { .. } | Operation::Retire | Operation::Collect => None,
        }
    }

    fn expect_commit(&self, run: &Known, ids: &[u8], how: How) -> Option<Answer> {
        let refused = |name: &str| Some(Answer::Refused(name.to_owned()));
        if how == How::Stale {
            return refused("StaleEpoch");
        }
        if run.state == pb::RunState::Succeeded {
            return Some(run.answer(run.state, run.epoch));
        }
        if run.state != pb::RunState::Running {
            return refused("StaleEpoch");
        }
        if how == How::Unbalanced {
            return refused("Unbalanced");
        }
        // What was declared otherwise meanwhile is for the registries to know.
        if self.changes(&run.source) != run.changes {
            return None;
        }
        let known: BTreeSet<String> = ids
            .iter()
            .map(|id| format!("e{id}"))
            .filter(|id| self.ledger.contains(&(run.source.clone(), id.clone())))
            .collect();
        if !known.is_empty() {
            return Some(Answer::Refused(format!(
                "DuplicateEvents {:?}",
                known.into_iter().collect::<Vec<_>>()
            )));
        }
        Some(Answer::Run { state: pb::RunState::Succeeded, epoch: run.epoch, snapshot: self.snapshot + 1 })
    }

    fn changes(&self, source: &str) -> u32 {
        self.sources.get(source).map_or(0, |(_, changes)| *changes)
    }

    /// Takes in what happened, and checks what must hold whatever that was.
    pub fn settle(&mut self, operation: &Operation, answer: &Answer, seen: &Seen) -> Result<(), String> {
        self.expires |= matches!(operation, Operation::Retire);
        self.check_history(seen)?;
        self.check_newest(operation, answer, seen)?;
        self.learn_runs(operation, seen)?;
        match operation {
            Operation::Declare { source } => self.declare(SOURCES[*source], true),
            Operation::Delete { source } if *answer == Answer::Done => self.declare(SOURCES[*source], false),
            Operation::Create { source } => self.create(SOURCES[*source], answer),
            Operation::Batch { source } => self.batch(SOURCES[*source], answer),
            Operation::Claim { run } => {
                if let Some(at) = self.at(*run) {
                    self.runs[at].changes = self.changes(&self.runs[at].source.clone());
                }
            }
            Operation::Commit { run, rows, ids, .. } => self.commit(*run, *rows, ids, answer),
            Operation::Compact { .. } => self.made += 1,
            Operation::Drop { source } if matches!(answer, Answer::Count(_)) => {
                self.ledger.retain(|(of, _)| of != SOURCES[*source]);
                self.declare(SOURCES[*source], false);
            }
            _ => {}
        }
        self.snapshot = seen.newest;
        self.rows = shown(seen, seen.newest);
        self.history.insert(self.snapshot, self.rows.clone());
        Ok(())
    }

    // A snapshot never changes; it may only be refused once files were let go.
    fn check_history(&self, seen: &Seen) -> Result<(), String> {
        for (snapshot, source, found) in &seen.rows {
            let Some(before) = self.history.get(snapshot).filter(|_| *snapshot > 0) else { continue };
            let before = before.get(source).copied().unwrap_or(0);
            match found {
                Some(Err(())) if self.expires => {}
                Some(Ok((rows, _))) if *rows == before => {}
                None if before == 0 => {}
                other => {
                    return Err(format!(
                        "snapshot {snapshot} showed {before} rows of {source}, now {other:?}"
                    ));
                }
            }
        }
        Ok(())
    }

    fn check_newest(&self, operation: &Operation, answer: &Answer, seen: &Seen) -> Result<(), String> {
        let rows = shown(seen, seen.newest);
        let committed = matches!((operation, answer),
            (Operation::Commit { .. }, Answer::Run { snapshot, .. }) if *snapshot > self.snapshot);
        let expected = match operation {
            Operation::Drop { .. } | Operation::Retire | Operation::Compact { .. } => {
                if seen.newest < self.snapshot {
                    return Err(format!("snapshot {} comes after {}", seen.newest, self.snapshot));
                }
                seen.newest
            }
            _ => self.snapshot + u64::from(committed),
        };
        if seen.newest != expected {
            return Err(format!("the newest snapshot is {}, and not {expected}", seen.newest));
        }
        let mut expected = self.rows.clone();
        match operation {
            Operation::Commit { run, rows, .. } if committed => {
                let run = self.run(*run).expect("it was committed");
                let source = SOURCES.into_iter().find(|name| *name == run.source).expect("it has a source");
                let replaces = run.kind == pb::RunKind::Pull && source != "hooks";
                let before = if replaces { 0 } else { expected.get(source).copied().unwrap_or(0) };
                expected.insert(source, before + rows);
            }
            Operation::Drop { source } if matches!(answer, Answer::Count(_)) => {
                expected.insert(SOURCES[*source], 0);
            }
            Operation::Compact { between: Some(_), .. } => return Ok(()),
            _ => {}
        }
        expected.retain(|_, rows| *rows != 0);
        if rows == expected { Ok(()) } else { Err(format!("{rows:?} are visible, and not {expected:?}")) }
    }

    // Only some operations may move runs other than their own.
    fn learn_runs(&mut self, operation: &Operation, seen: &Seen) -> Result<(), String> {
        let own = match operation {
            Operation::Claim { run }
            | Operation::Commit { run, .. }
            | Operation::Repeat { run }
            | Operation::Fail { run, .. }
            | Operation::Cancel { run } => self.at(*run),
            _ => None,
        };
        let may_move_all = matches!(
            operation,
            Operation::Drop { .. }
                | Operation::Collect
                | Operation::Delete { .. }
                | Operation::Compact { .. }
        );
        for (at, (known, found)) in self.runs.iter_mut().zip(&seen.runs).enumerate() {
            let Some((state, epoch)) = *found else { return Err(format!("run {} is gone", known.run_id)) };
            if (known.state, known.epoch) != (state, epoch) && !may_move_all && own != Some(at) {
                return Err(format!("run {} moved to {state:?} at {epoch}", known.run_id));
            }
            if epoch < known.epoch {
                return Err(format!("the epoch of run {} fell to {epoch}", known.run_id));
            }
            (known.state, known.epoch) = (state, epoch);
        }
        Ok(())
    }

    fn declare(&mut self, source: &'static str, live: bool) {
        let known = self.sources.entry(source).or_insert((live, 0));
        if known.0 != live {
            *known = (live, known.1 + 1);
        }
    }

    fn create(&mut self, source: &'static str, answer: &Answer) {
        let Answer::All(parts) = answer else { return };
        if parts.last() == Some(&Answer::Count(1)) {
            self.add(source, pb::RunKind::Pull, pb::RunState::Queued, 0);
        }
    }

    fn batch(&mut self, source: &'static str, answer: &Answer) {
        if matches!(answer, Answer::Claimed { .. }) {
            self.add(source, pb::RunKind::Events, pb::RunState::Running, 1);
        }
    }

    fn add(&mut self, source: &'static str, kind: pb::RunKind, state: pb::RunState, epoch: u64) {
        let NewRun { run_id, .. } = new_run(format!("00000000-0000-7000-8000-{:012}", self.made), source);
        self.made += 1;
        self.runs.push(Known::new(run_id, source.to_owned(), kind, state, epoch, self.changes(source)));
    }

    fn commit(&mut self, run: usize, rows: i64, ids: &[u8], answer: &Answer) {
        let (Some(at), Answer::Run { snapshot, .. }) = (self.at(run), answer) else { return };
        let run = &mut self.runs[at];
        if *snapshot > self.snapshot {
            run.committed = Some((rows, ids.to_vec()));
            run.snapshot = *snapshot;
            let source = run.source.clone();
            self.ledger.extend(ids.iter().map(|id| (source.clone(), format!("e{id}"))));
        }
    }
}

// Rows by source, of those that have some.
fn shown(seen: &Seen, snapshot: u64) -> BTreeMap<&'static str, i64> {
    let of = seen.rows.iter().filter(|(at, ..)| *at == snapshot);
    of.filter_map(|(_, source, found)| match found {
        Some(Ok((rows, _))) if *rows != 0 => Some((*source, *rows)),
        _ => None,
    })
    .collect()
}
