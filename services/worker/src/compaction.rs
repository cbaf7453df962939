//! Compaction: many small data files of one layer become few large ones, in one commit. Rows stay as they are and in their
//! order, lineage and all; also those that a dataset of mode `merge` does not show.

mod fetch;
mod input;
mod rewrite;
mod share;
mod target;
#[cfg(test)]
mod tests;

use rfe_lake::Bucket;
use rfe_model::{fault::reason, letter::Stage as At};
use rfe_proto::metadata::{CommitRunRequest, DataFile, Layer, RunCounters, SchemaVersion};

use crate::{
    attempt::Attempt,
    commit::commit,
    failure::{COMPACTION_UNSOUND, Failed, Stop, busy},
    land::Landed,
    progress::Progress,
};
use fetch::Fetches;
use rewrite::Rewrite;
use target::Targets;

/// The steps of one attempt at a compaction.
#[derive(Debug)]
pub(crate) struct Compaction<'a> {
    attempt: &'a Attempt,
    progress: Progress,
    landed: Landed,
    counters: RunCounters,
}

impl<'a> Compaction<'a> {
    pub fn new(attempt: &'a Attempt, progress: Progress) -> Self {
        let bytes_total = attempt.inputs.iter().map(|input| input.bytes).sum();
        let counters = RunCounters { bytes_total, ..RunCounters::default() };
        Self { attempt, progress, landed: Landed::new(attempt), counters }
    }

    /// What was counted, also after a failure.
    pub fn counters(&self) -> RunCounters {
        self.counters
    }

    /// Compacts. Where the files to compact have changed meanwhile, there is nothing left to do.
    pub async fn compact(&mut self) -> Result<(), Stop> {
        let layer = one_layer(&self.attempt.inputs)?;
        self.rewrite(layer).await?;
        self.landed.settle().await?;
        let steps = &self.attempt.steps;
        steps.pass("after_put").await;
        let request = self.commit_request(layer)?;
        steps.pass("before_commit").await;
        match commit(self.attempt, &request).await {
            Err(Stop::Failed(failed)) if failed.code == reason::INPUTS_CHANGED => {
                tracing::info!(run = request.run_id, why = failed.message, "a compaction came too late");
                return Ok(());
            }
            done => done?,
        };
        steps.pass("after_commit").await;
        self.attempt.worker.metrics.compacted(self.attempt.inputs.len(), request.files.len());
        Ok(())
    }

    async fn rewrite(&mut self, layer: Layer) -> Result<(), Stop> {
        let (attempt, inputs) = (self.attempt, &self.attempt.inputs);
        let mut fetches = Fetches::new(attempt, bucket(layer));
        let targets = self.targets(layer).await?;
        let mut rewrite = Rewrite::new(&attempt.scratch(), &attempt.worker.config, targets);
        let sizes: Vec<u64> = inputs.iter().map(|input| input.bytes.unsigned_abs()).collect();
        for share in share::shares(&sizes, attempt.worker.config.compact_bytes) {
            for input in &inputs[share] {
                let fetched = fetches.next().await?;
                let file = input.clone();
                rewrite = busy(At::Read, move || {
                    rewrite.take(&file, fetched.path())?;
                    fetched.discard()?;
                    Ok(rewrite)
                })
                .await?;
                self.count(input);
            }
            rewrite = busy(At::Write, move || {
                rewrite.end_file()?;
                Ok(rewrite)
            })
            .await?;
            attempt.steps.pass("after_write").await;
            self.landed.put(layer, rewrite.take_closed()).await?;
        }
        Ok(())
    }

    async fn targets(&self, layer: Layer) -> Result<Option<Targets>, Stop> {
        if layer == Layer::Raw {
            return Ok(None);
        }
        let (schema, inputs) = (self.attempt.schema.as_ref(), &self.attempt.inputs);
        let nested = target::nested_ids(schema, inputs)?;
        let nested = target::nested_types(self.attempt, nested).await?;
        Targets::new(schema, inputs, &nested).map(Some)
    }

    fn count(&mut self, input: &DataFile) {
        self.counters.read += input.rows;
        self.counters.bytes_read += input.bytes;
        self.progress.note(&self.attempt.run.run_id, self.attempt.run.epoch, self.counters);
    }

    fn commit_request(&mut self, layer: Layer) -> Result<CommitRunRequest, Stop> {
        let attempt = self.attempt;
        let schema_version = schema_version(attempt.schema.as_ref(), &attempt.inputs);
        let mut files = self.landed.files(schema_version);
        if layer == Layer::Raw {
            keep_raw_columns(&mut files, &attempt.inputs);
        }
        let written: i64 = files.iter().map(|file| file.rows).sum();
        if written != self.counters.read {
            let message = format!("{} rows were read, and the new files hold {written}", self.counters.read);
            return Err(unsound(message));
        }
        self.counters.landed = written;
        self.counters.bytes_written = self.landed.bytes();
        Ok(CommitRunRequest {
            run_id: attempt.run.run_id.clone(),
            epoch: attempt.run.epoch,
            schema_version,
            files,
            counters: Some(self.counters),
            ..CommitRunRequest::default()
        })
    }
}

fn unsound(message: String) -> Stop {
    Failed::permanent(At::Write, COMPACTION_UNSOUND, message).into()
}

fn one_layer(inputs: &[DataFile]) -> Result<Layer, Stop> {
    let Some(first) = inputs.first() else {
        return Err(unsound("the registry named no files to compact".to_owned()));
    };
    match inputs.iter().find(|input| input.layer != first.layer) {
        Some(other) => Err(unsound(format!(
            "the registry named files of two layers, `{}` and `{}`; a compaction is of one",
            first.key, other.key
        ))),
        None => Ok(first.layer()),
    }
}

fn bucket(layer: Layer) -> Bucket {
    if layer == Layer::Raw { Bucket::Raw } else { Bucket::Processed }
}

// A dataset without columns of its own has no version yet; its files say 0 too.
fn schema_version(schema: Option<&SchemaVersion>, inputs: &[DataFile]) -> u32 {
    let newest = inputs.iter().map(|input| input.schema_version).max().unwrap_or_default();
    schema.map_or(newest, |schema| schema.version)
}

// What the catalog says of these columns stays as it was; the first input says it for all of them.
fn keep_raw_columns(files: &mut [DataFile], inputs: &[DataFile]) {
    if let Some(first) = inputs.first().filter(|first| !first.raw_columns.is_empty()) {
        files.iter_mut().for_each(|file| file.raw_columns.clone_from(&first.raw_columns));
    }
}
