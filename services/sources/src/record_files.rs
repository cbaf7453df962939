//! Files whose records have fields of types of their own. A kind says how a file's records are decoded ([`RecordFile`]); chunks,
//! columns of several files, `raw`, and records that do not fit are the same for all.

use std::collections::{HashMap, HashSet};

use polars::prelude::{AnyValue, Column, DataType, IntoColumn, PlSmallStr, Series};
use rfe_model::{
    SqlType,
    letter::{BadRecord, Stage},
    name::settle_columns,
};
use rfe_proto::dlq::Position;

use crate::{
    Chunk, ChunkColumn, FileMark, ReadContext, ReadError,
    cast::{data_type, exceeds_double},
    error::code,
    expected::Expected,
    flaw::Flaw,
    json_rows::{JsonRows, Place},
    location::{self, Location, SourceFile},
    pump::Produce,
    typed_rows,
};

/// A record: a value for each column of its file, and the record whole as JSON.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) cells: Vec<AnyValue<'static>>,
    pub(crate) body: String,
    /// What is wrong with it, where its bytes can be told apart but not landed.
    pub(crate) flaw: Option<Flaw>,
}

/// A file that is being read, record by record. It holds no more than it needs for the next one.
pub(crate) trait RecordFile: Send + Sized + 'static {
    /// Opens a file and reads what it says of its columns; about `window` bytes are held at a time.
    ///
    /// # Errors
    /// If it is no file of the kind.
    fn open(file: &SourceFile, window: usize) -> Result<Self, ReadError>;

    /// Names and types of its columns; no type where all values are NULL.
    fn columns(&self) -> &[(String, Option<SqlType>)];

    /// The next record; `None` at the end.
    ///
    /// # Errors
    /// If the file is damaged.
    fn next(&mut self) -> Result<Option<Row>, ReadError>;

    /// Bytes read since this was asked last.
    fn bytes_read(&mut self) -> u64;
}

/// Reads file by file.
#[derive(Debug)]
pub(crate) struct RecordReader<F> {
    union: Vec<String>,
    files: std::vec::IntoIter<SourceFile>,
    /// The only file, which is not opened a second time.
    opened: Option<F>,
    current: Option<CurrentFile<F>>,
    empty: Option<Chunk>,
    /// Files that ended since the last chunk.
    ended: Vec<FileMark>,
    must_tell_files: bool,
    expected: Expected,
    chunk_bytes: usize,
    bytes_total: u64,
    bytes_pending: u64,
}

#[derive(Debug)]
struct CurrentFile<F> {
    file: SourceFile,
    records: F,
    read: u64,
}

impl<F: RecordFile> RecordReader<F> {
    /// Finds the files and reads what each says of its columns, so that every chunk has the columns of all.
    pub(crate) fn open(location: &Location, context: &ReadContext) -> Result<Self, ReadError> {
        let files = location.files(context)?;
        let mut union: Vec<String> = Vec::new();
        let mut known = HashSet::new();
        let chunk_bytes = context.chunk_bytes.max(1);
        let window = if files.len() == 1 { chunk_bytes.min(WINDOW) } else { HEADER_WINDOW };
        let mut first = None;
        for file in &files {
            let opened = F::open(file, window)?;
            for name in names(opened.columns()) {
                if known.insert(name.to_lowercase()) {
                    union.push(name);
                }
            }
            first = first.or(Some(opened));
        }
        let empty = first.as_ref().map(|first: &F| chunk_of(&union, first.columns(), Vec::new(), ""));
        Ok(Self {
            empty: empty.transpose()?,
            union,
            bytes_total: location::bytes_total(&files),
            opened: first.filter(|_| files.len() == 1),
            files: files.into_iter(),
            current: None,
            ended: Vec::new(),
            must_tell_files: location.once,
            expected: Expected::new(&context.expected),
            chunk_bytes,
            bytes_pending: 0,
        })
    }

    fn open_next(&mut self) -> Result<bool, ReadError> {
        let Some(file) = self.files.next() else { return Ok(false) };
        let records = match self.opened.take() {
            Some(opened) => opened,
            None => F::open(&file, self.chunk_bytes.min(WINDOW))?,
        };
        self.current = Some(CurrentFile { file, records, read: 0 });
        Ok(true)
    }

    fn finish(&mut self, mut chunk: Chunk) -> Chunk {
        chunk.bytes_read = std::mem::take(&mut self.bytes_pending);
        chunk.bytes_total = self.bytes_total;
        chunk.files = std::mem::take(&mut self.ended);
        self.empty = None;
        chunk
    }
}

const HEADER_WINDOW: usize = 64 << 10;
const WINDOW: usize = 1 << 20;

impl<F: RecordFile> Produce for RecordReader<F> {
    fn produce(&mut self) -> Result<Option<Chunk>, ReadError> {
        loop {
            if self.current.is_none() && !self.open_next()? {
                // Files without records still have columns, and have been read.
                let has_spoken = self.empty.is_none();
                let has_files = !self.ended.is_empty() && (self.must_tell_files || has_spoken);
                let last = self.empty.take().or_else(|| has_files.then(Chunk::default));
                return Ok(last.map(|chunk| self.finish(chunk)));
            }
            let Some(current) = &mut self.current else { continue };
            // A file that was rewritten while it was read looks damaged, but is not.
            let read = current.read(&self.union, &self.expected, self.chunk_bytes);
            let (chunk, is_at_end) =
                read.map_err(|error| current.file.check_unchanged().err().unwrap_or(error))?;
            self.bytes_pending += current.records.bytes_read();
            if is_at_end {
                current.file.check_unchanged()?;
                self.ended.push(current.file.mark());
                self.current = None;
            }
            if chunk.read > 0 {
                return Ok(Some(self.finish(chunk)));
            }
        }
    }
}

impl<F: RecordFile> CurrentFile<F> {
    fn read(
        &mut self,
        union: &[String],
        expected: &Expected,
        chunk_bytes: usize,
    ) -> Result<(Chunk, bool), ReadError> {
        let (mut good, mut bad) = (Vec::new(), Vec::new());
        let mut taken = 0;
        let mut is_at_end = false;
        while taken < chunk_bytes {
            let Some(row) = self.records.next()? else {
                is_at_end = true;
                break;
            };
            self.read += 1;
            taken += row.body.len() + 1;
            match row.flaw {
                Some(flaw) => bad.push(bad_record(flaw, &self.file.name, self.read, row.body)),
                None => good.push((self.read, row)),
            }
        }
        let records: Vec<u64> = good.iter().map(|(record, _)| *record).collect();
        let chunk = chunk_of(union, self.records.columns(), good, &self.file.name)?;
        let bodies = chunk.raw.column("body").cloned();
        let mut chunk = typed_rows::sift(chunk, expected, |row, flaw| {
            let body = bodies.as_ref().ok().and_then(|bodies| bodies.str().ok()?.get(row));
            Ok(bad_record(flaw, &self.file.name, records[row], body.unwrap_or_default().to_owned()))
        })
        .map_err(|error| unfit(&self.file.name, &error.to_string()))?;
        chunk.read += bad.len() as u64;
        let letters = typed_rows::context(&chunk.columns);
        chunk.bad.extend(bad.into_iter().map(|bad| BadRecord { context: Some(letters.clone()), ..bad }));
        chunk.bad.sort_by_key(|bad| bad.position.record);
        Ok((chunk, is_at_end))
    }
}

fn bad_record(flaw: Flaw, file: &str, record: u64, body: String) -> BadRecord {
    let record = u32::try_from(record).unwrap_or(u32::MAX);
    let position = Position { file: file.to_owned(), record, ..Position::default() };
    flaw.into_bad(body.into_bytes(), position, None)
}

// Names that differ by case alone are one column, in the spelling that came first.
fn names(columns: &[(String, Option<SqlType>)]) -> Vec<String> {
    let own: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
    settle_columns(&own)
}

fn chunk_of(
    union: &[String],
    of_file: &[(String, Option<SqlType>)],
    rows: Vec<(u64, Row)>,
    file: &str,
) -> Result<Chunk, ReadError> {
    let count = rows.len();
    let mut raw = JsonRows::new(Place::Record);
    let mut cells: Vec<Vec<AnyValue<'static>>> = of_file.iter().map(|_| Vec::with_capacity(count)).collect();
    for (record, row) in rows {
        raw.push_line(file, record, &row.body);
        for (column, cell) in cells.iter_mut().zip(row.cells) {
            column.push(cell);
        }
    }
    let mut by_name: HashMap<String, (Option<SqlType>, Vec<AnyValue<'static>>)> = HashMap::new();
    for ((name, (_, of)), cells) in names(of_file).iter().zip(of_file).zip(cells) {
        by_name.insert(name.to_lowercase(), (of.clone(), cells));
    }
    let mut columns = Vec::with_capacity(union.len());
    for name in union {
        let (of, cells) = by_name.remove(&name.to_lowercase()).unwrap_or_default();
        columns.push(column_of(name, of, &cells, count).map_err(|error| unfit(file, &error.to_string()))?);
    }
    Ok(Chunk { raw: raw.finish(), columns, read: count as u64, ..Chunk::default() })
}

fn column_of(
    name: &str,
    of: Option<SqlType>,
    cells: &[AnyValue<'static>],
    rows: usize,
) -> polars::prelude::PolarsResult<ChunkColumn> {
    let short = PlSmallStr::from_str(name);
    let values = match of.as_ref().and_then(data_type) {
        Some(kind) => Series::from_any_values_and_dtype(short, cells, &kind, true)?.into_column(),
        None => Column::full_null(short, rows, &DataType::String),
    };
    Ok(ChunkColumn {
        name: name.to_owned(),
        exceeds_double: of == Some(SqlType::BigInt) && exceeds_double(&values)?,
        observed: of,
        in_raw: None,
        values,
    })
}

fn unfit(file: &str, reason: &str) -> ReadError {
    ReadError::permanent(
        Stage::Decode,
        code::TYPE_NOT_SUPPORTED,
        format!("`{file}`: its records can't become columns: {reason}"),
    )
}
