//! Pass 1 of a run: raw rows go to files or are held, fields are kept for pass 2, types and ids are gathered.

use std::collections::HashSet;

use polars::prelude::{BooleanChunked, Column, DataFrame, NewChunkedArray as _, PlSmallStr, PolarsResult};
use rfe_model::{letter::Stage as At, name};
use rfe_sources::Chunk;

use crate::{
    failure::{Failed, Stop, WRITE_FAILED},
    observed::Observed,
    raw::Raw,
    spool::Spool,
};

const EVENT_ID: &str = name::EVENT_LINEAGE[0];

/// What the ledger knows the rows of a run by.
#[derive(Debug)]
pub(crate) enum Ids {
    /// Nothing: the run's commit replaces or is fenced by itself.
    None,
    /// Each row by its event's id.
    Events(HashSet<String>),
    /// The one row by this id.
    Whole(String),
}

/// What pass 1 gathers.
#[derive(Debug)]
pub(crate) struct Stage {
    pub observed: Observed,
    pub fields: Spool,
    pub raw: Raw,
    pub ids: Ids,
    /// The dataset's rows carry `_event_id` and `_received_at`.
    pub events: bool,
    /// Rows whose event came twice in this run.
    pub repeated: u64,
    pub run_id: String,
}

impl Stage {
    /// Takes a chunk whose bad records were taken out.
    pub fn take(&mut self, chunk: Chunk) -> Result<(), Stop> {
        let rows = chunk.rows();
        if let Some(column) = chunk.columns.iter().find(|column| column.values.len() != rows) {
            let (name, values) = (&column.name, column.values.len());
            let message = format!("column `{name}` came with {values} values for {rows} rows");
            return Err(Failed::permanent(At::Decode, WRITE_FAILED, message).into());
        }
        chunk.columns.iter().for_each(|column| self.observed.add(column));
        let mut columns: Vec<Column> = Vec::with_capacity(chunk.columns.len() + 2);
        for column in chunk.columns {
            let mut values = column.values;
            values.rename(PlSmallStr::from_string(column.name));
            columns.push(values);
        }
        if self.events {
            for lineage in name::EVENT_LINEAGE {
                columns.push(chunk.raw.column(lineage)?.clone());
            }
        }
        let mut fields = DataFrame::new(rows, columns)?;
        let mut raw = chunk.raw;
        if let Some(first) = self.note_ids(&raw)? {
            self.repeated += (first.len() - first.sum().unwrap_or(0) as usize) as u64;
            fields = fields.filter(&first)?;
            raw = raw.filter(&first)?;
        }
        self.raw.take(&self.run_id, raw)?;
        self.fields.push(fields)?;
        Ok(())
    }

    // The rows whose event is in the run for the first time, where some are not.
    fn note_ids(&mut self, raw: &DataFrame) -> PolarsResult<Option<BooleanChunked>> {
        let Ids::Events(seen) = &mut self.ids else { return Ok(None) };
        let ids = raw.column(EVENT_ID)?.as_materialized_series().clone();
        let first: Vec<bool> = ids
            .str()?
            .iter()
            .map(|id| id.is_none_or(|id| !seen.contains(id) && seen.insert(id.to_owned())))
            .collect();
        Ok(first.contains(&false).then(|| BooleanChunked::from_slice("first".into(), &first)))
    }
}

/// The rows of a frame whose event is not among those that landed before.
pub(crate) fn without(frame: DataFrame, ids: &Ids, landed: &HashSet<String>) -> PolarsResult<DataFrame> {
    match ids {
        _ if landed.is_empty() => Ok(frame),
        Ids::None => Ok(frame),
        Ids::Whole(id) => Ok(if landed.contains(id) { frame.slice(0, 0) } else { frame }),
        Ids::Events(_) => {
            let events = frame.column(EVENT_ID)?.as_materialized_series().clone();
            let new: Vec<bool> =
                events.str()?.iter().map(|id| id.is_none_or(|id| !landed.contains(id))).collect();
            frame.filter(&BooleanChunked::from_slice("new".into(), &new))
        }
    }
}
