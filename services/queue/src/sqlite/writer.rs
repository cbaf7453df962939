//! The one task that writes. Calls that arrive while a transaction is being made durable share the next one, and its fsync;
//! each is answered after COMMIT. A call that fails is rolled back to its savepoint and costs the others nothing.

use std::{path::PathBuf, sync::Arc, time::Duration};

use async_trait::async_trait;
use sqlx::{Connection as _, Executor as _, SqliteConnection};
use tokio::sync::{mpsc, oneshot, watch};

use super::{
    dedupe::Dedupe,
    prune, store,
    tx::{Limits, Totals, Tx},
};
use crate::QueueError;

const MAX_GROUP: usize = 256;
const PRUNE_EVERY: Duration = Duration::from_secs(10);

/// One change of the queue's state, within a transaction.
pub trait Transition: std::fmt::Debug + Send + 'static {
    /// What the caller learns.
    type Output: Send + 'static;

    /// Makes the change.
    fn apply(self, tx: &mut Tx<'_>) -> impl Future<Output = Result<Self::Output, QueueError>> + Send;
}

/// The way to the task. The task ends with the last of these.
#[derive(Debug, Clone)]
pub struct Writer {
    calls: mpsc::UnboundedSender<Message>,
    changes: watch::Receiver<()>,
}

/// A way to the task that does not keep it alive.
#[derive(Debug, Clone)]
pub struct WeakWriter(mpsc::WeakUnboundedSender<Message>);

#[derive(Debug)]
enum Message {
    Call(Box<dyn AnyCall>),
    Close(oneshot::Sender<()>),
}

// === impl Writer ===

impl Writer {
    /// Opens the file and starts the task.
    pub async fn start(path: PathBuf, limits: Limits, dedupe: Dedupe) -> Result<Self, QueueError> {
        // Unbounded: every call waits for its answer, so there are no more of them than callers.
        let (calls, inbox) = mpsc::unbounded_channel();
        let (changed, changes) = watch::channel(());
        let weak = WeakWriter(calls.downgrade());
        let mut task =
            Task { path, limits, dedupe, db: None, inbox, changed, weak, eager: i64::MAX, pruned: i64::MIN };
        task.connect().await?;
        tokio::spawn(task.run());
        Ok(Self { calls, changes })
    }

    /// Makes a transition durable.
    pub async fn run<T: Transition>(&self, transition: T) -> Result<T::Output, QueueError> {
        let (reply, answer) = oneshot::channel();
        let call = Call { transition: Some(transition), outcome: None, reply: Some(reply) };
        self.calls.send(Message::Call(Box::new(call))).map_err(|_| ended())?;
        answer.await.map_err(|_| ended())?
    }

    /// Changes whenever work may have become ready.
    pub fn changes(&self) -> watch::Receiver<()> {
        self.changes.clone()
    }

    /// Finishes what was sent before and closes the file.
    pub async fn close(&self) {
        let (reply, closed) = oneshot::channel();
        if self.calls.send(Message::Close(reply)).is_ok() {
            let _closed_either_way = closed.await;
        }
    }
}

impl WeakWriter {
    /// Makes a transition whose outcome nobody waits for, if the queue is still open.
    pub fn post<T: Transition>(&self, transition: T) {
        if let Some(calls) = self.0.upgrade() {
            let call = Call { transition: Some(transition), outcome: None, reply: None };
            let _queue_is_open = calls.send(Message::Call(Box::new(call)));
        }
    }
}

/// The queue was closed, or its task died.
pub fn ended() -> QueueError {
    QueueError::Store("the queue is closed".into())
}

// === impl Call ===

#[derive(Debug)]
struct Call<T: Transition> {
    transition: Option<T>,
    outcome: Option<Result<T::Output, QueueError>>,
    reply: Option<oneshot::Sender<Result<T::Output, QueueError>>>,
}

#[async_trait]
trait AnyCall: Send {
    /// True if it changed something that shall stay.
    async fn apply(&mut self, tx: &mut Tx<'_>) -> bool;
    fn answer(self: Box<Self>, fate: Result<(), CommitError>);
}

impl std::fmt::Debug for dyn AnyCall {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AnyCall")
    }
}

#[derive(Debug, Clone, thiserror::Error)]
#[error("the transaction of the call was rolled back: {0}")]
struct CommitError(Arc<QueueError>);

#[async_trait]
impl<T: Transition> AnyCall for Call<T> {
    async fn apply(&mut self, tx: &mut Tx<'_>) -> bool {
        let Some(transition) = self.transition.take() else { return false };
        let outcome = transition.apply(tx).await;
        let stays = outcome.is_ok();
        self.outcome = Some(outcome);
        stays
    }

    fn answer(mut self: Box<Self>, fate: Result<(), CommitError>) {
        let outcome = match (self.outcome.take(), fate) {
            (Some(Err(own)), _) => Err(own),
            (Some(Ok(output)), Ok(())) => Ok(output),
            (_, Err(error)) => Err(QueueError::Store(Box::new(error))),
            (None, Ok(())) => return,
        };
        if let Some(reply) = self.reply.take() {
            let _caller_may_be_gone = reply.send(outcome);
        }
    }
}

// === impl Task ===

struct Task {
    path: PathBuf,
    limits: Limits,
    dedupe: Dedupe,
    db: Option<SqliteConnection>,
    inbox: mpsc::UnboundedReceiver<Message>,
    changed: watch::Sender<()>,
    weak: WeakWriter,
    eager: i64,
    pruned: i64,
}

impl Task {
    async fn run(mut self) {
        let mut closing = None;
        while let Some(first) = self.inbox.recv().await {
            let mut group = Vec::new();
            let mut next = Some(first);
            while let Some(message) = next.take() {
                match message {
                    Message::Call(call) => group.push(call),
                    Message::Close(reply) => closing = Some(reply),
                }
                if group.len() < MAX_GROUP && closing.is_none() {
                    next = self.inbox.try_recv().ok();
                }
            }
            self.serve(group).await;
            if closing.is_some() {
                break;
            }
        }
        if let Some(db) = self.db.take()
            && let Err(error) = db.close().await
        {
            tracing::warn!(%error, "the queue's file did not close cleanly");
        }
        drop(closing);
    }

    async fn serve(&mut self, mut group: Vec<Box<dyn AnyCall>>) {
        let fate = self.transact(&mut group).await;
        let fate = match fate {
            Ok(wake) => {
                self.dedupe.commit();
                if wake {
                    self.changed.send_replace(());
                }
                Ok(())
            }
            Err(error) => {
                // What the connection holds is uncertain now: the next group begins on a new one.
                self.dedupe.roll_back(0);
                self.db = None;
                Err(CommitError(Arc::new(error)))
            }
        };
        for call in group {
            call.answer(fate.clone());
        }
    }

    async fn connect(&mut self) -> Result<(), QueueError> {
        if self.db.is_none() {
            let mut db = store::open_writer(&self.path).await?;
            self.dedupe.load(&mut db, rfe_model::time::now_micros()).await?;
            self.db = Some(db);
        }
        Ok(())
    }

    async fn transact(&mut self, group: &mut [Box<dyn AnyCall>]) -> Result<bool, QueueError> {
        self.connect().await?;
        let Some(db) = self.db.as_mut() else { return Err(ended()) };
        let now = rfe_model::time::now_micros();
        db.execute("BEGIN IMMEDIATE").await?;
        self.dedupe.expire(now);
        let totals = Totals::load(db).await?;
        let mut tx = Tx {
            db,
            dedupe: &mut self.dedupe,
            limits: self.limits,
            totals,
            now,
            wake: false,
            eager: &mut self.eager,
            writer: &self.weak,
        };
        for call in group {
            apply_one(call.as_mut(), &mut tx).await?;
        }
        if now.saturating_sub(self.pruned) > PRUNE_EVERY.as_micros() as i64 {
            prune::prune(&mut tx).await?;
            self.pruned = now;
        }
        let wake = tx.wake;
        tx.db.execute("COMMIT").await?;
        Ok(wake)
    }
}

async fn apply_one(call: &mut dyn AnyCall, tx: &mut Tx<'_>) -> Result<(), QueueError> {
    let (totals, wake, staged) = (tx.totals, tx.wake, tx.dedupe.staged());
    tx.db.execute("SAVEPOINT call").await?;
    if call.apply(tx).await {
        tx.db.execute("RELEASE call").await?;
    } else {
        // Some errors of SQLite end the whole transaction; then this fails as well, and with it the group.
        tx.db.execute("ROLLBACK TO call; RELEASE call").await?;
        tx.dedupe.roll_back(staged);
        (tx.totals, tx.wake) = (totals, wake);
    }
    Ok(())
}
