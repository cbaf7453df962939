//! What the source's schema policy wants of each record that an attempt reads.

use std::collections::BTreeMap;

use rfe_model::{
    SourceSpec, SqlType,
    letter::{BadRecord, Stage},
    source::{Mode, SchemaPolicy},
};
use rfe_proto::{ingest::JobKind, metadata::SchemaVersion};
use rfe_sources::{Expectation, Held};

use crate::attempt::Attempt;

/// What the records of an attempt must be like.
pub(crate) fn of_attempt(attempt: &Attempt) -> Expectation {
    let alone = attempt.leased.kind == JobKind::Events || attempt.is_record_replay();
    of(&attempt.spec, attempt.schema.as_ref(), alone)
}

/// What records must be like. The first run of a dataset is held to nothing: it makes the columns. A frozen source fails its
/// whole run, but an event was accepted and costs no other, and neither does a letter: they are held to the columns `alone`.
pub(crate) fn of(spec: &SourceSpec, schema: Option<&SchemaVersion>, alone: bool) -> Expectation {
    let held = schema.and_then(|schema| held(spec, schema, alone));
    let key = spec.merge.as_ref().filter(|_| spec.mode == Mode::Merge).map(|merge| merge.key.clone());
    Expectation { declared: spec.columns.clone(), held, required: key.unwrap_or_default() }
}

/// True if the policy leaves the record out because it does not fit the dataset's columns.
pub(crate) fn discards(spec: &SourceSpec, bad: &BadRecord) -> bool {
    spec.schema_policy == SchemaPolicy::Discard && bad.stage == Stage::Contract
}

fn held(spec: &SourceSpec, schema: &SchemaVersion, alone: bool) -> Option<Held> {
    let policy = spec.schema_policy;
    let closed = match policy {
        SchemaPolicy::Quarantine => true,
        SchemaPolicy::Freeze if alone => true,
        // New columns are left out and cost no record.
        SchemaPolicy::Discard => false,
        SchemaPolicy::Evolve | SchemaPolicy::Freeze => return None,
    };
    let paths = spec.json.paths.keys().map(|name| (name.to_lowercase(), None));
    let mut columns: BTreeMap<String, Option<SqlType>> = paths.collect();
    columns
        .extend(schema.columns.iter().map(|column| (column.name.to_lowercase(), column.r#type.parse().ok())));
    Some(Held { policy, columns, closed })
}

#[cfg(test)]
mod tests {
    use rfe_proto::metadata::Column;

    use super::*;

    fn schema() -> SchemaVersion {
        let column =
            |name: &str, kind: &str| Column { name: name.into(), r#type: kind.into(), ..Column::default() };
        SchemaVersion {
            columns: vec![column("id", "BIGINT"), column("city", "VARCHAR")],
            ..SchemaVersion::default()
        }
    }

    fn held_by(policy: SchemaPolicy, alone: bool) -> Option<Held> {
        let mut spec = SourceSpec { schema_policy: policy, ..SourceSpec::sample("a", "webhook") };
        for path in ["city", "zip"] {
            spec.json.paths.insert(path.to_owned(), format!("/{path}"));
        }
        held(&spec, &schema(), alone)
    }

    #[test]
    fn only_what_the_policy_says_is_held_to_the_columns() {
        assert_eq!(held_by(SchemaPolicy::Evolve, true), None);
        assert_eq!(held_by(SchemaPolicy::Freeze, false), None, "its run fails whole");
        assert!(held_by(SchemaPolicy::Freeze, true).expect("events are held").closed);
        assert!(held_by(SchemaPolicy::Quarantine, false).expect("held").closed);
        assert!(!held_by(SchemaPolicy::Discard, false).expect("held to types").closed);
    }

    #[test]
    fn a_path_of_the_spec_is_known_before_its_column_is() {
        let held = held_by(SchemaPolicy::Quarantine, false).expect("held");
        assert_eq!(held.columns.get("city"), Some(&Some(SqlType::Varchar)));
        assert_eq!(held.columns.get("zip"), Some(&None));
    }
}
