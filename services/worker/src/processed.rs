//! Pass 2 of a run: fields are cast to the settled types and get their lineage.

use std::collections::HashMap;

use polars::prelude::{Column, DataFrame, DataType, PlSmallStr, Scalar, TimeUnit, TimeZone};
use rayon::prelude::*;
use rfe_model::{SqlType, letter::Stage as At, name};
use rfe_proto::metadata::SchemaVersion;
use rfe_sources::cast;

use crate::{
    encode::PartField,
    failure::{Failed, Stop, TYPES_CHANGED},
    observed::Observed,
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

    /// Rows of `main`: the fields of their file, and the values of those that are not constant.
    pub fn project(&self, frame: &DataFrame) -> Result<(Vec<PartField>, DataFrame), Stop> {
        let by_name: HashMap<String, &Column> =
            frame.columns().iter().map(|column| (column.name().to_lowercase(), column)).collect();
        let cast: Result<Vec<Column>, Stop> = self
            .targets
            .par_iter()
            .map(|target| target.cast(by_name.get(&target.name.to_lowercase()).copied(), frame.height()))
            .collect();
        let mut columns = cast?;
        let mut fields: Vec<PartField> = columns
            .iter()
            .zip(&self.targets)
            .map(|(column, target)| PartField::of(column, Some(target.id)))
            .collect();
        fields.extend(self.lineage.iter().cloned());
        if self.events {
            for lineage in name::EVENT_LINEAGE {
                let column = frame.column(lineage)?;
                fields.push(PartField::of(column, lineage_id(lineage)));
                columns.push(column.clone());
            }
        }
        Ok((fields, DataFrame::new(frame.height(), columns)?))
    }
}

impl Target {
    fn cast(&self, values: Option<&Column>, rows: usize) -> Result<Column, Stop> {
        let name = PlSmallStr::from_str(&self.name);
        let Some(values) = values else { return Ok(Column::full_null(name, rows, &self.dtype)) };
        let cast = cast::cast(values, &self.kind)?;
        if let Some(first) = cast.lost.first() {
            return Err(self.lost(cast.lost.len(), *first).into());
        }
        let mut column = cast.column;
        column.rename(name);
        Ok(column)
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
