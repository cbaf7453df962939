//! A piece of what was read, in two forms of equally many rows: raw, and fields.

use bytes::Bytes;
use polars::prelude::{Column, DataFrame, PlSmallStr};
use rfe_model::{SqlType, letter::BadRecord};

use crate::FileMark;

/// A piece of what was read.
#[derive(Debug, Clone, Default)]
pub struct Chunk {
    /// The columns of `raw.<dataset>` (CONTRACT §7) without `_run_id`, which the worker adds. Events have `_event_id` and
    /// `_received_at` (datetime in µs, UTC) here.
    pub raw: DataFrame,
    /// The columns of `main.<dataset>` without lineage, names settled ([`rfe_model::name::settle_columns`]).
    pub columns: Vec<ChunkColumn>,
    /// Records that can't be landed; in neither form.
    pub bad: Vec<BadRecord>,
    /// Records read: rows + bad.
    pub read: u64,
    /// Bytes read from the source for this chunk, as they came (compressed ones if they were).
    pub bytes_read: u64,
    /// Bytes of the source in all, if known; 0 otherwise.
    pub bytes_total: u64,
    /// For kinds that can go on where an attempt died: what gives this chunk and those since the last checkpoint again
    /// without asking the source, and where reading goes on behind it. The worker stores it and hands it to the reader of the
    /// next attempt ([`ReadMemory::checkpoint`](crate::ReadMemory::checkpoint)).
    pub checkpoint: Option<Bytes>,
    /// Files that end with this chunk. The commit remembers them in the modes that read each file once.
    pub files: Vec<FileMark>,
    /// Mode `incremental`: the greatest value of the cursor field so far, as the next run wants it. The commit keeps the last
    /// one that chunks of the run had.
    pub cursor: Option<String>,
}

/// One column of a chunk.
#[derive(Debug, Clone)]
pub struct ChunkColumn {
    /// Its name.
    pub name: String,
    /// Text exactly as read, for kinds that read text (the worker casts it once the type is settled); values of their own type
    /// for kinds that have types.
    pub values: Column,
    /// The narrowest type that holds all its values; `None` if all are NULL.
    pub observed: Option<SqlType>,
    /// True if an integer of it would lose digits as DOUBLE.
    pub exceeds_double: bool,
    /// The column of `raw` that holds exactly these values, if there is one: they are encoded once for both layers.
    pub in_raw: Option<PlSmallStr>,
}

impl Chunk {
    /// Rows, bad records not among them.
    pub fn rows(&self) -> usize {
        self.raw.height()
    }
}
