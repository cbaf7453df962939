//! One Parquet file: its footer, and the columns of its row groups. Bytes are read into memory rather than mapped, so a file that is
//! cut while it is read is an error and not the end of the process.

use std::{
    collections::HashMap,
    io::{self, Cursor},
    ops::Range,
    panic::AssertUnwindSafe,
};

use polars::prelude::{
    ArrowField, ArrowSchema, ArrowTimeUnit, Column, DataFrame, IntoColumn, PolarsError, PolarsResult, Series,
};
use polars_parquet::read::{
    BasicDecompressor, ColumnChunkMetadata, FileMetadata, Filter, PageReader, RowGroupMetadata,
    column_iter_to_arrays, read_metadata,
    schema::{SchemaInferenceOptions, infer_schema_with_options},
};
use rfe_model::letter::Stage;

use super::pages::{self, Span};
use crate::{
    ReadError,
    byte_ranges::ByteRanges,
    error::code,
    source_file::{SourceFile, unreadable},
};

const MAGIC: &[u8; 4] = b"PAR1";
/// The magic of files whose footer is encrypted.
const ENCRYPTED: &[u8; 4] = b"PARE";

/// Bytes at the end that are read first: most footers fit.
const TAIL: u64 = 64 << 10;
/// Behind a footer stand its length and the magic.
const BEHIND_FOOTER: u64 = 8;

/// Rows of one row group, counted from its first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Slice {
    pub(super) group: usize,
    pub(super) rows: Range<usize>,
}

/// An opened file.
pub(super) struct ParquetFile {
    name: String,
    file: ByteRanges,
    metadata: FileMetadata,
    schema: ArrowSchema,
    /// Pages of columns of the row group that was read last, if it is read in several pieces.
    known: HashMap<usize, Vec<Span>>,
    known_group: usize,
}

impl std::fmt::Debug for ParquetFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ParquetFile").field("name", &self.name).finish_non_exhaustive()
    }
}

impl ParquetFile {
    /// Opens a file and reads its footer.
    pub(super) fn open(source: &SourceFile) -> Result<Self, ReadError> {
        let file = source.ranges()?;
        let footer = footer(source, &file)?;
        let metadata = guarded(&source.name, "its footer", || read_metadata(&mut Cursor::new(footer)))?;
        // Finer than the dataset's types only costs range: nanoseconds end in the year 2262.
        let options = SchemaInferenceOptions { int96_coerce_to_timeunit: ArrowTimeUnit::Microsecond };
        let schema =
            guarded(&source.name, "its schema", || infer_schema_with_options(&metadata, &Some(options)))?;
        let name = source.name.clone();
        Ok(Self { name, file, metadata, schema, known: HashMap::new(), known_group: usize::MAX })
    }

    /// The names of its columns as they are.
    pub(super) fn names(&self) -> Vec<String> {
        self.schema.iter_names().map(ToString::to_string).collect()
    }

    /// Rows and decoded bytes of each row group.
    pub(super) fn groups(&self) -> impl Iterator<Item = (usize, usize)> {
        self.metadata.row_groups.iter().map(|group| (group.num_rows(), group.total_byte_size()))
    }

    /// Columns without rows.
    pub(super) fn empty(&self) -> DataFrame {
        let of = |field: &ArrowField| {
            Column::new_empty(field.name.clone(), &polars::prelude::DataType::from_arrow_field(field))
        };
        DataFrame::new(0, self.schema.iter_values().map(of).collect()).expect("the columns have no rows")
    }

    /// Reads rows of a row group.
    pub(super) fn read(&mut self, slice: &Slice) -> Result<DataFrame, ReadError> {
        if self.known_group != slice.group {
            self.known.clear();
            self.known_group = slice.group;
        }
        let mut known = std::mem::take(&mut self.known);
        let columns: Result<Vec<Column>, ReadError> = self
            .schema
            .iter_values()
            .enumerate()
            .map(|(place, field)| self.column(field, slice, known.entry(place).or_default()))
            .collect();
        self.known = known;
        let frame = DataFrame::new(slice.rows.len(), columns?);
        frame.map_err(|error| {
            damaged(&self.name, &format!("row group {}", slice.group + 1), &error.to_string())
        })
    }

    fn column(&self, field: &ArrowField, slice: &Slice, known: &mut Vec<Span>) -> Result<Column, ReadError> {
        let group = &self.metadata.row_groups[slice.group];
        let part = format!("row group {}, column `{}`", slice.group + 1, field.name);
        let leaves: Vec<&ColumnChunkMetadata> =
            group.columns_under_root_iter(&field.name).map(Iterator::collect).unwrap_or_default();
        let series = match leaves.as_slice() {
            [leaf] if leaf.descriptor().descriptor.max_rep_level == 0 => {
                self.flat(field, leaf, group, slice, known, &part)?
            }
            leaves => {
                let mut readers = Vec::with_capacity(leaves.len());
                for leaf in leaves {
                    let bytes = self.bytes(leaf.byte_range(), &part)?;
                    readers.push(guarded(&self.name, &part, || pages::walk(bytes, leaf))?.0);
                }
                self.decode(field, leaves, readers, slice.rows.clone(), &part)?
            }
        };
        if series.len() != slice.rows.len() {
            let reason = format!("it holds {} rows instead of {}", series.len(), slice.rows.len());
            return Err(damaged(&self.name, &part, &reason));
        }
        Ok(series.into_column())
    }

    // A value a row: of a row group that is read in pieces, only the pages that hold the piece are read again.
    fn flat(
        &self,
        field: &ArrowField,
        leaf: &ColumnChunkMetadata,
        group: &RowGroupMetadata,
        slice: &Slice,
        known: &mut Vec<Span>,
        part: &str,
    ) -> Result<Series, ReadError> {
        let place = leaf.byte_range();
        if known.is_empty() {
            let bytes = self.bytes(place, part)?;
            let (reader, spans) = guarded(&self.name, part, || pages::walk(bytes, leaf))?;
            let rows = spans.iter().map(|span| span.values).sum::<usize>();
            if rows != group.num_rows() {
                let reason = format!("it holds {rows} rows instead of {}", group.num_rows());
                return Err(damaged(&self.name, part, &reason));
            }
            if slice.rows.len() < group.num_rows() {
                *known = spans;
            }
            return self.decode(field, &[leaf], vec![reader], slice.rows.clone(), part);
        }
        let needed = pages::covering(known, &slice.rows);
        let mut bytes = Vec::new();
        for span in &needed.spans {
            bytes.extend(self.bytes(place.start + span.start..place.start + span.end, part)?);
        }
        let (reader, _) = guarded(&self.name, part, || pages::walk_some(bytes, leaf, needed.values))?;
        self.decode(field, &[leaf], vec![reader], needed.rows, part)
    }

    fn decode(
        &self,
        field: &ArrowField,
        leaves: &[&ColumnChunkMetadata],
        readers: Vec<PageReader>,
        rows: Range<usize>,
        part: &str,
    ) -> Result<Series, ReadError> {
        guarded(&self.name, part, || {
            let pages =
                readers.into_iter().map(|reader| BasicDecompressor::new(reader, Vec::new())).collect();
            let types = leaves.iter().map(|leaf| &leaf.descriptor().descriptor.primitive_type).collect();
            let filter = Filter::new_ranged(rows.start, rows.end);
            let (arrays, _) = column_iter_to_arrays(pages, types, field.clone(), Some(filter))?;
            Series::try_from((field, arrays))
        })
    }

    fn bytes(&self, place: Range<u64>, part: &str) -> Result<Vec<u8>, ReadError> {
        if place.start > place.end || place.end > self.file.len() {
            let reason = format!("its bytes {} to {} are not in the file", place.start, place.end);
            return Err(damaged(&self.name, part, &reason));
        }
        self.file.read_on(place).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => damaged(&self.name, part, "the file was cut while it was read"),
            _ => unreadable(&self.name, &error),
        })
    }
}

// The end of the file, which holds its footer, once its first and last bytes are those of a Parquet file.
fn footer(source: &SourceFile, file: &ByteRanges) -> Result<Vec<u8>, ReadError> {
    let read = |place: Range<u64>| file.read(place).map_err(|error| unreadable(&source.name, &error));
    let bytes = file.len();
    let tail = read(bytes.saturating_sub(TAIL)..bytes)?;
    // No file is shorter than two magics and a length.
    let is_long = bytes >= 4 + BEHIND_FOOTER;
    if is_long && tail.ends_with(ENCRYPTED) {
        return Err(encrypted(&source.name));
    }
    let is_whole = tail.len() as u64 == bytes;
    let begins = is_long && if is_whole { tail.starts_with(MAGIC) } else { read(0..4)? == MAGIC };
    if !begins {
        let message = format!("`{}` is no Parquet file: it does not begin with PAR1", source.name);
        return Err(ReadError::permanent(Stage::Read, code::NOT_PARQUET, message));
    }
    let Some((_, length)) = tail.strip_suffix(MAGIC).and_then(|tail| tail.split_last_chunk::<4>()) else {
        return Err(damaged(&source.name, "its footer", "the file does not end with PAR1; it was cut"));
    };
    let needed = u64::from(u32::from_le_bytes(*length)) + BEHIND_FOOTER;
    // A length that can't be is the decoder's to refuse.
    if needed <= tail.len() as u64 || needed > bytes {
        return Ok(tail);
    }
    read(bytes - needed..bytes)
}

// Damaged bytes make the decoder fail, and in places panic.
fn guarded<T>(name: &str, part: &str, read: impl FnOnce() -> PolarsResult<T>) -> Result<T, ReadError> {
    match std::panic::catch_unwind(AssertUnwindSafe(read)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) if error.to_string().to_lowercase().contains("encrypted") => Err(encrypted(name)),
        Ok(Err(PolarsError::Duplicate(reason))) => {
            Err(unsupported(name, &format!("two of its columns have one name, so rename one: {reason}")))
        }
        Ok(Err(error)) => Err(damaged(name, part, &error.to_string())),
        Err(_) => Err(damaged(name, part, "its bytes can't be decoded")),
    }
}

fn encrypted(name: &str) -> ReadError {
    unsupported(name, "it is encrypted; write it without encryption")
}

fn unsupported(name: &str, reason: &str) -> ReadError {
    ReadError::permanent(Stage::Read, code::TYPE_NOT_SUPPORTED, format!("`{name}` can't be read: {reason}"))
}

/// The error of a damaged file, with the part that is.
pub(super) fn damaged(name: &str, part: &str, reason: &str) -> ReadError {
    let message = format!("`{name}` is damaged in {part}: {reason}");
    ReadError::permanent(Stage::Read, code::DAMAGED_FILE, message)
}
