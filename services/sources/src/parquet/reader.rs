//! Reads Parquet files, some rows of a row group or some row groups at a time.

use std::{
    collections::{HashMap, VecDeque},
    ops::Range,
};

use polars::prelude::{Column, DataFrame, PlSmallStr};
use rfe_model::{letter::Stage, name::settle_columns};
use rfe_proto::dlq::Position;

use super::{
    file::{ParquetFile, Slice, damaged},
    types::settle,
};
use crate::{
    Chunk, FileMark, ReadContext, ReadError,
    cast::json_of_row,
    error::code,
    expected::Expected,
    location::{self, Location, SourceFile},
    pump::Produce,
    typed_rows,
};

/// Rows that are decoded at once: so many chunks of them, because the pages at both ends of a piece are decompressed twice.
const CHUNKS_A_PIECE: usize = 8;
/// A row group says how many bytes it has; where that is wrong, this many rows are decoded at once all the same.
const MAX_PIECE_ROWS: usize = 1 << 22;

/// Reads file by file.
#[derive(Debug)]
pub(super) struct ParquetReader {
    files: std::vec::IntoIter<(SourceFile, Vec<String>)>,
    current: Option<CurrentFile>,
    expected: Expected,
    chunk_bytes: usize,
    bytes_total: u64,
    bytes_pending: u64,
    has_spoken: bool,
    empty: Option<Chunk>,
    /// Files that ended since the last chunk.
    ended: Vec<FileMark>,
    must_tell_files: bool,
}

#[derive(Debug)]
struct CurrentFile {
    source: SourceFile,
    names: Vec<String>,
    file: ParquetFile,
    pieces: VecDeque<Piece>,
    rows: usize,
    decoded: Option<Decoded>,
}

/// Rows that are decoded at once, and about how many bytes they take.
#[derive(Debug)]
struct Piece {
    slice: Slice,
    bytes: usize,
}

/// Rows that were decoded and are not given yet.
#[derive(Debug)]
struct Decoded {
    frame: DataFrame,
    /// The number of its first row in the file.
    first: usize,
    next: usize,
    step: usize,
}

impl ParquetReader {
    /// Finds the files and reads what each says of its columns.
    pub(super) fn open(location: &Location, context: &ReadContext) -> Result<Self, ReadError> {
        let files = location.files(context)?;
        let files: Vec<SourceFile> =
            files.into_iter().map(|file| file.with_ranges(&context.scratch)).collect::<Result<_, _>>()?;
        let bytes_total = location::bytes_total(&files);
        let mut spellings: HashMap<String, String> = HashMap::new();
        let mut named = Vec::with_capacity(files.len());
        for file in files {
            let own = ParquetFile::open(&file)?.names();
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
            bytes_pending: 0,
            has_spoken: false,
            empty: None,
            ended: Vec::new(),
            must_tell_files: location.once,
        })
    }

    fn open_next(&mut self) -> Result<bool, ReadError> {
        let Some((source, names)) = self.files.next() else { return Ok(false) };
        let file = ParquetFile::open(&source)?;
        if file.names().len() != names.len() {
            return Err(source.changed());
        }
        let pieces = pieces(&file, self.chunk_bytes);
        let rows = file.groups().map(|(rows, _)| rows).sum();
        if rows == 0 {
            self.bytes_pending += source.bytes;
            if self.empty.is_none() {
                self.empty = Some(chunk_of(&file.empty(), &names, &source)?);
            }
        }
        self.current = Some(CurrentFile { source, names, file, pieces, rows, decoded: None });
        Ok(true)
    }
}

impl ParquetReader {
    // Files without rows still have columns, and have been read.
    fn last_word(&mut self) -> Option<Chunk> {
        let empty = self.empty.take().filter(|_| !self.has_spoken);
        let has_files = !self.ended.is_empty() && (self.must_tell_files || self.has_spoken);
        if empty.is_none() && !has_files {
            return None;
        }
        self.has_spoken = true;
        Some(Chunk {
            bytes_read: std::mem::take(&mut self.bytes_pending),
            bytes_total: self.bytes_total,
            files: std::mem::take(&mut self.ended),
            ..empty.unwrap_or_default()
        })
    }
}

impl Produce for ParquetReader {
    fn produce(&mut self) -> Result<Option<Chunk>, ReadError> {
        loop {
            if self.current.is_none() && !self.open_next()? {
                return Ok(self.last_word());
            }
            let Some(current) = &mut self.current else { continue };
            let next = current.next(self.chunk_bytes).map_err(|error| current.why(error))?;
            let mut chunk = None;
            if let Some((frame, rows)) = next {
                chunk = Some(current.chunk(&frame, rows.start, &self.expected)?);
                self.bytes_pending += current.share(rows);
            }
            if current.is_at_end() {
                current.source.check_unchanged()?;
                self.ended.push(current.source.mark());
                self.current = None;
            }
            let Some(mut chunk) = chunk else { continue };
            chunk.bytes_read = std::mem::take(&mut self.bytes_pending);
            chunk.bytes_total = self.bytes_total;
            chunk.files = std::mem::take(&mut self.ended);
            self.has_spoken = true;
            return Ok(Some(chunk));
        }
    }
}

fn pieces(file: &ParquetFile, chunk_bytes: usize) -> VecDeque<Piece> {
    let mut pieces = VecDeque::new();
    for (group, (rows, bytes)) in file.groups().enumerate() {
        let share = chunk_bytes.saturating_mul(CHUNKS_A_PIECE) as f64 / bytes.max(1) as f64;
        let step = ((rows as f64 * share) as usize).clamp(1, rows.clamp(1, MAX_PIECE_ROWS));
        for start in (0..rows).step_by(step) {
            let slice = Slice { group, rows: start..rows.min(start + step) };
            let bytes = (bytes as u128 * slice.rows.len() as u128 / rows as u128) as usize;
            pieces.push_back(Piece { slice, bytes });
        }
    }
    pieces
}

impl CurrentFile {
    // The next rows, and which of the file they are.
    fn next(&mut self, chunk_bytes: usize) -> Result<Option<(DataFrame, Range<usize>)>, ReadError> {
        if self.decoded.as_ref().is_none_or(|decoded| decoded.next == decoded.frame.height()) {
            let first = self.decoded.take().map_or(0, |decoded| decoded.first + decoded.frame.height());
            self.decoded = self.decode(first, chunk_bytes)?;
        }
        Ok(self.decoded.as_mut().map(|decoded| {
            let rows = decoded.step.min(decoded.frame.height() - decoded.next);
            let frame = decoded.frame.slice(decoded.next as i64, rows);
            let start = decoded.first + decoded.next;
            decoded.next += rows;
            (frame, start..start + rows)
        }))
    }

    fn is_at_end(&self) -> bool {
        let is_taken = self.decoded.as_ref().is_none_or(|decoded| decoded.next == decoded.frame.height());
        is_taken && self.pieces.is_empty()
    }

    // Small row groups are taken together, up to a chunk.
    fn decode(&mut self, first: usize, chunk_bytes: usize) -> Result<Option<Decoded>, ReadError> {
        let Some(piece) = self.pieces.pop_front() else { return Ok(None) };
        let mut bytes = piece.bytes;
        let mut frame = self.file.read(&piece.slice)?;
        let mut is_one = true;
        while let Some(piece) = self.pieces.pop_front_if(|next| bytes + next.bytes <= chunk_bytes) {
            let next = self.file.read(&piece.slice)?;
            bytes += piece.bytes;
            is_one = false;
            frame
                .vstack_mut_owned(next)
                .map_err(|error| damaged(&self.source.name, "its columns", &error.to_string()))?;
        }
        if !is_one {
            frame.rechunk_mut();
        }
        let share = chunk_bytes as f64 / bytes.max(1) as f64;
        let step = ((frame.height() as f64 * share) as usize).max(1);
        Ok(Some(Decoded { frame, first, next: 0, step }))
    }

    fn chunk(&self, frame: &DataFrame, first: usize, expected: &Expected) -> Result<Chunk, ReadError> {
        let chunk = chunk_of(frame, &self.names, &self.source)?;
        // A typed row has no bytes of its own: its JSON stands for them.
        let values: Vec<Column> = chunk.columns.iter().map(|column| column.values.clone()).collect();
        let sifted = typed_rows::sift(chunk, expected, |row, flaw| {
            let record = u32::try_from(first + row + 1).unwrap_or(u32::MAX);
            let position = Position { file: self.source.name.clone(), record, ..Position::default() };
            Ok(flaw.into_bad(json_of_row(&values, row)?.into_bytes(), position, None))
        });
        sifted.map_err(|error| damaged(&self.source.name, "its values", &error.to_string()))
    }

    // A file that was rewritten while it was read looks damaged, but is not.
    fn why(&self, error: ReadError) -> ReadError {
        self.source.check_unchanged().err().unwrap_or(error)
    }

    // Rows have no bytes of their own: each stands for an equal share of the file.
    fn share(&self, rows: Range<usize>) -> u64 {
        let before =
            |rows: usize| (self.source.bytes as u128 * rows as u128 / self.rows.max(1) as u128) as u64;
        before(rows.end) - before(rows.start)
    }
}

fn chunk_of(frame: &DataFrame, names: &[String], file: &SourceFile) -> Result<Chunk, ReadError> {
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
    let rows = frame.height();
    let raw =
        DataFrame::new(rows, raw).map_err(|error| damaged(&file.name, "its columns", &error.to_string()))?;
    Ok(Chunk { raw, columns, read: rows as u64, ..Chunk::default() })
}
