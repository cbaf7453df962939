//! Commits that come at the same time share a transaction, and so one wait for the disk. Each has a snapshot of its own, and one that is
//! refused leaves the others alone.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};

use rfe_proto::metadata as pb;
use sqlx::Connection as _;
use tokio::sync::oneshot;

use super::{
    again::{again, is_conflict},
    commit,
    driver::{Connection, Registry},
    held_snapshot, move_snapshot, run,
};
use crate::{Commit, RegistryError, Result};

/// A group has at most so many commits,
const COMMITS: usize = 64;
/// and so many files, events and letters, unless a single commit has more.
const ITEMS: usize = 50_000;

/// The commits of one registry that wait for their turn. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Group {
    waiting: Arc<Mutex<Vec<Waiting>>>,
    turn: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Debug)]
struct Waiting {
    commit: Commit,
    reply: oneshot::Sender<Result<pb::Run>>,
}

impl Group {
    fn put(&self, one: Waiting) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).push(one);
    }

    // Those that came first, without the ones whose callers have gone. A run's second commit waits for what becomes of the first.
    fn take(&self) -> Vec<Waiting> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut taken, mut left) = (Vec::new(), Vec::new());
        let (mut runs, mut items) = (HashSet::new(), 0);
        for one in waiting.drain(..).filter(|one| !one.reply.is_closed()) {
            items += size(&one.commit);
            let fits = taken.is_empty() || taken.len() < COMMITS && items <= ITEMS;
            let is_first = runs.insert(one.commit.run_id.clone());
            if fits && is_first { taken.push(one) } else { left.push(one) }
        }
        *waiting = left;
        taken
    }
}

fn size(commit: &Commit) -> usize {
    commit.files.len() + commit.event_ids.len() + commit.letters.len() + commit.files_read.len()
}

/// Commits, together with those that wait at the same time.
pub(super) async fn commit(registry: &Registry, commit: &Commit) -> Result<pb::Run> {
    let (reply, answer) = oneshot::channel();
    registry.group.put(Waiting { commit: commit.clone(), reply });
    // A task of its own: a caller that goes away midway must not break off what others wait for. There are as many tasks as
    // commits, so that each commit has its turn whatever becomes of the tasks before.
    let registry = registry.clone();
    tokio::spawn(async move {
        let _turn = registry.group.turn.lock().await;
        settle(&registry, registry.group.take()).await;
    });
    answer.await.unwrap_or_else(|_| Err(RegistryError::Store("the commit was broken off".into())))
}

async fn settle(registry: &Registry, group: Vec<Waiting>) {
    if group.is_empty() {
        return;
    }
    let (commits, replies): (Vec<Commit>, Vec<_>) =
        group.into_iter().map(|one| (one.commit, one.reply)).unzip();
    let answers =
        again(|| together(registry, &commits)).await.unwrap_or_else(|error| all(&error, commits.len()));
    for (reply, answer) in replies.into_iter().zip(answers) {
        // Who has gone meanwhile asks again.
        let _gone = reply.send(answer);
    }
}

// What became of the transaction is not known, or it did not happen: the same holds for all of its commits.
fn all(error: &RegistryError, commits: usize) -> Vec<Result<pb::Run>> {
    let text = match error {
        RegistryError::Store(source) => source.to_string(),
        other => other.to_string(),
    };
    (0..commits).map(|_| Err(RegistryError::Store(text.clone().into()))).collect()
}

async fn together(registry: &Registry, commits: &[Commit]) -> Result<Vec<Result<pb::Run>>> {
    match attempt(registry, commits, Care::Alike).await? {
        Some(answers) => Ok(answers),
        // It happens seldom, so that most are spared the savepoints.
        None => Ok(attempt(registry, commits, Care::Apart).await?.unwrap_or_default()),
    }
}

/// How several commits go together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Care {
    /// All or none.
    Alike,
    /// Each in a savepoint.
    Apart,
}

// `None`: one of several is refused, and the transaction with it.
async fn attempt(
    registry: &Registry,
    commits: &[Commit],
    care: Care,
) -> Result<Option<Vec<Result<pb::Run>>>> {
    let mut transaction = registry.write().await?;
    let mut run_ids: Vec<&str> = commits.iter().map(|commit| commit.run_id.as_str()).collect();
    run_ids.sort_unstable();
    let mut runs = run::held(&mut transaction, &run_ids).await?;
    let before = held_snapshot(&mut transaction).await?;
    let mut snapshot = before;
    let mut answers = Vec::with_capacity(commits.len());
    for commit in commits {
        let found = runs.remove(&commit.run_id);
        let answer = match care {
            Care::Alike => decide(&mut transaction, found, commit, &mut snapshot).await,
            Care::Apart => apart(&mut transaction, found, commit, &mut snapshot).await?,
        };
        match answer {
            // Only the whole can be tried again: what one commit holds, another may wait for.
            Err(error) if is_conflict(&error) => return Err(error),
            Err(_) if care == Care::Alike && commits.len() > 1 => return Ok(None),
            answer => answers.push(answer),
        }
    }
    if snapshot > before {
        move_snapshot(&mut transaction, snapshot).await?;
    }
    // Dropped, a transaction leaves nothing behind.
    if answers.iter().any(leaves_something) {
        transaction.commit().await?;
    }
    Ok(Some(answers))
}

// One of several: what it did is undone if it is refused.
async fn apart(
    connection: &mut Connection,
    found: Option<pb::Run>,
    commit: &Commit,
    snapshot: &mut i64,
) -> Result<Result<pb::Run>> {
    let mut savepoint = connection.begin().await?;
    let answer = decide(&mut savepoint, found, commit, snapshot).await;
    match &answer {
        answer if leaves_something(answer) => savepoint.commit().await?,
        Err(error) if is_conflict(error) => {}
        _ => savepoint.rollback().await?,
    }
    Ok(answer)
}

async fn decide(
    connection: &mut Connection,
    found: Option<pb::Run>,
    commit: &Commit,
    snapshot: &mut i64,
) -> Result<pb::Run> {
    let found = found.ok_or_else(|| RegistryError::NotFound { what: "run", id: commit.run_id.clone() })?;
    let answer = commit::commit(connection, found, commit, snapshot).await;
    if matches!(answer, Err(RegistryError::InputsChanged { .. })) {
        // Nothing was written so far. The next compaction reads what is visible then.
        run::end_as_cancelled(connection, &commit.run_id).await?;
    }
    answer
}

fn leaves_something(answer: &Result<pb::Run>) -> bool {
    matches!(answer, Ok(_) | Err(RegistryError::InputsChanged { .. }))
}
