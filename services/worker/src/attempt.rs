//! One claim of one run: everything that its steps need to know.

use std::{path::PathBuf, sync::Arc};

use rfe_model::{
    SourceSpec,
    backoff::Backoff,
    key,
    letter::{BadRecord, Stage as At},
    source::{MergeSpec, Mode},
    time,
};
use rfe_proto::{
    dlq::DeadLetter,
    ingest::JobKind,
    metadata::{ClaimRunRequest, ClaimRunResponse, DataFile, Run, SchemaVersion},
};
use rfe_queue::Leased;
use rfe_sources::{ReadContext, Source};
use tempfile::TempDir;

use crate::{
    expect,
    failure::{Failed, KIND_UNKNOWN, Stop},
    letters::Sender,
    memory::RunMemory,
    steps::Steps,
    worker::Worker,
};

/// One claim of one run.
#[derive(Debug)]
pub(crate) struct Attempt {
    pub worker: Arc<Worker>,
    pub leased: Arc<Leased>,
    pub steps: Steps,
    pub run: Run,
    pub spec: SourceSpec,
    pub schema: Option<SchemaVersion>,
    /// The letter that it replays, with its bytes.
    pub letter: Option<DeadLetter>,
    pub replay_raw: Option<Vec<u8>>,
    /// What a compaction makes few files of.
    pub inputs: Vec<DataFile>,
    /// Where the source's last committed run left off.
    pub cursor: Option<String>,
    /// What was read before.
    pub memory: Arc<RunMemory>,
    /// Attempts, this one and lost ones included.
    pub number: u32,
    scratch: TempDir,
}

/// What claiming brought.
#[derive(Debug)]
pub(crate) enum Claim {
    /// The run is ours.
    Ours(Box<Attempt>),
    /// It has ended.
    Ended(Box<Run>),
}

/// Claims the run of leased work.
pub(crate) async fn claim(worker: &Arc<Worker>, leased: &Arc<Leased>, steps: &Steps) -> Result<Claim, Stop> {
    let request = ClaimRunRequest {
        run_id: leased.lease.id.clone(),
        source: leased.source.clone(),
        // The kinds of jobs and runs have the same numbers.
        kind: leased.kind.into(),
        worker: worker.id.clone(),
    };
    let claimed = worker.runs().claim_run(request).await?.into_inner();
    let ClaimRunResponse { run, claimed, source, schema, letter, replay_raw, cursor, checkpoints, inputs } =
        claimed;
    let run = run.ok_or_else(|| Stop::Backend("ClaimRun answered without a run".to_owned()))?;
    if !claimed {
        return Ok(Claim::Ended(Box::new(run)));
    }
    let source = source.ok_or_else(|| Stop::Backend("ClaimRun answered without a source".to_owned()))?;
    let spec = SourceSpec::try_from(&source)
        .map_err(|why| Stop::Backend(format!("the registry holds an unreadable source: {why}")))?;
    let scratch = tempfile::Builder::new().prefix("run-").tempdir_in(&worker.config.scratch)?;
    let number = leased.attempts + leased.expired + 1;
    let (worker, leased) = (worker.clone(), leased.clone());
    let reads_once = spec.mode != Mode::Replace && reads_source(leased.kind, letter.as_ref());
    let memory = RunMemory::new(worker.clone(), &run.run_id, run.epoch, checkpoints, reads_once);
    Ok(Claim::Ours(Box::new(Attempt {
        worker,
        leased,
        steps: steps.clone(),
        run,
        spec,
        schema,
        letter,
        replay_raw,
        inputs,
        cursor: cursor.filter(|_| reads_once),
        memory: Arc::new(memory),
        number,
        scratch,
    })))
}

fn reads_source(kind: JobKind, letter: Option<&DeadLetter>) -> bool {
    match kind {
        JobKind::Pull => true,
        JobKind::Replay => letter.is_some_and(|letter| letter.kind != "record"),
        JobKind::Unspecified | JobKind::Events | JobKind::Backfill | JobKind::Compaction => false,
    }
}

impl Attempt {
    /// The kind of its source.
    pub fn kind(&self) -> Result<Arc<dyn Source>, Stop> {
        let kind = self.worker.kinds.get(&self.spec.kind);
        kind.ok_or_else(|| {
            let message = format!("this build reads no sources of kind `{}`", self.spec.kind);
            Failed::permanent(At::Read, KIND_UNKNOWN, message).into()
        })
    }

    /// What reading may use.
    pub fn read_context(&self) -> ReadContext {
        let config = &self.worker.config;
        ReadContext {
            run_id: self.run.run_id.clone(),
            expected: expect::of_attempt(self),
            roots: config.roots.clone(),
            allow_private_hosts: config.allow_private_hosts.clone(),
            s3: config.s3.clone().map(Arc::new),
            secrets: self.worker.secrets.clone(),
            scratch: self.scratch(),
            chunk_bytes: config.chunk_bytes,
            cursor: self.cursor.clone(),
            memory: self.memory.clone(),
        }
    }

    /// How its failed attempts are repeated.
    pub fn backoff(&self) -> Backoff {
        let default = self.worker.config.backoff;
        // How often a source may be asked is no matter of its files.
        if self.is_compaction() { default } else { self.spec.retry.backoff(default) }
    }

    /// A folder that lives as long as the attempt.
    pub fn scratch(&self) -> PathBuf {
        self.scratch.path().to_owned()
    }

    /// When the run was made.
    pub fn created(&self) -> jiff::Timestamp {
        self.run.created_time.as_ref().and_then(time::from_proto).unwrap_or_else(jiff::Timestamp::now)
    }

    /// In whose name its letters are written.
    pub fn sender(&self) -> Sender {
        Sender {
            source: self.spec.name.clone(),
            run_id: self.run.run_id.clone(),
            attempt: self.number,
            schema_version: self.schema.as_ref().map_or(0, |schema| schema.version),
        }
    }

    /// True if it reads the source as its jobs do, and so remembers for the next one what it has read.
    pub fn reads_source(&self) -> bool {
        reads_source(self.leased.kind, self.letter.as_ref())
    }

    /// How its rows are merged, in mode `merge`.
    pub fn merge(&self) -> Option<&MergeSpec> {
        self.spec.merge.as_ref().filter(|_| self.spec.mode == Mode::Merge)
    }

    /// Where the run's checkpoints lie.
    pub fn checkpoints(&self) -> String {
        key::checkpoints(&self.spec.name, self.created(), &self.run.run_id)
    }

    /// True if the policy leaves a record out because it does not fit the dataset's columns. What is replayed is never left
    /// out: its letter stays open.
    pub fn discards(&self, bad: &BadRecord) -> bool {
        expect::discards(&self.spec, bad) && !self.is_record_replay()
    }

    /// True if it makes few files of many.
    pub fn is_compaction(&self) -> bool {
        self.leased.kind == JobKind::Compaction
    }

    /// True if it lands one record of a letter.
    pub fn is_record_replay(&self) -> bool {
        self.leased.kind == JobKind::Replay
            && self.letter.as_ref().is_some_and(|letter| letter.kind == "record")
    }
}
