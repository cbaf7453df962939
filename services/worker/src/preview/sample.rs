//! The first records of a source.

use polars::prelude::{Column, DataFrame, PlSmallStr};
use rfe_model::{
    SourceSpec,
    letter::{BadRecord, Stage},
};
use rfe_sources::{Chunk, ReadContext, ReadError, Reader, Source};

use crate::{expect, failure::WRITE_FAILED, observed::Observed};

const MAX_BAD: usize = 100;
// A source that gives only bad records is read no further than this.
const MOST_BAD: u64 = 1000;
const MOST_BYTES: u64 = 64 << 20;

/// The first records of a source.
#[derive(Debug, Default)]
pub(super) struct Sample {
    wanted: usize,
    have: usize,
    bytes_read: u64,
    bytes_total: u64,
    /// The columns of all records that were read.
    pub observed: Observed,
    /// The first good rows, a frame a chunk, values as they were read.
    pub rows: Vec<DataFrame>,
    /// The first bad records.
    pub bad: Vec<BadRecord>,
    /// Records read.
    pub records: u64,
    /// Bad ones among them.
    pub records_bad: u64,
    /// True if these are all records.
    pub complete: bool,
    /// Why reading ended early.
    pub failure: Option<ReadError>,
}

// === impl Sample ===

impl Sample {
    pub fn new(wanted: usize) -> Self {
        Self { wanted, ..Self::default() }
    }

    /// Reads until there are enough rows. Dropped midway, it keeps what was read.
    pub async fn read(
        &mut self,
        kind: &dyn Source,
        spec: &SourceSpec,
        context: ReadContext,
    ) -> Result<(), ReadError> {
        let mut reader = kind.open(spec, context).await?;
        while !self.is_enough() {
            if !self.take_next(spec, reader.as_mut()).await? {
                return Ok(());
            }
        }
        // All bytes of a file may be read before its last record is given: only another look tells whether that was all.
        if self.bytes_total > 0 && self.bytes_read >= self.bytes_total {
            self.take_next(spec, reader.as_mut()).await?;
        }
        Ok(())
    }

    async fn take_next(&mut self, spec: &SourceSpec, reader: &mut dyn Reader) -> Result<bool, ReadError> {
        match reader.next().await? {
            Some(chunk) => self.take(spec, chunk)?,
            None => self.complete = true,
        }
        Ok(!self.complete)
    }

    fn is_enough(&self) -> bool {
        self.have >= self.wanted || self.records_bad >= MOST_BAD || self.bytes_read >= MOST_BYTES
    }

    fn take(&mut self, spec: &SourceSpec, mut chunk: Chunk) -> Result<(), ReadError> {
        chunk.bad.retain(|bad| !expect::discards(spec, bad));
        self.records += chunk.read;
        self.records_bad += chunk.bad.len() as u64;
        self.bytes_read += chunk.bytes_read;
        self.bytes_total = self.bytes_total.max(chunk.bytes_total);
        chunk.columns.iter().for_each(|column| self.observed.add(column));
        let room = MAX_BAD - self.bad.len();
        let rows = chunk.rows().min(self.wanted - self.have);
        self.bad.extend(chunk.bad.into_iter().take(room));
        if rows == 0 {
            return Ok(());
        }
        let columns: Vec<Column> = chunk
            .columns
            .into_iter()
            .map(|column| {
                let mut values = column.values.head(Some(rows));
                values.rename(PlSmallStr::from_string(column.name));
                values
            })
            .collect();
        let frame = DataFrame::new(rows, columns).map_err(|error| {
            ReadError::permanent(
                Stage::Decode,
                WRITE_FAILED,
                format!("the columns of a chunk do not match: {error}"),
            )
        })?;
        self.have += rows;
        self.rows.push(frame);
        Ok(())
    }
}
