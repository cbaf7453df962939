//! Reads Parquet files row group by row group.

use std::{
    collections::{BTreeMap, HashMap},
    fs::File,
    io::{Read, Seek, SeekFrom},
    panic::AssertUnwindSafe,
};

use polars::prelude::{
    BooleanChunked, Column, DataFrame, NamedFrom, ParallelStrategy, ParquetReader as PolarsReader,
    PlSmallStr, PolarsResult, SerReader,
};
use rfe_model::{
    letter::{BadRecord, Stage},
    name::settle_columns,
    structure,
};
use rfe_proto::dlq::Position;
use serde_json::json;

use super::types::settle;
use crate::{
    Chunk, ChunkColumn, ReadContext, ReadError,
    cast::{cast, json_of_row},
    error::code,
    flaw::{Expected, Flaw},
    location::{self, Location, SourceFile, unreadable},
    pump::Produce,
};

const MAGIC: &[u8; 4] = b"PAR1";

/// Rows that are read at once.
#[derive(Debug, Clone, Copy)]
struct Slice {
    row_group: usize,
    first: usize,
    rows: usize,
}

#[derive(Debug)]
struct CurrentFile {
    file: SourceFile,
    names: Vec<String>,
    slices: std::vec::IntoIter<Slice>,
    rows: usize,
}

/// Reads file by file.
#[derive(Debug)]
pub(super) struct ParquetReader {
    files: std::vec::IntoIter<(SourceFile, Vec<String>)>,
    current: Option<CurrentFile>,
    expected: Expected,
    chunk_bytes: usize,
    bytes_total: u64,
    has_spoken: bool,
    empty: Option<Chunk>,
}

impl ParquetReader {
    /// Finds the files and reads what each says of its columns.
    pub(super) fn open(location: &Location, context: &ReadContext) -> Result<Self, ReadError> {
        let files = location.files(context)?;
        let bytes_total = location::bytes_total(&files);
        let mut spellings: HashMap<String, String> = HashMap::new();
        let mut named = Vec::with_capacity(files.len());
        for file in files {
            let mut reader = opened(&file)?;
            let schema = guarded(&file, "its footer", || reader.schema())?;
            let own: Vec<String> = schema.iter_names().map(ToString::to_string).collect();
            // Names that differ by case alone are one column, in the spelling that came first.
            let names = settle_columns(&own)
                .into_iter()
                .map(|name| spellings.entry(name.to_lowercase()).or_insert(name).clone())
                .collect();
            named.push((file, names));
        }
        Ok(Self {
            files: named.into_iter(),
            current: None,
            expected: Expected::new(&context.expected),
            chunk_bytes: context.chunk_bytes.max(1),
            bytes_total,
            has_spoken: false,
            empty: None,
        })
    }

    fn open_next(&mut self) -> Result<bool, ReadError> {
        let Some((file, names)) = self.files.next() else { return Ok(false) };
        let mut reader = opened(&file)?;
        let metadata = guarded(&file, "its footer", || reader.get_metadata().cloned())?;
        let mut slices = Vec::new();
        let mut first = 0;
        for (row_group, group) in metadata.row_groups.iter().enumerate() {
            let rows = group.num_rows();
            let share = self.chunk_bytes as f64 / group.total_byte_size().max(1) as f64;
            let step = ((rows as f64 * share) as usize).clamp(1, rows.max(1));
            for offset in (0..rows).step_by(step) {
                slices.push(Slice { row_group, first: first + offset, rows: step.min(rows - offset) });
            }
            first += rows;
        }
        if slices.is_empty() && self.empty.is_none() {
            let frame = guarded(&file, "its columns", || reader.finish())?;
            self.empty = Some(chunk_of(&frame, &names, &file, 0)?);
        }
        self.current = Some(CurrentFile { file, names, slices: slices.into_iter(), rows: first });
        Ok(true)
    }
}

impl Produce for ParquetReader {
    fn produce(&mut self) -> Result<Option<Chunk>, ReadError> {
        loop {
            if self.current.is_none() && !self.open_next()? {
                // Files without rows still have columns.
                return Ok(self.empty.take().filter(|_| !self.has_spoken));
            }
            let Some(current) = &mut self.current else { continue };
            let Some(slice) = current.slices.next() else {
                self.current = None;
                continue;
            };
            let mut chunk = current.read(slice, &self.expected)?;
            let share = |rows: usize| {
                (current.file.bytes as u128 * rows as u128 / current.rows.max(1) as u128) as u64
            };
            chunk.bytes_read = share(slice.first + slice.rows) - share(slice.first);
            chunk.bytes_total = self.bytes_total;
            self.has_spoken = true;
            return Ok(Some(chunk));
        }
    }
}

impl CurrentFile {
    fn read(&self, slice: Slice, expected: &Expected) -> Result<Chunk, ReadError> {
        let part = format!("row group {}", slice.row_group + 1);
        let frame = guarded(&self.file, &part, || {
            opened_plain(&self.file)
                .map(|file| PolarsReader::new(file).read_parallel(ParallelStrategy::None))?
                .with_slice(Some((slice.first, slice.rows)))
                .finish()
        })?;
        if frame.height() != slice.rows {
            let message = format!(
                "`{}` is damaged: {part} holds {} rows instead of {}",
                self.file.name,
                frame.height(),
                slice.rows
            );
            return Err(ReadError::permanent(Stage::Read, code::DAMAGED_FILE, message));
        }
        let mut chunk = chunk_of(&frame, &self.names, &self.file, slice.rows)?;
        let flaws = flaws(&chunk.columns, expected)
            .map_err(|error| damaged(&self.file, &part, &error.to_string()))?;
        if !flaws.is_empty() {
            chunk = self
                .without(chunk, flaws, slice)
                .map_err(|error| damaged(&self.file, &part, &error.to_string()))?;
        }
        Ok(chunk)
    }

    // Moves flawed rows to the bad records. A typed row has no bytes of its own: its JSON stands for them.
    fn without(&self, chunk: Chunk, flaws: BTreeMap<usize, Flaw>, slice: Slice) -> PolarsResult<Chunk> {
        let keeps: Vec<bool> = (0..slice.rows).map(|row| !flaws.contains_key(&row)).collect();
        let mask = BooleanChunked::new(PlSmallStr::EMPTY, keeps);
        let values: Vec<Column> = chunk.columns.iter().map(|column| column.values.clone()).collect();
        let mut bad: Vec<BadRecord> = Vec::with_capacity(flaws.len());
        for (row, flaw) in flaws {
            let record = u32::try_from(slice.first + row + 1).unwrap_or(u32::MAX);
            let position = Position { file: self.file.name.clone(), record, ..Position::default() };
            let context = structure::to_struct(&json!({"form": "the row as JSON"}));
            bad.push(flaw.into_bad(json_of_row(&values, row)?.into_bytes(), position, Some(context)));
        }
        let mut columns = Vec::with_capacity(chunk.columns.len());
        for column in chunk.columns {
            columns.push(ChunkColumn { values: column.values.filter(&mask)?, ..column });
        }
        Ok(Chunk { raw: chunk.raw.filter(&mask)?, columns, bad, ..chunk })
    }
}

fn flaws(columns: &[ChunkColumn], expected: &Expected) -> PolarsResult<BTreeMap<usize, Flaw>> {
    let mut flaws = BTreeMap::new();
    for column in columns {
        let Some(wanted) =
            expected.of(&column.name).filter(|wanted| Some(*wanted) != column.observed.as_ref())
        else {
            continue;
        };
        for row in cast(&column.values, wanted)?.lost {
            let value = column.values.get(row)?.to_string();
            flaws
                .entry(row)
                .or_insert_with(|| Flaw::bad_value(&column.name, value.trim_matches('"'), wanted));
        }
    }
    Ok(flaws)
}

fn chunk_of(frame: &DataFrame, names: &[String], file: &SourceFile, rows: usize) -> Result<Chunk, ReadError> {
    let mut raw = Vec::with_capacity(names.len());
    let mut columns = Vec::with_capacity(names.len());
    for (column, name) in frame.columns().iter().zip(names) {
        let settled = settle(column, name).map_err(|error| {
            let message = format!(
                "`{}`: the column `{name}` of type {} can't be read: {error}",
                file.name,
                column.dtype()
            );
            ReadError::permanent(Stage::Read, code::TYPE_NOT_SUPPORTED, message)
        })?;
        columns.push(settled);
        raw.push(column.clone().with_name(PlSmallStr::from_str(name)));
    }
    let raw = DataFrame::new(rows, raw).map_err(|error| damaged(file, "its columns", &error.to_string()))?;
    Ok(Chunk { raw, columns, read: rows as u64, ..Chunk::default() })
}

fn opened(file: &SourceFile) -> Result<PolarsReader<File>, ReadError> {
    let mut handle = File::open(&file.path).map_err(|error| unreadable(&file.name, &error))?;
    let mut head = [0; 4];
    let mut tail = [0; 4];
    let is_long = file.bytes >= 12;
    if is_long {
        let read = handle
            .read_exact(&mut head)
            .and_then(|()| handle.seek(SeekFrom::End(-4)))
            .and_then(|_| handle.read_exact(&mut tail))
            .and_then(|()| handle.rewind());
        read.map_err(|error| unreadable(&file.name, &error))?;
    }
    if !is_long || &head != MAGIC {
        let message = format!("`{}` is no Parquet file: it does not begin with PAR1", file.name);
        return Err(ReadError::permanent(Stage::Read, code::NOT_PARQUET, message));
    }
    if &tail != MAGIC {
        return Err(damaged(file, "its footer", "the file does not end with PAR1; it was cut"));
    }
    Ok(PolarsReader::new(handle))
}

fn opened_plain(file: &SourceFile) -> PolarsResult<File> {
    Ok(File::open(&file.path)?)
}

// Damaged bytes make the decoder fail, and in places panic.
fn guarded<T>(file: &SourceFile, part: &str, read: impl FnOnce() -> PolarsResult<T>) -> Result<T, ReadError> {
    match std::panic::catch_unwind(AssertUnwindSafe(read)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(damaged(file, part, &error.to_string())),
        Err(_) => Err(damaged(file, part, "its bytes can't be decoded")),
    }
}

fn damaged(file: &SourceFile, part: &str, reason: &str) -> ReadError {
    let message = format!("`{}` is damaged in {part}: {reason}", file.name);
    ReadError::permanent(Stage::Read, code::DAMAGED_FILE, message)
}
