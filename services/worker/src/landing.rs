//! The steps of one attempt, in order: read, settle, write, put, commit.

use std::{collections::HashSet, time::Duration};

use rfe_model::{letter::Stage as At, time};
use rfe_proto::{
    dlq::DeadLetter,
    ingest::JobKind,
    metadata::{CommitRunRequest, Layer, RunCounters, SchemaVersion},
};

use crate::{
    attempt::Attempt,
    batch,
    checkpoint::Checkpoints,
    commit::{Committed, commit},
    count::{Count, note_duplicates},
    encode::Form,
    failure::{Stop, busy},
    guess::Guess,
    land::Landed,
    merge,
    parts::{Limits, Parts},
    processed::{Origin, Projection},
    progress::Progress,
    pull::{self, Chunks},
    remember::Remembered,
    replay,
    schema::{self, Settled},
    stage::{Ids, Layers, Stage},
    traced,
};

/// How long a failed attempt may take to save its last checkpoints.
const KEEP_PATIENCE: Duration = Duration::from_secs(10);

/// The steps of one attempt.
pub(crate) struct Landing<'a> {
    attempt: &'a Attempt,
    landed: Landed,
    count: Count<'a>,
    checkpoints: Checkpoints,
    remembered: Remembered,
}

impl<'a> Landing<'a> {
    pub fn new(attempt: &'a Attempt, progress: Progress) -> Self {
        Self {
            attempt,
            landed: Landed::new(attempt),
            count: Count::new(attempt, progress),
            checkpoints: Checkpoints::default(),
            remembered: Remembered::default(),
        }
    }

    /// Lands the run.
    pub async fn land(&mut self) -> Result<(), Stop> {
        let mut stage = traced::step("read", self.read()).await?;
        let steps = &self.attempt.steps;
        steps.pass("after_read").await;
        let settled =
            traced::step("schema", schema::settle(self.attempt, &stage.observed, self.count.good())).await?;
        steps.pass("after_schema").await;
        let letters = self.count.store_letters().await?;
        steps.pass("after_letters").await;
        let mut known = HashSet::new();
        loop {
            let rows;
            (stage, rows) = traced::step("write", self.write(stage, &settled.schema, &known)).await?;
            self.end_checkpoints().await?;
            let request = self.commit_request(&stage, &settled, &known, rows, letters.clone())?;
            steps.pass("before_commit").await;
            match traced::step("commit", commit(self.attempt, &request)).await? {
                Committed::Done => break,
                Committed::Duplicates(ids) => note_duplicates(&mut known, ids)?,
            }
            self.landed.forget();
        }
        steps.pass("after_commit").await;
        let counters = self.count.counters;
        let metrics = &self.attempt.worker.metrics;
        metrics.landed(counters.landed, counters.bytes_written, counters.dead);
        if let Some(lag) = self.lag() {
            metrics.visible(lag);
        }
        Ok(())
    }

    // How long the oldest event of the batch took.
    fn lag(&self) -> Option<Duration> {
        let received = self.attempt.leased.events.iter().filter_map(|event| event.received_time.as_ref());
        let oldest = received.map(time::micros_from_proto).min()?;
        u64::try_from(time::now_micros() - oldest).ok().map(Duration::from_micros)
    }

    /// What was counted, also after a failure.
    pub fn counters(&self) -> RunCounters {
        self.count.counters
    }

    /// Keeps for the next attempt what this one has read, if there may be one. What can't be kept is read again.
    pub async fn keep_checkpoints(&mut self, stop: &Stop) {
        if matches!(stop, Stop::Fenced(_)) || matches!(stop, Stop::Failed(failed) if failed.permanent) {
            return;
        }
        let why = match tokio::time::timeout(KEEP_PATIENCE, self.checkpoints.finish()).await {
            Ok(Ok(())) => return,
            Ok(Err(stop)) => stop.to_string(),
            Err(_) => "it took too long".to_owned(),
        };
        tracing::warn!(run = self.attempt.run.run_id, why, "the last checkpoints could not be saved");
    }

    // Nothing of a run is written any more when it commits. What could not be saved is of no use by then.
    async fn end_checkpoints(&mut self) -> Result<(), Stop> {
        match self.checkpoints.finish().await {
            Err(Stop::Fenced(reason)) => Err(Stop::Fenced(reason)),
            Err(stop) => {
                tracing::warn!(run = self.attempt.run.run_id, %stop, "the last checkpoints could not be saved");
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    /// True if the run has checkpoints in the lake.
    pub fn has_checkpoints(&self) -> bool {
        self.checkpoints.are_used() || self.attempt.memory.has_inherited()
    }

    // Pass 1.
    async fn read(&mut self) -> Result<Stage, Stop> {
        let mut chunks = self.chunks().await?;
        let mut stage = self.stage();
        while let Some(mut chunk) = chunks.next().await? {
            if let Some(checkpoint) = chunk.checkpoint.take() {
                self.checkpoints.add(self.attempt, checkpoint).await?;
            }
            self.remembered.take(&mut chunk);
            let chunk = self.count.take(chunk).await?;
            if let Some(merge) = self.attempt.merge() {
                merge::check_key(merge, &chunk)?;
            }
            stage = busy(At::Decode, move || {
                stage.take(chunk)?;
                Ok(stage)
            })
            .await?;
            self.landed.put(Layer::Raw, stage.take_closed()).await?;
            self.attempt.steps.pass("after_chunk").await;
        }
        self.checkpoints.close();
        self.count.end()?;
        busy(At::Write, move || {
            stage.finish()?;
            Ok(stage)
        })
        .await
    }

    async fn chunks(&self) -> Result<Chunks, Stop> {
        match (&self.attempt.leased.kind, &self.attempt.letter) {
            (JobKind::Events, _) => batch::decode(self.attempt).await,
            (JobKind::Replay, Some(letter)) if letter.kind == "record" => {
                replay::decode(self.attempt, letter).await
            }
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
        let guess = Guess::new(&attempt.spec, attempt.schema.as_ref());
        let layers = Layers::new(&ids, &folder, config, &attempt.run.run_id, guess);
        Stage {
            observed: Default::default(),
            layers,
            ids,
            events,
            repeated: 0,
            run_id: attempt.run.run_id.clone(),
        }
    }

    // Pass 2.
    async fn write(
        &mut self,
        stage: Stage,
        schema: &SchemaVersion,
        known: &HashSet<String>,
    ) -> Result<(Stage, usize), Stop> {
        let attempt = self.attempt;
        let origin = Origin {
            source: &attempt.spec.name,
            run_id: &attempt.run.run_id,
            ingested_micros: time::now_micros(),
            events: stage.events,
        };
        let projection = Projection::new(schema, &stage.observed, &origin)?;
        let config = &attempt.worker.config;
        let mut parts = Parts::new(&attempt.scratch(), "processed", Limits::from(config), Form::Kept);
        let (known, schema) = (known.clone(), schema.clone());
        let (worker, folder) = (attempt.worker.clone(), attempt.scratch());
        let (mut stage, raw, mut parts, rows) = busy(At::Write, move || {
            let (held, raw) = stage.row_groups(&folder, &worker.config, &schema, &known)?;
            let kept = match &stage.layers {
                Layers::Streamed(groups) => &groups.kept,
                Layers::Held { .. } => &held,
            };
            let rows = projection.write(kept, &mut parts)?;
            parts.close()?;
            Ok((stage, raw, parts, rows))
        })
        .await?;
        attempt.steps.pass("after_write").await;
        let raw = stage.take_closed().into_iter().chain(raw).collect();
        self.landed.put(Layer::Raw, raw).await?;
        self.landed.settle().await?;
        attempt.steps.pass("after_put_raw").await;
        self.landed.put(Layer::Processed, parts.take_closed()).await?;
        self.landed.settle().await?;
        attempt.steps.pass("after_put").await;
        Ok((stage, rows))
    }

    fn commit_request(
        &mut self,
        stage: &Stage,
        settled: &Settled,
        known: &HashSet<String>,
        rows: usize,
        letters: Vec<DeadLetter>,
    ) -> Result<CommitRunRequest, Stop> {
        let duplicates = stage.repeated as i64 + known.len() as i64;
        let counters = self.count.balance(rows as i64, duplicates, self.landed.bytes())?;
        let event_ids = match &stage.ids {
            Ids::None => Vec::new(),
            Ids::Events(seen) => seen.difference(known).cloned().collect(),
            Ids::Whole(id) => Some(id.clone()).filter(|id| !known.contains(id)).into_iter().collect(),
        };
        let (cursor, files_read) = self.remembered.for_commit(self.attempt);
        Ok(CommitRunRequest {
            run_id: self.attempt.run.run_id.clone(),
            epoch: self.attempt.run.epoch,
            schema_version: settled.schema.version,
            files: self.landed.files(settled.schema.version),
            event_ids,
            letters,
            counters: Some(counters),
            cursor,
            files_read,
            discarded_columns: settled.discarded.clone(),
        })
    }
}
