//! The columns of the new files of `main`: those of the schema that some input has, then lineage, as every file of `main` has
//! them.

use std::collections::HashMap;

use polars::prelude::{Column, DataFrame, DataType, PlSmallStr, TimeUnit, TimeZone};
use rfe_lake::Bucket;
use rfe_model::{SqlType, letter::Stage as At, name};
use rfe_proto::metadata::{Column as ColumnRecord, DataFile, SchemaVersion};
use rfe_sources::cast;

use super::{fetch::fetch, input::Input, unsound};
use crate::{
    attempt::Attempt,
    encode::PartField,
    failure::{Stop, busy},
};

/// The columns of the new files.
#[derive(Debug)]
pub(super) struct Targets(Vec<Target>);

#[derive(Debug)]
struct Target {
    id: u32,
    name: PlSmallStr,
    /// The type of NULLs, where a file lacks the column.
    dtype: DataType,
}

impl Targets {
    /// The columns that some input has; `nested` are the types that no schema says ([`nested_ids`]).
    pub fn new(
        schema: Option<&SchemaVersion>,
        inputs: &[DataFile],
        nested: &HashMap<u32, DataType>,
    ) -> Result<Self, Stop> {
        let mut targets = Vec::new();
        for (column, dtype) in columns(schema, inputs)? {
            // What statistics seemed to leave open, and no file has.
            let Some(dtype) = dtype.or_else(|| nested.get(&column.id).cloned()) else { continue };
            targets.push(Target { id: column.id, name: PlSmallStr::from_str(&column.name), dtype });
        }
        for (name, id) in name::LINEAGE_IDS {
            if inputs.iter().any(|input| may_have(input, id)) {
                targets.push(Target { id, name: PlSmallStr::from_static(name), dtype: lineage_type(name) });
            }
        }
        Ok(Self(targets))
    }

    /// The fields of rows that [`Self::place`] gave.
    pub fn fields(&self, frame: &DataFrame) -> Vec<PartField> {
        let columns = frame.columns().iter().zip(&self.0);
        columns.map(|(column, target)| PartField::of(column, Some(target.id))).collect()
    }

    /// Puts columns of a file in their places, by its field ids. A column that the file lacks is NULL.
    pub fn place(&mut self, key: &str, ids: &[Option<u32>], frame: &DataFrame) -> Result<DataFrame, Stop> {
        let mut by_id: HashMap<u32, &Column> = HashMap::new();
        for (id, column) in ids.iter().zip(frame.columns()) {
            let id = id.ok_or_else(|| {
                unsound(format!("column `{}` of the data file `{key}` has no field id", column.name()))
            })?;
            by_id.insert(id, column);
        }
        let mut columns = Vec::with_capacity(self.0.len());
        for target in &mut self.0 {
            columns.push(match by_id.remove(&target.id) {
                Some(column) => {
                    target.dtype = column.dtype().clone();
                    column.clone().with_name(target.name.clone())
                }
                None => Column::full_null(target.name.clone(), frame.height(), &target.dtype),
            });
        }
        if let Some((id, column)) = by_id.into_iter().next() {
            let name = column.name();
            let message = format!(
                "column `{name}` (id {id}) of the data file `{key}` stands neither in the schema version that is written by nor in the file's statistics"
            );
            return Err(unsound(message));
        }
        Ok(DataFrame::new(frame.height(), columns)?)
    }
}

// A file without statistics tells only once it is read.
fn may_have(input: &DataFile, id: u32) -> bool {
    input.stats.is_empty() || input.stats.iter().any(|stats| stats.column_id == id)
}

fn lineage_type(name: &str) -> DataType {
    match name {
        "_ingested_at" | "_received_at" => DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC)),
        "_schema_version" => DataType::Int64,
        _ => DataType::String,
    }
}

// The columns of a schema that some input has, with their types where the schema says them.
fn columns<'a>(
    schema: Option<&'a SchemaVersion>,
    inputs: &[DataFile],
) -> Result<Vec<(&'a ColumnRecord, Option<DataType>)>, Stop> {
    let known = schema.iter().flat_map(|schema| &schema.columns);
    known
        .filter(|column| inputs.iter().any(|input| may_have(input, column.id)))
        .map(|column| {
            let unknown = |why: String| unsound(format!("column `{}`: {why}", column.name));
            let kind: SqlType = column.r#type.parse().map_err(unknown)?;
            Ok((column, cast::data_type(&kind)))
        })
        .collect()
}

/// The columns of nested types.
pub(super) fn nested_ids(schema: Option<&SchemaVersion>, inputs: &[DataFile]) -> Result<Vec<u32>, Stop> {
    let columns = columns(schema, inputs)?.into_iter();
    Ok(columns.filter(|(_, dtype)| dtype.is_none()).map(|(column, _)| column.id).collect())
}

/// Nested types are known by files that have them only. They are looked up ahead: or else files would end where a column comes
/// up first, and so stay small.
pub(super) async fn nested_types(
    attempt: &Attempt,
    mut ids: Vec<u32>,
) -> Result<HashMap<u32, DataType>, Stop> {
    let mut types = HashMap::new();
    for (number, file) in attempt.inputs.iter().enumerate() {
        if !ids.iter().any(|id| may_have(file, *id)) {
            continue;
        }
        let to = attempt.scratch().join(format!("types-{number}.parquet"));
        let fetched = fetch(attempt.worker.lake.clone(), Bucket::Processed, file.clone(), to).await?;
        let file = file.clone();
        let columns = busy(At::Read, move || {
            let columns = Input::open(&file, fetched.path())?.columns()?;
            fetched.discard()?;
            Ok(columns)
        });
        types.extend(columns.await?.into_iter().filter(|(id, _)| ids.contains(id)));
        ids.retain(|id| !types.contains_key(id));
    }
    Ok(types)
}
