//! What a run's columns do to a dataset's schema. Pure: the registry calls it under the dataset's lock.

use rfe_proto::metadata::{Column, ObservedColumn, SchemaVersion};

use crate::{
    SqlType,
    id::sha256_hex,
    source::{SchemaPolicy, SourceSpec},
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
    pub discarded: Vec<ObservedColumn>,
}

/// How much of a dataset a run reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// All of it: a column that it lacks is missing.
    Whole,
    /// A part, such as new files, events or one record: a column that it lacks is NULL in these rows, and no more is known.
    Part,
}

/// The columns do not fit a frozen schema.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "schema_policy is `freeze` and the columns changed: {}; mend the data, declare what is new under `columns`, or let the \
     schema `evolve`",
    .0.join("; ")
)]
pub struct Frozen(pub Vec<String>);

/// Settles the columns of a run against the dataset's newest version.
///
/// # Errors
/// [`Frozen`] if the policy allows no change and the data brought one. What the source's spec asks for is no drift.
pub fn settle(
    source: &SourceSpec,
    current: Option<&SchemaVersion>,
    observed: &[ObservedColumn],
    reach: Reach,
) -> Result<Settled, Frozen> {
    let known: &[Column] = current.map_or(&[], |version| &version.columns);
    let mut settling = Settling {
        source,
        reach,
        columns: known.to_vec(),
        next_id: known.iter().map(|column| column.id).max().unwrap_or(0) + 1,
        changes: Vec::new(),
        drift: Vec::new(),
        discarded: Vec::new(),
    };
    let first = current.is_none();
    for column in observed {
        settling.take(column, first);
    }
    for (name, declared) in &source.columns {
        settling.declare(name, declared);
    }
    if reach == Reach::Whole && !first {
        settling.mark_missing(observed);
    }
    if source.schema_policy == SchemaPolicy::Freeze && !first && !settling.drift.is_empty() {
        return Err(Frozen(settling.drift));
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
    reach: Reach,
    columns: Vec<Column>,
    next_id: u32,
    changes: Vec<String>,
    // Those changes that the data brought and not the spec.
    drift: Vec<String>,
    discarded: Vec<ObservedColumn>,
}

impl Settling<'_> {
    fn take(&mut self, observed: &ObservedColumn, first: bool) {
        let declared = self.source.declared(&observed.name).cloned();
        match self.columns.iter().position(|column| column.name.eq_ignore_ascii_case(&observed.name)) {
            Some(at) => self.widen(at, observed, declared.is_some()),
            None if first || self.source.asks_for(&observed.name) => {
                let kind = declared.clone().unwrap_or_else(|| observed_type(observed));
                let change = self.add(&observed.name, &kind, declared.is_some(), observed.exceeds_double);
                self.changes.push(change);
            }
            None if self.holds() => self.discarded.push(observed.clone()),
            None => {
                let change =
                    self.add(&observed.name, &observed_type(observed), false, observed.exceeds_double);
                self.drifted(change);
            }
        }
    }

    // Records that do not fit were taken out before, so the columns stay as they are.
    fn holds(&self) -> bool {
        matches!(self.source.schema_policy, SchemaPolicy::Discard | SchemaPolicy::Quarantine)
    }

    fn drifted(&mut self, change: String) {
        self.drift.push(change.clone());
        self.changes.push(change);
    }

    fn add(&mut self, name: &str, kind: &SqlType, declared: bool, exceeds_double: bool) -> String {
        self.columns.push(Column {
            id: self.next_id,
            name: name.to_owned(),
            r#type: kind.to_string(),
            declared,
            missing: false,
            exceeds_double,
        });
        self.next_id += 1;
        format!("new column `{name}` {kind}")
    }

    fn widen(&mut self, at: usize, observed: &ObservedColumn, declared: bool) {
        let holds = self.holds();
        let column = &mut self.columns[at];
        if column.missing {
            column.missing = false;
            self.changes.push(format!("column `{}` is back", column.name));
        }
        if declared || observed.r#type.is_empty() || holds {
            return;
        }
        let old = column.r#type.parse::<SqlType>().unwrap_or(SqlType::Varchar);
        let exceeds = observed.exceeds_double && !column.exceeds_double;
        column.exceeds_double |= observed.exceeds_double;
        let wide = old.widen(&observed_type(observed), column.exceeds_double);
        if wide != old {
            let change = format!("column `{}` widens from {old} to {wide}", column.name);
            column.r#type = wide.to_string();
            self.drifted(change);
        } else if exceeds {
            self.changes
                .push(format!("column `{}` has integers beyond 2^53, which no DOUBLE holds", column.name));
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
            None => {
                let change = self.add(name, declared, true, false);
                self.changes.push(change);
                if let Some(added) = self.columns.last_mut() {
                    added.missing = self.reach == Reach::Whole;
                }
            }
        }
    }

    fn mark_missing(&mut self, observed: &[ObservedColumn]) {
        let mut missing = Vec::new();
        for column in &mut self.columns {
            let seen = observed.iter().any(|seen| seen.name.eq_ignore_ascii_case(&column.name));
            if !seen && !column.missing {
                column.missing = true;
                missing.push(format!("column `{}` is missing", column.name));
            }
        }
        missing.into_iter().for_each(|change| self.drifted(change));
    }
}

// A column of NULLs only says nothing; as text it can become anything later without losing a value.
fn observed_type(observed: &ObservedColumn) -> SqlType {
    observed.r#type.parse().unwrap_or(SqlType::Varchar)
}

#[cfg(test)]
#[path = "schema_tests.rs"]
mod tests;
