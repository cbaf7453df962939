//! Columns as compressed Parquet pages. The layer below Polars' own writer: that one can't set field ids.

use polars::prelude::{
    ArrowField, ArrowSchema, Column, CompatLevel, DataFrame, DataType, PlSmallStr, PolarsResult,
};
use polars_parquet::write::{
    CompressedPage, CompressionOptions, Encoding, ParquetType, StatisticsOptions, Version, WriteOptions,
    ZstdLevel, array_to_columns, compress, get_dtype_encoding,
};
use rayon::prelude::*;

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
}

/// How pages are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// To keep: small, with statistics.
    Kept,
    /// To read back once: fast.
    Spilled,
}

impl Form {
    pub fn options(self) -> WriteOptions {
        WriteOptions {
            statistics: match self {
                Self::Kept => StatisticsOptions::default(),
                Self::Spilled => StatisticsOptions::empty(),
            },
            compression: match self {
                // Level 1 costs about half of level 3 and a few percent of size.
                Self::Kept => CompressionOptions::Zstd(ZstdLevel::try_new(1).ok()),
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
    fields
        .iter()
        .map(|field| {
            let arrow = field.dtype.to_arrow_field(field.name.clone(), CompatLevel::newest());
            let arrow = match field.id {
                Some(id) => {
                    let id = PlSmallStr::from_string(id.to_string());
                    arrow.with_metadata([(PlSmallStr::from_static("PARQUET:field_id"), id)].into())
                }
                None => arrow,
            };
            (field.name.clone(), arrow)
        })
        .collect()
}

/// The pages of a column: one list a leaf.
pub(crate) type Pages = Vec<Vec<CompressedPage>>;

/// Encodes the columns of one row group, in parallel. Each column must be of one chunk.
pub(crate) fn encode(
    group: &DataFrame,
    fields: &[(&ArrowField, &ParquetType)],
    form: Form,
) -> PolarsResult<Vec<Pages>> {
    let Some(batch) = group.iter_chunks(CompatLevel::newest(), false).next() else { return Ok(Vec::new()) };
    batch
        .columns()
        .par_iter()
        .zip(fields)
        .map(|(array, (field, kind))| {
            let leaves = array_to_columns(array, (*kind).clone(), form.options(), &form.encodings(field))?;
            leaves
                .into_iter()
                .map(|pages| {
                    pages.map(|page| Ok(compress(page?, Vec::new(), form.options().compression)?)).collect()
                })
                .collect()
        })
        .collect()
}
