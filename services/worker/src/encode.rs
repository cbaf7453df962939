//! Columns as compressed Parquet pages. The layer below Polars' own writer: that one can't set field ids, and pages that were
//! made once can stand in several files.

use std::{fs::File, io::Cursor};

use polars::prelude::{
    ArrowField, ArrowSchema, Column, CompatLevel, DataFrame, DataType, ParquetReader, PlSmallStr,
    PolarsError, PolarsResult, SerReader as _,
};
use polars_parquet::write::{
    CompressedPage, CompressionOptions, DynIter, DynStreamingIterator, Encoding, FallibleStreamingIterator,
    FileWriter, StatisticsOptions, Version, WriteOptions, ZstdLevel, array_to_columns, get_dtype_encoding,
    to_parquet_type,
};
use rayon::prelude::*;

use crate::{sheet::Sheet, stats::Bounds};

/// One column of a file.
#[derive(Debug, Clone)]
pub(crate) struct PartField {
    pub name: PlSmallStr,
    pub dtype: DataType,
    /// Its Parquet field id.
    pub id: Option<u32>,
    /// A column of one row whose value stands in every row; it is not in the frames then.
    pub constant: Option<Column>,
}

impl PartField {
    pub fn of(column: &Column, id: Option<u32>) -> Self {
        Self { name: column.name().clone(), dtype: column.dtype().clone(), id, constant: None }
    }

    pub fn constant(column: Column, id: Option<u32>) -> Self {
        Self { constant: Some(column.clone()), ..Self::of(&column, id) }
    }

    pub fn is_like(&self, other: &Self) -> bool {
        self.name == other.name && self.dtype == other.dtype && self.id == other.id
    }

    fn arrow(&self) -> ArrowField {
        let arrow = self.dtype.to_arrow_field(self.name.clone(), CompatLevel::newest());
        match self.id {
            Some(id) => {
                let id = PlSmallStr::from_string(id.to_string());
                arrow.with_metadata([(PlSmallStr::from_static("PARQUET:field_id"), id)].into())
            }
            None => arrow,
        }
    }
}

/// How pages are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// To keep: small, with statistics.
    Kept,
    /// To keep and never to search: small.
    Stored,
    /// To read back once: fast.
    Spilled,
}

impl Form {
    pub fn options(self) -> WriteOptions {
        WriteOptions {
            statistics: match self {
                Self::Kept => StatisticsOptions::default(),
                Self::Stored | Self::Spilled => StatisticsOptions::empty(),
            },
            compression: match self {
                // Level 1 costs about half of level 3 and a few percent of size.
                Self::Kept | Self::Stored => CompressionOptions::Zstd(ZstdLevel::try_new(1).ok()),
                Self::Spilled => CompressionOptions::Uncompressed,
            },
            version: Version::V1,
            data_page_size: None,
        }
    }

    fn encodings(self, field: &ArrowField) -> Vec<Encoding> {
        let mut encodings = get_dtype_encoding(&field.dtype);
        if self == Self::Spilled {
            encodings.fill(Encoding::Plain);
        }
        encodings
    }
}

/// The Arrow schema of a file, with field ids in its metadata, from where the Parquet schema takes them.
pub(crate) fn arrow_schema(fields: &[PartField]) -> ArrowSchema {
    fields.iter().map(|field| (field.name.clone(), field.arrow())).collect()
}

/// The pages of a column of one row group.
#[derive(Debug, Clone)]
pub(crate) struct Encoded {
    pub dtype: DataType,
    /// A list of pages a leaf.
    pub leaves: Vec<Vec<Sheet>>,
    /// What the column holds; gathered for columns that are searched.
    pub bounds: Bounds,
}

impl Encoded {
    /// Encodes a column.
    pub fn of(column: &Column, form: Form) -> PolarsResult<Self> {
        let series = column.as_materialized_series().rechunk();
        let field = PartField::of(column, None).arrow();
        let array = series.to_arrow(0, CompatLevel::newest());
        let leaves =
            array_to_columns(array, to_parquet_type(&field)?, form.options(), &form.encodings(&field))?;
        let leaves = leaves
            .into_iter()
            .map(|pages| pages.map(|page| Sheet::of(page?, form.options().compression)).collect())
            .collect::<PolarsResult<_>>()?;
        let mut bounds = Bounds::default();
        if form == Form::Kept {
            bounds.add(column);
        }
        Ok(Self { dtype: column.dtype().clone(), leaves, bounds })
    }

    /// Its pages, all leaves.
    pub fn sheets_mut(&mut self) -> impl Iterator<Item = &mut Sheet> {
        self.leaves.iter_mut().flatten()
    }

    /// The values again.
    pub fn decode(&self, name: &PlSmallStr, rows: usize, scratch: Option<&File>) -> PolarsResult<Column> {
        let field = PartField { name: name.clone(), dtype: self.dtype.clone(), id: None, constant: None };
        let schema = arrow_schema(std::slice::from_ref(&field));
        let mut file = FileWriter::try_new(Vec::new(), schema, Form::Stored.options())?;
        write_group(&mut file, rows, &[self], scratch)?;
        file.end(None)?;
        let frame = ParquetReader::new(Cursor::new(file.into_inner())).finish()?;
        frame.column(name).cloned()
    }
}

/// Encodes the columns of one row group, in parallel.
pub(crate) fn encode(group: &DataFrame, form: Form) -> PolarsResult<Vec<Encoded>> {
    group.columns().par_iter().map(|column| Encoded::of(column, form)).collect()
}

/// Writes a row group of columns in the order of the file's fields.
pub(crate) fn write_group<W: std::io::Write>(
    file: &mut FileWriter<W>,
    rows: usize,
    columns: &[&Encoded],
    scratch: Option<&File>,
) -> PolarsResult<()> {
    let leaves = columns.iter().flat_map(|column| &column.leaves).map(|sheets| {
        Ok::<_, PolarsError>(DynStreamingIterator::new(Pages { sheets: sheets.iter(), scratch, page: None }))
    });
    file.write(rows as u64, DynIter::new(leaves))
}

// Pages of one leaf, fetched when their turn comes.
struct Pages<'a> {
    sheets: std::slice::Iter<'a, Sheet>,
    scratch: Option<&'a File>,
    page: Option<CompressedPage>,
}

impl FallibleStreamingIterator for Pages<'_> {
    type Item = CompressedPage;
    type Error = PolarsError;

    fn advance(&mut self) -> PolarsResult<()> {
        self.page = self.sheets.next().map(|sheet| sheet.page(self.scratch)).transpose()?;
        Ok(())
    }

    fn get(&self) -> Option<&CompressedPage> {
        self.page.as_ref()
    }
}
