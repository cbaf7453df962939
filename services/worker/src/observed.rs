//! The columns of a run, as its chunks showed them: types merged over all of it, so that they never depend on row order.

use std::collections::HashMap;

use polars::prelude::DataType;
use rfe_model::SqlType;
use rfe_proto::metadata::ObservedColumn;
use rfe_sources::ChunkColumn;

/// The columns of a run.
#[derive(Debug, Default)]
pub(crate) struct Observed {
    columns: Vec<Seen>,
    by_name: HashMap<String, usize>,
}

#[derive(Debug)]
struct Seen {
    name: String,
    kind: Option<SqlType>,
    exceeds_double: bool,
    dtype: DataType,
    values: u64,
}

impl Observed {
    /// Adds what a chunk showed of a column. Names equal but for case are one column.
    pub fn add(&mut self, column: &ChunkColumn) {
        let next = self.columns.len();
        let at = *self.by_name.entry(column.name.to_lowercase()).or_insert(next);
        if at == next {
            self.columns.push(Seen {
                name: column.name.clone(),
                kind: None,
                exceeds_double: false,
                dtype: column.values.dtype().clone(),
                values: 0,
            });
        }
        let seen = &mut self.columns[at];
        seen.exceeds_double |= column.exceeds_double;
        seen.values += (column.values.len() - column.values.null_count()) as u64;
        if column.observed.is_some() {
            seen.dtype = column.values.dtype().clone();
        }
        seen.kind = match (seen.kind.take(), &column.observed) {
            (Some(known), Some(new)) => Some(known.widen(new, seen.exceeds_double)),
            (known, new) => known.or_else(|| new.clone()),
        };
    }

    /// True if no column was seen.
    pub fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }

    /// True if a column of this name was seen.
    pub fn contains(&self, name: &str) -> bool {
        self.by_name.contains_key(&name.to_lowercase())
    }

    /// The narrowest type that holds all values so far, and whether an integer of it would lose digits as DOUBLE.
    pub fn kind(&self, name: &str) -> (Option<SqlType>, bool) {
        let seen = self.by_name.get(&name.to_lowercase()).map(|at| &self.columns[*at]);
        seen.map_or((None, false), |seen| (seen.kind.clone(), seen.exceeds_double))
    }

    /// The type in which values of the column came, for types that have no other.
    pub fn dtype(&self, name: &str) -> Option<DataType> {
        self.by_name.get(&name.to_lowercase()).map(|at| self.columns[*at].dtype.clone())
    }

    /// Values of a column that are no NULLs.
    pub fn values(&self, name: &str) -> u64 {
        self.by_name.get(&name.to_lowercase()).map_or(0, |at| self.columns[*at].values)
    }

    /// As the registry wants it.
    pub fn to_proto(&self) -> Vec<ObservedColumn> {
        self.columns
            .iter()
            .map(|seen| ObservedColumn {
                name: seen.name.clone(),
                r#type: seen.kind.as_ref().map(ToString::to_string).unwrap_or_default(),
                exceeds_double: seen.exceeds_double,
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use polars::prelude::Column;

    use super::*;

    fn column(name: &str, kind: Option<SqlType>, exceeds_double: bool) -> ChunkColumn {
        ChunkColumn {
            name: name.into(),
            values: Column::full_null(name.into(), 1, &DataType::String),
            observed: kind,
            exceeds_double,
            in_raw: None,
        }
    }

    #[test]
    fn a_type_is_the_same_in_whatever_order_its_chunks_come() {
        let chunks = [
            (Some(SqlType::BigInt), true),
            (None, false),
            (Some(SqlType::Double), false),
            (Some(SqlType::BigInt), false),
        ];
        for turn in 0..chunks.len() {
            let mut observed = Observed::default();
            for at in 0..chunks.len() {
                let (kind, exceeds) = chunks[(at + turn) % chunks.len()].clone();
                observed.add(&column(if at == 0 { "Id" } else { "id" }, kind, exceeds));
            }
            let columns = observed.to_proto();
            assert_eq!(columns.len(), 1);
            assert_eq!((columns[0].name.as_str(), columns[0].r#type.as_str()), ("Id", "VARCHAR"));
        }
    }
}
