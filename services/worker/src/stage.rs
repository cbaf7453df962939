//! Pass 1 of a run: raw rows go to files or are held, fields are kept for pass 2, types and ids are gathered.

use std::{collections::HashSet, path::Path};

use polars::prelude::{BooleanChunked, Column, DataFrame, NewChunkedArray as _, PlSmallStr, PolarsResult};
use rfe_model::{letter::Stage as At, name};
use rfe_proto::metadata::SchemaVersion;
use rfe_sources::Chunk;

use crate::{
    config::Config,
    failure::{Failed, Stop, WRITE_FAILED},
    gather::{Field, Rows},
    guess::Guess,
    kept::Kept,
    observed::Observed,
    part::WrittenPart,
    row_groups::RowGroups,
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
    pub ids: Ids,
    /// The dataset's rows carry `_event_id` and `_received_at`.
    pub events: bool,
    /// Rows whose event came twice in this run.
    pub repeated: u64,
    pub run_id: String,
    pub layers: Layers,
}

/// Rows of both layers between the passes.
#[derive(Debug)]
pub(crate) enum Layers {
    /// Encoded as they come.
    Streamed(Box<RowGroups>),
    /// Held until the commit: events that landed before must be taken out again.
    Held { raw: Spool, fields: Spool },
}

impl Layers {
    /// Those of a run whose rows are known by `ids`.
    pub fn new(ids: &Ids, folder: &Path, config: &Config, run_id: &str, guess: Guess) -> Self {
        match ids {
            Ids::None => Self::Streamed(Box::new(RowGroups::new(folder, "raw", config, run_id, guess))),
            Ids::Events(_) | Ids::Whole(_) => Self::Held {
                raw: Spool::new(folder, "raw", config.staged_bytes / 2),
                fields: Spool::new(folder, "fields", config.staged_bytes),
            },
        }
    }
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
        if rows == 0 {
            return Ok(());
        }
        let mut fields: Vec<Field> = Vec::with_capacity(chunk.columns.len() + 2);
        for column in chunk.columns {
            let name = PlSmallStr::from_string(column.name);
            fields.push(Field { values: column.values.with_name(name.clone()), name, in_raw: column.in_raw });
        }
        if self.events {
            for lineage in name::EVENT_LINEAGE {
                let (name, values) = (PlSmallStr::from_static(lineage), chunk.raw.column(lineage)?.clone());
                fields.push(Field { in_raw: Some(name.clone()), name, values });
            }
        }
        match &mut self.layers {
            Layers::Streamed(groups) => {
                groups.take(Rows { raw: chunk.raw, fields, height: rows }, &self.observed)?;
            }
            Layers::Held { raw: held_raw, fields: held } => {
                let columns = fields.into_iter().map(|field| field.values).collect();
                let mut fields = DataFrame::new(rows, columns)?;
                let mut raw = chunk.raw;
                if let Some(first) = note_ids(&mut self.ids, &raw)? {
                    self.repeated += (first.len() - first.sum().unwrap_or(0) as usize) as u64;
                    fields = fields.filter(&first)?;
                    raw = raw.filter(&first)?;
                }
                held_raw.push(raw)?;
                held.push(fields)?;
            }
        }
        Ok(())
    }

    /// Ends pass 1.
    pub fn finish(&mut self) -> PolarsResult<()> {
        match &mut self.layers {
            Layers::Streamed(groups) => groups.finish(&self.observed),
            Layers::Held { .. } => Ok(()),
        }
    }

    /// Takes the files of raw that are finished.
    pub fn take_closed(&mut self) -> Vec<WrittenPart> {
        match &mut self.layers {
            Layers::Streamed(groups) => groups.take_closed(),
            Layers::Held { .. } => Vec::new(),
        }
    }

    /// Row groups of `main` for pass 2, and files of raw. Held rows are encoded now, by settled types and without events that
    /// landed before.
    pub fn row_groups(
        &self,
        folder: &Path,
        config: &Config,
        schema: &SchemaVersion,
        landed: &HashSet<String>,
    ) -> PolarsResult<(Kept, Vec<WrittenPart>)> {
        let Layers::Held { raw, fields } = &self.layers else {
            return Ok((Kept::new(folder, "none", 0), Vec::new()));
        };
        let groups = |name| RowGroups::new(folder, name, config, &self.run_id, Guess::settled(schema));
        let (mut raw_groups, mut field_groups) = (groups("raw"), groups("fields").without_raw());
        for frame in raw.frames() {
            let raw = without(frame?, &self.ids, landed)?;
            let rows = Rows { height: raw.height(), raw, fields: Vec::new() };
            raw_groups.take(rows, &self.observed)?;
        }
        raw_groups.finish(&self.observed)?;
        for frame in fields.frames() {
            let frame = without(frame?, &self.ids, landed)?;
            let own =
                |values: &Column| Field { name: values.name().clone(), values: values.clone(), in_raw: None };
            let fields = frame.columns().iter().map(own).collect();
            let rows = Rows { height: frame.height(), raw: DataFrame::empty(), fields };
            field_groups.take(rows, &self.observed)?;
        }
        field_groups.finish(&self.observed)?;
        Ok((field_groups.kept, raw_groups.take_closed()))
    }
}

// The rows whose event is in the run for the first time, where some are not.
fn note_ids(ids: &mut Ids, raw: &DataFrame) -> PolarsResult<Option<BooleanChunked>> {
    let Ids::Events(seen) = ids else { return Ok(None) };
    let ids = raw.column(EVENT_ID)?.as_materialized_series().clone();
    let first: Vec<bool> = ids
        .str()?
        .iter()
        .map(|id| id.is_none_or(|id| !seen.contains(id) && seen.insert(id.to_owned())))
        .collect();
    Ok(first.contains(&false).then(|| BooleanChunked::from_slice("first".into(), &first)))
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
