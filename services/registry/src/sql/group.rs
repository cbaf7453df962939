//! Commits that come at the same time share a transaction, and so one wait for the disk. Each has a savepoint and a snapshot of
//! its own: one that is refused leaves the others alone.

use std::sync::{Arc, Mutex, PoisonError};

use rfe_proto::metadata as pb;
use sqlx::Connection as _;
use tokio::sync::oneshot;

use super::{
    again::{again, is_conflict},
    commit,
    driver::{Connection, Registry},
    hold, run,
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

    // Those that came first, without the ones whose callers have gone.
    fn take(&self) -> Vec<Waiting> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.retain(|one| !one.reply.is_closed());
        let mut items = 0;
        let fits = |one: &&Waiting| {
            items += size(&one.commit);
            items <= ITEMS
        };
        let some = waiting.iter().take(COMMITS).take_while(fits).count();
        let some = some.max(1).min(waiting.len());
        waiting.drain(..some).collect()
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
    let mut transaction = registry.write().await?;
    let mut run_ids: Vec<&str> = commits.iter().map(|commit| commit.run_id.as_str()).collect();
    run_ids.sort_unstable();
    run_ids.dedup();
    hold::runs(&mut transaction, &run_ids).await?;
    let answers = each(&mut transaction, commits).await?;
    // Dropped, a transaction leaves nothing behind.
    if answers.iter().any(leaves_something) {
        transaction.commit().await?;
    }
    Ok(answers)
}

async fn each(connection: &mut Connection, commits: &[Commit]) -> Result<Vec<Result<pb::Run>>> {
    let mut answers = Vec::with_capacity(commits.len());
    for commit in commits {
        let answer = match commits.len() {
            1 => decide(connection, commit).await,
            _ => apart(connection, commit).await?,
        };
        match answer {
            // Only the whole can be tried again: what one commit holds, another may wait for.
            Err(error) if is_conflict(&error) => return Err(error),
            answer => answers.push(answer),
        }
    }
    Ok(answers)
}

// One of several: what it did is undone if it is refused.
async fn apart(connection: &mut Connection, commit: &Commit) -> Result<Result<pb::Run>> {
    let mut savepoint = connection.begin().await?;
    let answer = decide(&mut savepoint, commit).await;
    match &answer {
        answer if leaves_something(answer) => savepoint.commit().await?,
        Err(error) if is_conflict(error) => {}
        _ => savepoint.rollback().await?,
    }
    Ok(answer)
}

async fn decide(connection: &mut Connection, commit: &Commit) -> Result<pb::Run> {
    let answer = commit::commit(connection, commit).await;
    if matches!(answer, Err(RegistryError::InputsChanged { .. })) {
        // Nothing was written so far. The next compaction reads what is visible then.
        run::end_as_cancelled(connection, &commit.run_id).await?;
    }
    answer
}

fn leaves_something(answer: &Result<pb::Run>) -> bool {
    matches!(answer, Ok(_) | Err(RegistryError::InputsChanged { .. }))
}
