//! What became of the records of a run: counted on the way, bad ones against the source's policy, and balanced at the end.

use std::collections::HashSet;

use rfe_model::{
    fault::reason,
    letter::{BadRecord, Stage as At},
    source::BadRowPolicy,
};
use rfe_proto::{dlq::DeadLetter, ingest::JobKind, metadata::RunCounters};
use rfe_sources::Chunk;

use crate::{
    attempt::Attempt,
    failure::{Failed, Stop, TOO_MANY_BAD_ROWS},
    letters::Letters,
    progress::Progress,
};

/// What became of the records of a run.
#[derive(Debug)]
pub(crate) struct Count<'a> {
    attempt: &'a Attempt,
    progress: Progress,
    letters: Letters,
    pub counters: RunCounters,
}

impl<'a> Count<'a> {
    pub fn new(attempt: &'a Attempt, progress: Progress) -> Self {
        let letters = Letters::of(&attempt.run);
        Self { attempt, progress, letters, counters: RunCounters::default() }
    }

    /// Counts a chunk and takes its bad records out.
    pub async fn take(&mut self, mut chunk: Chunk) -> Result<Chunk, Stop> {
        let accounted = (chunk.rows() + chunk.bad.len()) as u64;
        if chunk.read != accounted {
            let message = format!("a chunk says it read {} records and holds {accounted}", chunk.read);
            return Err(Failed::permanent(At::Read, reason::COUNTERS_UNBALANCED, message).into());
        }
        let counters = &mut self.counters;
        counters.read += chunk.read as i64;
        counters.bytes_read += chunk.bytes_read as i64;
        counters.bytes_total = counters.bytes_total.max(chunk.bytes_total as i64);
        let (discarded, bad): (Vec<BadRecord>, Vec<BadRecord>) =
            std::mem::take(&mut chunk.bad).into_iter().partition(|bad| self.attempt.discards(bad));
        counters.discarded += discarded.len() as i64;
        counters.dead += bad.len() as i64;
        self.letters.take(self.attempt.worker.lake.as_ref(), &self.attempt.sender(), bad).await?;
        self.progress.note(&self.attempt.run.run_id, self.attempt.run.epoch, self.counters);
        // Of endlessly many none is a large share: only the number is checked on the way.
        self.check_bad(u64::MAX)?;
        Ok(chunk)
    }

    /// Ends the reading: only now the share of bad records is known.
    pub fn end(&self) -> Result<(), Stop> {
        self.check_bad(self.counters.read as u64)
    }

    /// Records that were read and are neither bad nor discarded.
    pub fn good(&self) -> u64 {
        (self.counters.read - self.counters.dead - self.counters.discarded) as u64
    }

    /// Stores the letters and gives them for the commit.
    pub async fn store_letters(&mut self) -> Result<Vec<DeadLetter>, Stop> {
        std::mem::replace(&mut self.letters, Letters::of(&self.attempt.run))
            .store(self.attempt.worker.lake.as_ref())
            .await
    }

    /// Counts what is about to be committed. The sum must be what was read.
    pub fn balance(&mut self, rows: i64, duplicates: i64, bytes: i64) -> Result<RunCounters, Stop> {
        let counters = &mut self.counters;
        (counters.landed, counters.duplicate, counters.bytes_written) = (rows, duplicates, bytes);
        let RunCounters { read, dead, discarded, .. } = *counters;
        if read == rows + dead + duplicates + discarded {
            return Ok(*counters);
        }
        let message = format!(
            "read {read} is not landed {rows} + dead {dead} + duplicate {duplicates} + discarded {discarded}"
        );
        Err(Failed::permanent(At::Write, reason::COUNTERS_UNBALANCED, message).into())
    }

    // An event was accepted and can't be refused any more: it lands or becomes a letter.
    fn check_bad(&self, read: u64) -> Result<(), Stop> {
        let (policy, bad) = (self.attempt.spec.on_bad_row, self.counters.dead as u64);
        if self.attempt.leased.kind == JobKind::Events || !policy.is_exceeded(bad, read) {
            return Ok(());
        }
        let first = self.letters.first().map(|letter| {
            let at = letter.position.clone().unwrap_or_default();
            format!("{}:{}: {}", at.file, at.line.max(at.record), letter.message)
        });
        let rule = match policy {
            BadRowPolicy::Fail => "on_bad_row is `fail`".to_owned(),
            BadRowPolicy::Quarantine { max_rows, max_share } => {
                format!("on_bad_row allows {max_rows} and a share of {max_share}")
            }
        };
        let (read, first) = (self.counters.read, first.unwrap_or_default());
        let message = format!("{bad} of {read} records are bad and {rule}; the first: {first}");
        Err(Failed::permanent(At::Validate, TOO_MANY_BAD_ROWS, message).into())
    }
}

/// Adds ids to those known to have landed before.
pub(crate) fn note_duplicates(known: &mut HashSet<String>, ids: Vec<String>) -> Result<(), Stop> {
    let before = known.len();
    known.extend(ids);
    if known.len() > before {
        return Ok(());
    }
    Err(Stop::Backend("the registry named duplicates that the commit did not hold".to_owned()))
}
