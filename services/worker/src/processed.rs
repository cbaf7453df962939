//! Pass 2 of a run: row groups get their ids and lineage. What was encoded by another type than the settled one is cast and
//! encoded again.

use std::{borrow::Cow, collections::HashMap, fs::File};

use polars::prelude::{Column, DataType, PlSmallStr, Scalar, TimeUnit, TimeZone};
use rayon::prelude::*;
use rfe_model::{SqlType, letter::Stage as At, name};
use rfe_proto::metadata::SchemaVersion;
use rfe_sources::cast;

use crate::{
    encode::{Encoded, Form, PartField},
    failure::{Failed, Stop, TYPES_CHANGED, WRITE_FAILED},
    kept::{Kept, KeptColumn},
    observed::Observed,
    parts::Parts,
};

/// How fields become rows of `main`.
#[derive(Debug)]
pub(crate) struct Projection {
    targets: Vec<Target>,
    lineage: Vec<PartField>,
    events: bool,
}

#[derive(Debug)]
struct Target {
    id: u32,
    name: String,
    kind: SqlType,
    declared: bool,
    // The type of a column of NULLs, where a piece of the run does not have the column.
    dtype: DataType,
}

/// Whose rows they are.
#[derive(Debug)]
pub(crate) struct Origin<'a> {
    pub source: &'a str,
    pub run_id: &'a str,
    pub ingested_micros: i64,
    pub events: bool,
}

impl Projection {
    /// The columns of the schema that the run saw, by their ids; the others read as NULL without standing in the file.
    pub fn new(schema: &SchemaVersion, observed: &Observed, origin: &Origin<'_>) -> Result<Self, Stop> {
        let mut targets = Vec::new();
        for column in schema.columns.iter().filter(|column| observed.contains(&column.name)) {
            let kind: SqlType = column.r#type.parse().map_err(|why: String| {
                Failed::permanent(At::Contract, TYPES_CHANGED, format!("column `{}`: {why}", column.name))
            })?;
            let dtype =
                cast::data_type(&kind).or_else(|| observed.dtype(&column.name)).unwrap_or(DataType::String);
            targets.push(Target {
                id: column.id,
                name: column.name.clone(),
                kind,
                declared: column.declared,
                dtype,
            });
        }
        Ok(Self { targets, lineage: lineage(origin, schema.version), events: origin.events })
    }

    /// Writes row groups as rows of `main`. Returns how many rows there are.
    pub fn write(&self, kept: &Kept, parts: &mut Parts) -> Result<usize, Stop> {
        let mut rows = 0;
        for group in kept.groups() {
            let by_name: HashMap<String, &KeptColumn> =
                group.columns.iter().map(|column| (column.name.to_lowercase(), column)).collect();
            let columns: Vec<Cow<'_, Encoded>> = self
                .targets
                .par_iter()
                .map(|target| {
                    target.encoded(
                        by_name.get(&target.name.to_lowercase()).copied(),
                        group.rows,
                        kept.scratch(),
                    )
                })
                .collect::<Result<_, Stop>>()?;
            let mut fields: Vec<PartField> =
                columns.iter().zip(&self.targets).map(|(column, target)| target.field(column)).collect();
            let mut columns: Vec<&Encoded> = columns.iter().map(AsRef::as_ref).collect();
            fields.extend(self.lineage.iter().cloned());
            for lineage in self.events.then_some(name::EVENT_LINEAGE).into_iter().flatten() {
                let column = by_name.get(lineage).ok_or_else(|| {
                    Failed::permanent(At::Write, WRITE_FAILED, format!("rows came without `{lineage}`"))
                })?;
                fields.push(PartField {
                    name: column.name.clone(),
                    dtype: column.encoded.dtype.clone(),
                    id: lineage_id(lineage),
                    constant: None,
                });
                columns.push(&column.encoded);
            }
            parts.write(&fields, group.rows, &columns, kept.scratch())?;
            rows += group.rows;
        }
        Ok(rows)
    }
}

impl Target {
    fn field(&self, column: &Encoded) -> PartField {
        let name = PlSmallStr::from_str(&self.name);
        PartField { name, dtype: column.dtype.clone(), id: Some(self.id), constant: None }
    }

    fn encoded<'k>(
        &self,
        column: Option<&'k KeptColumn>,
        rows: usize,
        scratch: Option<&File>,
    ) -> Result<Cow<'k, Encoded>, Stop> {
        let name = PlSmallStr::from_str(&self.name);
        let Some(column) = column else {
            let nulls = Column::full_null(name, rows, &self.dtype);
            return Ok(Cow::Owned(Encoded::of(&nulls, Form::Kept)?));
        };
        let stays = cast::data_type(&self.kind).is_none_or(|dtype| dtype == column.encoded.dtype);
        if stays {
            return Ok(Cow::Borrowed(&column.encoded));
        }
        let cast = cast::cast(&column.original(rows, scratch)?, &self.kind)?;
        match cast.lost.first() {
            Some(first) => Err(self.lost(cast.lost.len(), *first).into()),
            None => Ok(Cow::Owned(Encoded::of(&cast.column, Form::Kept)?)),
        }
    }

    // Readers refuse what does not fit a type that they were told; so the type came up since, and reading again mends it.
    // A declared type was told.
    fn lost(&self, values: usize, row: usize) -> Failed {
        let (name, kind) = (&self.name, &self.kind);
        let message =
            format!("{values} values of column `{name}` do not fit {kind}, the first in row {}", row + 1);
        let failed = Failed::transient(At::Validate, TYPES_CHANGED, message);
        Failed { permanent: self.declared, ..failed }
    }
}

fn lineage(origin: &Origin<'_>, version: u32) -> Vec<PartField> {
    let zone = DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC));
    let ingested = Scalar::new(
        zone,
        polars::prelude::AnyValue::DatetimeOwned(
            origin.ingested_micros,
            TimeUnit::Microseconds,
            Some(std::sync::Arc::new(TimeZone::UTC)),
        ),
    );
    let values = [
        Scalar::from(PlSmallStr::from_str(origin.source)),
        Scalar::from(PlSmallStr::from_str(origin.run_id)),
        ingested,
        Scalar::from(i64::from(version)),
    ];
    name::LINEAGE
        .into_iter()
        .zip(values)
        .map(|(name, value)| {
            PartField::constant(Column::new_scalar(PlSmallStr::from_static(name), value, 1), lineage_id(name))
        })
        .collect()
}

fn lineage_id(name: &str) -> Option<u32> {
    name::LINEAGE_IDS.iter().find(|(lineage, _)| *lineage == name).map(|(_, id)| *id)
}
