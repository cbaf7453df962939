//! What a run's columns do to a dataset's schema. Pure: the registry calls it under the dataset's lock.

use rfe_proto::metadata::{Column, ObservedColumn, SchemaVersion};

use crate::{
    SqlType,
    id::sha256_hex,
    source::{Mode, SchemaPolicy, SourceSpec},
};

/// The schema to write by.
#[derive(Debug, Clone, PartialEq)]
pub struct Settled {
    /// All columns of the dataset, in order.
    pub columns: Vec<Column>,
    /// SHA-256 of them, in hex.
    pub hash: String,
    /// What is new against the version before, a line each.
    pub changes: Vec<String>,
    /// Observed columns that the policy leaves out.
    pub discarded: Vec<String>,
}

/// The columns do not fit a frozen schema.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("schema_policy is `freeze` and the columns changed: {}", .0.join("; "))]
pub struct Frozen(pub Vec<String>);

/// Settles the columns of a run against the dataset's newest version.
///
/// # Errors
/// [`Frozen`] if the policy allows no change and there is one.
pub fn settle(
    source: &SourceSpec,
    current: Option<&SchemaVersion>,
    observed: &[ObservedColumn],
) -> Result<Settled, Frozen> {
    let known: &[Column] = current.map_or(&[], |version| &version.columns);
    let mut settling = Settling {
        source,
        columns: known.to_vec(),
        next_id: known.iter().map(|column| column.id).max().unwrap_or(0) + 1,
        changes: Vec::new(),
        discarded: Vec::new(),
    };
    let first = current.is_none();
    for column in observed {
        settling.take(column, first);
    }
    for (name, declared) in &source.columns {
        settling.declare(name, declared);
    }
    if source.mode == Mode::Replace && !first {
        settling.mark_missing(observed);
    }
    if source.schema_policy == SchemaPolicy::Freeze && !first && !settling.changes.is_empty() {
        return Err(Frozen(settling.changes));
    }
    let hash = hash(&settling.columns);
    Ok(Settled { columns: settling.columns, hash, changes: settling.changes, discarded: settling.discarded })
}

/// SHA-256 over ids, names, types and flags, in hex.
pub fn hash(columns: &[Column]) -> String {
    let mut text = String::new();
    for column in columns {
        text.push_str(&format!(
            "{}\u{0}{}\u{0}{}\u{0}{}\u{0}{}\n",
            column.id, column.name, column.r#type, column.missing, column.exceeds_double
        ));
    }
    sha256_hex(text.as_bytes())
}

struct Settling<'a> {
    source: &'a SourceSpec,
    columns: Vec<Column>,
    next_id: u32,
    changes: Vec<String>,
    discarded: Vec<String>,
}

impl Settling<'_> {
    fn take(&mut self, observed: &ObservedColumn, first: bool) {
        let declared = self.source.columns.get(&observed.name);
        match self.columns.iter().position(|column| column.name.eq_ignore_ascii_case(&observed.name)) {
            Some(at) => self.widen(at, observed, declared.is_some()),
            None if self.leaves_out_new() && !first && declared.is_none() => {
                self.discarded.push(observed.name.clone());
            }
            None => {
                let kind = declared.map_or_else(|| observed_type(observed), Clone::clone);
                self.add(&observed.name, &kind, declared.is_some(), observed.exceeds_double);
            }
        }
    }

    fn leaves_out_new(&self) -> bool {
        matches!(self.source.schema_policy, SchemaPolicy::Discard | SchemaPolicy::Quarantine)
    }

    fn add(&mut self, name: &str, kind: &SqlType, declared: bool, exceeds_double: bool) {
        self.changes.push(format!("new column `{name}` {kind}"));
        self.columns.push(Column {
            id: self.next_id,
            name: name.to_owned(),
            r#type: kind.to_string(),
            declared,
            missing: false,
            exceeds_double,
        });
        self.next_id += 1;
    }

    fn widen(&mut self, at: usize, observed: &ObservedColumn, declared: bool) {
        let keeps_types = self.source.schema_policy == SchemaPolicy::Quarantine;
        let column = &mut self.columns[at];
        if column.missing {
            column.missing = false;
            self.changes.push(format!("column `{}` is back", column.name));
        }
        if declared || observed.r#type.is_empty() || keeps_types {
            return;
        }
        column.exceeds_double |= observed.exceeds_double;
        let old = column.r#type.parse::<SqlType>().unwrap_or(SqlType::Varchar);
        let wide = old.widen(&observed_type(observed), column.exceeds_double);
        if wide != old {
            self.changes.push(format!("column `{}` widens from {old} to {wide}", column.name));
            column.r#type = wide.to_string();
        }
    }

    fn declare(&mut self, name: &str, declared: &SqlType) {
        match self.columns.iter_mut().find(|column| column.name.eq_ignore_ascii_case(name)) {
            Some(column) => {
                column.declared = true;
                let text = declared.to_string();
                if column.r#type != text {
                    self.changes
                        .push(format!("column `{name}` is declared as {declared}, was {}", column.r#type));
                    column.r#type = text;
                }
            }
            None => self.add(name, declared, true, false),
        }
    }

    fn mark_missing(&mut self, observed: &[ObservedColumn]) {
        for column in &mut self.columns {
            let seen = observed.iter().any(|seen| seen.name.eq_ignore_ascii_case(&column.name));
            if !seen && !column.missing {
                column.missing = true;
                self.changes.push(format!("column `{}` is missing", column.name));
            }
        }
    }
}

// A column of NULLs only says nothing; as text it can become anything later without losing a value.
fn observed_type(observed: &ObservedColumn) -> SqlType {
    observed.r#type.parse().unwrap_or(SqlType::Varchar)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(name: &str, kind: &str) -> ObservedColumn {
        ObservedColumn { name: name.into(), r#type: kind.into(), exceeds_double: false }
    }

    fn version(settled: &Settled) -> SchemaVersion {
        SchemaVersion {
            version: 1,
            columns: settled.columns.clone(),
            hash: settled.hash.clone(),
            ..SchemaVersion::default()
        }
    }

    #[test]
    fn the_same_columns_make_the_same_hash() {
        let source = SourceSpec::sample("a", "csv");
        let first = settle(&source, None, &[seen("id", "BIGINT"), seen("x", "DATE")]).expect("first");
        let again = settle(&source, Some(&version(&first)), &[seen("x", "DATE"), seen("id", "BIGINT")])
            .expect("again");
        assert_eq!(first.hash, again.hash);
        assert!(again.changes.is_empty());
    }

    #[test]
    fn ids_stay_with_names_and_types_only_widen() {
        let source = SourceSpec::sample("a", "csv");
        let first = settle(&source, None, &[seen("id", "BIGINT"), seen("x", "DOUBLE")]).expect("first");
        let next =
            settle(&source, Some(&version(&first)), &[seen("x", "BIGINT"), seen("y", "DATE")]).expect("next");
        let x = next.columns.iter().find(|column| column.name == "x").expect("x");
        assert_eq!((x.id, x.r#type.as_str()), (2, "DOUBLE"));
        assert!(next.columns[0].missing, "a full read without `id` marks it missing");
        assert_eq!(next.changes, ["new column `y` DATE", "column `id` is missing"]);
    }

    #[test]
    fn a_frozen_schema_refuses_and_names_the_column() {
        let mut source = SourceSpec::sample("a", "csv");
        source.schema_policy = SchemaPolicy::Freeze;
        let first =
            settle(&source, None, &[seen("id", "BIGINT")]).expect("the first version is always taken");
        let refused = settle(&source, Some(&version(&first)), &[seen("id", "BIGINT"), seen("x", "DATE")]);
        assert!(refused.unwrap_err().to_string().contains("`x`"));
    }

    #[test]
    fn discard_leaves_new_columns_out_and_names_them() {
        let mut source = SourceSpec::sample("a", "csv");
        source.schema_policy = SchemaPolicy::Discard;
        let first = settle(&source, None, &[seen("id", "BIGINT")]).expect("first");
        let next = settle(&source, Some(&version(&first)), &[seen("id", "BIGINT"), seen("x", "DATE")])
            .expect("next");
        assert_eq!(next.discarded, ["x"]);
        assert_eq!(next.hash, first.hash);
    }
}
