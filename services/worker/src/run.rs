//! The life of leased work: claim, read, settle, write, put, commit.

use std::{
    collections::HashSet,
    sync::Arc,
};

use rfe_model::{letter::Stage as At, source::BadRowPolicy, time};
use rfe_proto::{
    ingest::JobKind,
    metadata::{CommitRunRequest, Layer, RunCounters, SchemaVersion},
};
use rfe_queue::Leased;
use rfe_sources::Chunk;

use crate::{
    attempt::{Attempt, Claim, claim},
    batch,
    commit::{Committed, commit},
    end::{End, of_ended, of_stopped, of_unclaimed},
    failure::{Failed, Stop, TOO_MANY_BAD_ROWS, WORKER_LOST, busy},
    land::Landed,
    letters::Letters,
    parts::{Limits, Parts},
    processed::{Origin, Projection},
    progress::Progress,
    pull::{self, Chunks},
    raw::Raw,
    replay, schema,
    spool::Spool,
    stage::{Ids, Stage, without},
    worker::Worker,
};

/// Does leased work, and says what the queue shall do with it.
pub(crate) async fn run(worker: &Arc<Worker>, leased: &Arc<Leased>, progress: &Progress) -> End {
    worker.crash.pass("after_lease");
    let attempt = match claim(worker, leased).await {
        Ok(Claim::Ours(attempt)) => attempt,
        Ok(Claim::Ended(run)) => return of_ended(&run, leased),
        Err(stop) => {
            tracing::warn!(run = leased.lease.id, source = leased.source, reason = %stop, "the run could not be claimed");
            return of_unclaimed(&stop);
        }
    };
    worker.crash.pass("after_claim");
    let mut landing = Landing::new(&attempt, progress.clone());
    let done = match lost_too_often(&attempt) {
        Some(failed) => Err(failed.into()),
        None => landing.land().await,
    };
    let counters = landing.counters;
    match done {
        Ok(()) => End::Complete,
        Err(stop) => of_stopped(&attempt, stop, counters).await,
    }
}

// Work that kills its workers: a batch is split after the second, a job gives up with its attempts.
fn lost_too_often(attempt: &Attempt) -> Option<Failed> {
    let limit = if attempt.leased.kind == JobKind::Events { 2 } else { attempt.backoff().attempts };
    let lost = attempt.leased.expired;
    let burnt = if attempt.leased.kind == JobKind::Events { lost } else { attempt.leased.attempts + lost };
    (lost > 0 && burnt >= limit).then(|| {
        Failed::permanent(At::Write, WORKER_LOST, format!("{lost} workers died or froze over it"))
    })
}

/// The steps of one attempt.
struct Landing<'a> {
    attempt: &'a Attempt,
    progress: Progress,
    landed: Landed,
    counters: RunCounters,
}

impl<'a> Landing<'a> {
    fn new(attempt: &'a Attempt, progress: Progress) -> Self {
        let landed = Landed::new(&attempt.spec.name, &attempt.run.run_id, attempt.run.epoch, attempt.created());
        Self { attempt, progress, landed, counters: RunCounters::default() }
    }

    async fn land(&mut self) -> Result<(), Stop> {
        let mut letters = Letters::default();
        let mut stage = self.read(&mut letters).await?;
        let crash = &self.attempt.worker.crash;
        crash.pass("after_read");
        let rows = (self.counters.read - self.counters.dead) as u64 - stage.repeated;
        let schema = schema::settle(self.attempt, &stage.observed, rows).await?;
        crash.pass("after_schema");
        let letters = letters.store(self.attempt.worker.lake.as_ref()).await?;
        crash.pass("after_letters");
        let mut known = HashSet::new();
        loop {
            stage = self.write(stage, &schema, &known).await?;
            let request = self.commit_request(&stage, &schema, &known, letters.clone())?;
            crash.pass("before_commit");
            match commit(self.attempt, &request).await? {
                Committed::Done(_) => break,
                Committed::Duplicates(ids) => note_duplicates(&mut known, ids)?,
            }
            self.landed.forget();
        }
        crash.pass("after_commit");
        self.attempt.worker.metrics.landed(self.counters.landed, self.counters.dead);
        Ok(())
    }

    // Pass 1.
    async fn read(&mut self, letters: &mut Letters) -> Result<Stage, Stop> {
        let mut chunks = self.chunks().await?;
        let mut stage = self.stage();
        while let Some(chunk) = chunks.next().await? {
            let chunk = self.count(chunk, letters).await?;
            stage = busy(At::Decode, move || {
                stage.take(chunk)?;
                Ok(stage)
            })
            .await?;
            let lake = self.attempt.worker.lake.as_ref();
            self.landed.put(lake, Layer::Raw, stage.raw.take_closed()).await?;
            self.attempt.worker.crash.pass("after_chunk");
        }
        // The share of bad records is known only at the end.
        self.check_bad(letters, self.counters.read as u64)?;
        Ok(stage)
    }

    async fn chunks(&self) -> Result<Chunks, Stop> {
        match (&self.attempt.leased.kind, &self.attempt.letter) {
            (JobKind::Events, _) => batch::decode(self.attempt).await,
            (JobKind::Replay, Some(letter)) if letter.kind == "record" => replay::decode(self.attempt, letter).await,
            _ => pull::open(self.attempt).await,
        }
    }

    fn stage(&self) -> Stage {
        let attempt = self.attempt;
        let (folder, config) = (attempt.scratch(), &attempt.worker.config);
        let events = attempt.spec.takes_events();
        let ids = match &attempt.letter {
            _ if events => Ids::Events(HashSet::new()),
            Some(letter) if attempt.is_record_replay() => Ids::Whole(replay::ledger_id(letter)),
            _ => Ids::None,
        };
        let parts = Parts::new(&folder, "raw", Limits::from(config));
        let raw = match ids {
            Ids::None => Raw::Streamed(parts),
            _ => Raw::Held(Spool::new(&folder, "raw", config.staged_bytes / 2), parts),
        };
        let fields = Spool::new(&folder, "fields", config.staged_bytes);
        Stage { observed: Default::default(), fields, raw, ids, events, repeated: 0, run_id: attempt.run.run_id.clone() }
    }

    // Takes the bad records out, and counts.
    async fn count(&mut self, mut chunk: Chunk, letters: &mut Letters) -> Result<Chunk, Stop> {
        let accounted = (chunk.rows() + chunk.bad.len()) as u64;
        if chunk.read != accounted {
            let message = format!("a chunk says it read {} records and holds {accounted}", chunk.read);
            return Err(Failed::permanent(At::Read, rfe_model::fault::reason::COUNTERS_UNBALANCED, message).into());
        }
        self.counters.read += chunk.read as i64;
        self.counters.bytes_read += chunk.bytes_read as i64;
        self.counters.bytes_total = self.counters.bytes_total.max(chunk.bytes_total as i64);
        let bad = std::mem::take(&mut chunk.bad);
        letters.take(self.attempt.worker.lake.as_ref(), &self.attempt.sender(), bad).await?;
        self.counters.dead = letters.count() as i64;
        self.progress.note(&self.attempt.run.run_id, self.attempt.run.epoch, self.counters);
        // Of endlessly many none is a large share: only the count is checked on the way.
        self.check_bad(letters, u64::MAX)?;
        Ok(chunk)
    }

    // An event was accepted and can't be refused any more: it lands or becomes a letter.
    fn check_bad(&self, letters: &Letters, read: u64) -> Result<(), Stop> {
        let policy = self.attempt.spec.on_bad_row;
        if self.attempt.leased.kind == JobKind::Events || !policy.is_exceeded(letters.count(), read) {
            return Ok(());
        }
        let first = letters.first().map(|letter| {
            let at = letter.position.clone().unwrap_or_default();
            format!("{}:{}: {}", at.file, at.line.max(at.record), letter.message)
        });
        let (bad, read, first) = (letters.count(), self.counters.read, first.unwrap_or_default());
        let rule = match policy {
            BadRowPolicy::Fail => "on_bad_row is `fail`".to_owned(),
            BadRowPolicy::Quarantine { max_rows, max_share } => format!("on_bad_row allows {max_rows} and a share of {max_share}"),
        };
        let message = format!("{bad} of {read} records are bad and {rule}; the first: {first}");
        Err(Failed::permanent(At::Validate, TOO_MANY_BAD_ROWS, message).into())
    }

    // Pass 2.
    async fn write(&mut self, stage: Stage, schema: &SchemaVersion, known: &HashSet<String>) -> Result<Stage, Stop> {
        let attempt = self.attempt;
        let origin = Origin {
            source: &attempt.spec.name,
            run_id: &attempt.run.run_id,
            ingested_micros: time::now_micros(),
            events: stage.events,
        };
        let projection = Projection::new(schema, &stage.observed, &origin)?;
        let mut parts = Parts::new(&attempt.scratch(), "processed", Limits::from(&attempt.worker.config));
        let known = known.clone();
        let (mut stage, mut parts, rows) = busy(At::Write, move || {
            let mut stage = stage;
            let ids = &stage.ids;
            stage.raw.finish(&stage.run_id, |frame| without(frame, ids, &known))?;
            let mut rows = 0;
            for frame in stage.fields.frames() {
                let frame = without(frame?, &stage.ids, &known)?;
                if frame.height() > 0 {
                    rows += frame.height();
                    let (fields, frame) = projection.project(&frame)?;
                    parts.write(&fields, frame)?;
                }
            }
            parts.close()?;
            Ok((stage, parts, rows))
        })
        .await?;
        attempt.worker.crash.pass("after_write");
        let lake = attempt.worker.lake.as_ref();
        self.landed.put(lake, Layer::Raw, stage.raw.take_closed()).await?;
        attempt.worker.crash.pass("after_put_raw");
        self.landed.put(lake, Layer::Processed, parts.take_closed()).await?;
        attempt.worker.crash.pass("after_put");
        self.counters.landed = rows as i64;
        Ok(stage)
    }

    fn commit_request(
        &mut self,
        stage: &Stage,
        schema: &SchemaVersion,
        known: &HashSet<String>,
        letters: Vec<rfe_proto::dlq::DeadLetter>,
    ) -> Result<CommitRunRequest, Stop> {
        let counters = &mut self.counters;
        counters.duplicate = counters.read - counters.dead - counters.landed;
        counters.bytes_written = self.landed.bytes();
        if counters.duplicate != stage.repeated as i64 + known.len() as i64 {
            let message = format!(
                "read {} is not landed {} + dead {} + duplicate {}",
                counters.read,
                counters.landed,
                counters.dead,
                stage.repeated + known.len() as u64
            );
            return Err(Failed::permanent(At::Write, rfe_model::fault::reason::COUNTERS_UNBALANCED, message).into());
        }
        let event_ids = match &stage.ids {
            Ids::None => Vec::new(),
            Ids::Events(seen) => seen.difference(known).cloned().collect(),
            Ids::Whole(id) => Some(id.clone()).filter(|id| !known.contains(id)).into_iter().collect(),
        };
        Ok(CommitRunRequest {
            run_id: self.attempt.run.run_id.clone(),
            epoch: self.attempt.run.epoch,
            schema_version: schema.version,
            files: self.landed.files(schema.version),
            event_ids,
            letters,
            counters: Some(*counters),
        })
    }
}

fn note_duplicates(known: &mut HashSet<String>, ids: Vec<String>) -> Result<(), Stop> {
    let before = known.len();
    known.extend(ids);
    if known.len() > before {
        return Ok(());
    }
    Err(Stop::Backend("the registry named duplicates that the commit did not hold".to_owned()))
}
