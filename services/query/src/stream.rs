//! A running statement: one thread and one session produce, a bounded channel carries, and the client consumes.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::{Duration, Instant},
};

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use arrow_select::concat::concat_batches;
use futures::Stream;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio_util::sync::DropGuard;

use crate::{
    access::Held,
    duck::Rows,
    engine::{Attached, Engine},
    error::QueryError,
    parameters::Parameters,
    running::Entry,
    statements::Binding,
    stop::Stop,
};

const BATCH_ROWS: usize = 64 << 10;
const BATCH_BYTES: usize = 1 << 20;
const BATCH_AGE: Duration = Duration::from_millis(50);
const BATCHES_ON_THE_WAY: usize = 4;

/// What a thread needs to run a statement.
pub struct Job {
    /// The engine, for its errors.
    pub engine: Arc<Engine>,
    /// The views.
    pub attached: Arc<Attached>,
    /// The files that the views read; the engine opens them as it goes.
    pub held: Held,
    /// The text.
    pub sql: String,
    /// Values to bind.
    pub parameters: Parameters,
    /// How long binding takes.
    pub binding: Binding,
    /// What ends it.
    pub stop: Stop,
    /// Its place among the running ones, kept until the thread ends.
    pub place: (OwnedSemaphorePermit, Entry),
}

/// Batches of a running statement. Dropping it ends the statement.
pub struct Batches {
    /// The columns.
    pub schema: SchemaRef,
    receiver: mpsc::Receiver<Vec<RecordBatch>>,
    outcome: Outcome,
    _guard: DropGuard,
}

// Set before the channel closes; a channel that closes without one is a defect, never an end.
type Outcome = Arc<Mutex<Option<Result<(), QueryError>>>>;

impl std::fmt::Debug for Batches {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Batches").field("schema", &self.schema).finish_non_exhaustive()
    }
}

/// Begins to run a statement; resolves when its columns are known.
pub async fn start(job: Job, guard: DropGuard) -> Result<Batches, QueryError> {
    let (started, columns) = oneshot::channel();
    let (sender, receiver) = mpsc::channel(BATCHES_ON_THE_WAY);
    let outcome = Outcome::default();
    let ended = Arc::clone(&outcome);
    let handle = tokio::runtime::Handle::current();
    crate::engine::spawn("query", move || {
        let sink = Sink {
            sender,
            stop: job.stop.clone(),
            handle,
            rows: Vec::new(),
            count: 0,
            bytes: 0,
            since: Instant::now(),
        };
        let _done = job.stop.done_when_dropped();
        run(&job, started, sink, &ended);
        // Given back only now: a statement that can't be interrupted keeps its files and its place.
        drop(job.held);
        drop(job.place);
    })?;
    match columns.await {
        Ok(schema) => Ok(Batches { schema, receiver, outcome, _guard: guard }),
        Err(_) => Err(told(&outcome).and_then(Result::err).unwrap_or_else(unfinished)),
    }
}

// The sink is dropped only after the outcome is set, so whoever sees the channel closed sees the outcome.
fn run(job: &Job, started: oneshot::Sender<SchemaRef>, mut sink: Sink, outcome: &Outcome) {
    let mut started = Some(started);
    let result = produce(job, &mut started, &mut sink).map_err(|error| job.stop.explain(error));
    if let Err(QueryError::Lake(_) | QueryError::Internal(_)) = result {
        job.held.doubt();
    }
    *outcome.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
}

fn produce(
    job: &Job,
    started: &mut Option<oneshot::Sender<SchemaRef>>,
    sink: &mut Sink,
) -> Result<(), QueryError> {
    let failed = |error| job.engine.failed(&error);
    let session = job.attached.session().map_err(failed)?;
    job.stop.reaches(session.interrupt());
    job.stop.check()?;
    let prepared = session.prepare(&job.sql).map_err(failed)?;
    job.binding.done();
    job.parameters.bind(&prepared).map_err(|error| error.read(&job.engine))?;
    job.stop.check()?;
    let mut rows = prepared.stream().map_err(failed)?;
    if let Some(started) = started.take() {
        // A caller that is gone has dropped the guard, which the next check sees.
        let _gone = started.send(rows.schema());
    }
    pump(job, &mut rows, sink)
}

fn pump(job: &Job, rows: &mut Rows<'_>, sink: &mut Sink) -> Result<(), QueryError> {
    loop {
        job.stop.check()?;
        match rows.next().map_err(|error| job.engine.failed(&error))? {
            Some(chunk) => sink.take(chunk)?,
            None => return sink.flush(),
        }
    }
}

struct Sink {
    sender: mpsc::Sender<Vec<RecordBatch>>,
    stop: Stop,
    handle: tokio::runtime::Handle,
    rows: Vec<RecordBatch>,
    count: usize,
    bytes: usize,
    since: Instant,
}

impl Sink {
    fn take(&mut self, chunk: RecordBatch) -> Result<(), QueryError> {
        self.count += chunk.num_rows();
        self.bytes += chunk.get_array_memory_size();
        self.rows.push(chunk);
        if self.count >= BATCH_ROWS || self.bytes >= BATCH_BYTES || self.since.elapsed() >= BATCH_AGE {
            return self.flush();
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), QueryError> {
        self.since = Instant::now();
        let rows = std::mem::take(&mut self.rows);
        (self.count, self.bytes) = (0, 0);
        if rows.is_empty() {
            return Ok(());
        }
        let (sender, stop) = (&self.sender, &self.stop);
        self.handle.block_on(async {
            tokio::select! {
                sent = sender.send(rows) => sent.map_err(|_| QueryError::Cancelled),
                () = stop.ended() => Err(QueryError::Cancelled),
            }
        })
    }
}

impl Stream for Batches {
    type Item = Result<RecordBatch, QueryError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match self.receiver.poll_recv(context) {
            Poll::Pending => Poll::Pending,
            // Put together here, where another thread than the engine's has time for it.
            Poll::Ready(Some(rows)) => Poll::Ready(Some(
                concat_batches(&self.schema, &rows)
                    .map_err(|error| QueryError::Internal(format!("batches of one result: {error}"))),
            )),
            Poll::Ready(None) => Poll::Ready(match told(&self.outcome) {
                Some(Ok(())) => None,
                Some(Err(error)) => Some(Err(error)),
                None => Some(Err(unfinished())),
            }),
        }
    }
}

fn told(outcome: &Outcome) -> Option<Result<(), QueryError>> {
    outcome.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

fn unfinished() -> QueryError {
    QueryError::Internal("the query thread ended without an outcome".to_owned())
}
