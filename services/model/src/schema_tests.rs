//! What runs do to a schema, policy by policy.

use super::*;

fn seen(name: &str, kind: &str) -> ObservedColumn {
    ObservedColumn { name: name.into(), r#type: kind.into(), exceeds_double: false }
}

fn source(policy: SchemaPolicy) -> SourceSpec {
    SourceSpec { schema_policy: policy, ..SourceSpec::sample("a", "csv") }
}

fn version(settled: &Settled) -> SchemaVersion {
    SchemaVersion {
        version: 1,
        columns: settled.columns.clone(),
        hash: settled.hash.clone(),
        ..SchemaVersion::default()
    }
}

fn first(source: &SourceSpec, columns: &[ObservedColumn]) -> SchemaVersion {
    version(&settle(source, None, columns, Reach::Whole).expect("the first version is always taken"))
}

fn names(columns: &[ObservedColumn]) -> Vec<&str> {
    columns.iter().map(|column| column.name.as_str()).collect()
}

#[test]
fn the_same_columns_make_the_same_hash() {
    let source = source(SchemaPolicy::Evolve);
    let before = first(&source, &[seen("id", "BIGINT"), seen("x", "DATE")]);
    let again = settle(&source, Some(&before), &[seen("x", "DATE"), seen("id", "BIGINT")], Reach::Whole)
        .expect("again");
    assert_eq!(before.hash, again.hash);
    assert!(again.changes.is_empty());
}

#[test]
fn ids_stay_with_names_and_types_only_widen() {
    let source = source(SchemaPolicy::Evolve);
    let before = first(&source, &[seen("id", "BIGINT"), seen("x", "DOUBLE")]);
    let next = settle(&source, Some(&before), &[seen("x", "BIGINT"), seen("y", "DATE")], Reach::Whole)
        .expect("next");
    let x = next.columns.iter().find(|column| column.name == "x").expect("x");
    assert_eq!((x.id, x.r#type.as_str()), (2, "DOUBLE"));
    assert!(next.columns[0].missing, "a full read without `id` marks it missing");
    assert_eq!(next.changes, ["new column `y` DATE", "column `id` is missing"]);
    let back = settle(
        &source,
        Some(&version(&next)),
        &[seen("ID", "BIGINT"), seen("x", ""), seen("y", "DATE")],
        Reach::Whole,
    );
    assert_eq!(back.expect("back").changes, ["column `id` is back"]);
}

#[test]
fn a_part_of_a_dataset_lacks_nothing() {
    for policy in [SchemaPolicy::Evolve, SchemaPolicy::Freeze] {
        let source = source(policy);
        let before = first(&source, &[seen("id", "BIGINT"), seen("x", "DATE")]);
        let part = settle(&source, Some(&before), &[seen("id", "BIGINT")], Reach::Part).expect("a part");
        assert_eq!((part.hash, part.changes.len()), (before.hash, 0), "{policy:?}");
    }
}

#[test]
fn a_frozen_schema_refuses_new_widened_and_missing_columns_and_names_them() {
    let source = source(SchemaPolicy::Freeze);
    let before = first(&source, &[seen("id", "BIGINT"), seen("x", "DATE")]);
    for (columns, named) in [
        (vec![seen("id", "BIGINT"), seen("x", "DATE"), seen("y", "")], "new column `y`"),
        (vec![seen("id", "VARCHAR"), seen("x", "DATE")], "column `id` widens from BIGINT to VARCHAR"),
        (vec![seen("x", "DATE")], "column `id` is missing"),
    ] {
        let refused = settle(&source, Some(&before), &columns, Reach::Whole).expect_err(named).to_string();
        assert!(refused.contains(named), "{refused}");
    }
    let narrower = settle(&source, Some(&before), &[seen("id", ""), seen("X", "DATE")], Reach::Whole);
    assert_eq!(narrower.expect("NULLs fit").hash, before.hash);
}

#[test]
fn what_the_spec_asks_for_is_no_drift_under_any_policy() {
    for policy in
        [SchemaPolicy::Evolve, SchemaPolicy::Freeze, SchemaPolicy::Discard, SchemaPolicy::Quarantine]
    {
        let mut source = source(policy);
        let before = first(&source, &[seen("id", "BIGINT")]);
        source.columns.insert("Total".to_owned(), SqlType::Decimal(10, 2));
        source.columns.insert("id".to_owned(), SqlType::Varchar);
        source.json.paths.insert("city".to_owned(), "/address/city".to_owned());
        let columns = [seen("id", "BIGINT"), seen("total", "DOUBLE"), seen("city", "VARCHAR")];
        let next = settle(&source, Some(&before), &columns, Reach::Whole).expect("asked for");
        let kinds: Vec<&str> = next.columns.iter().map(|column| column.r#type.as_str()).collect();
        assert_eq!(kinds, ["VARCHAR", "DECIMAL(10,2)", "VARCHAR"], "{policy:?}");
        assert_eq!(next.changes.len(), 3, "{:?}", next.changes);
    }
}

#[test]
fn a_declared_column_that_the_data_lacks_is_the_same_schema_in_every_run() {
    let mut source = source(SchemaPolicy::Freeze);
    source.columns.insert("note".to_owned(), SqlType::Varchar);
    let before = first(&source, &[seen("id", "BIGINT")]);
    let again = settle(&source, Some(&before), &[seen("id", "BIGINT")], Reach::Whole).expect("no drift");
    assert_eq!(again.hash, before.hash);
}

#[test]
fn held_schemas_leave_new_columns_out_and_keep_their_types() {
    for policy in [SchemaPolicy::Discard, SchemaPolicy::Quarantine] {
        let source = source(policy);
        let before = first(&source, &[seen("id", "BIGINT")]);
        let next = settle(&source, Some(&before), &[seen("id", "DOUBLE"), seen("x", "DATE")], Reach::Whole)
            .expect("next");
        assert_eq!((names(&next.discarded), next.hash), (vec!["x"], before.hash), "{policy:?}");
    }
}

#[test]
fn integers_beyond_a_double_are_a_change_that_says_so() {
    let source = source(SchemaPolicy::Freeze);
    let before = first(&source, &[seen("id", "BIGINT")]);
    let large = ObservedColumn { exceeds_double: true, ..seen("id", "BIGINT") };
    let next = settle(&source, Some(&before), &[large], Reach::Whole).expect("still BIGINT");
    assert!(next.changes[0].contains("2^53"), "{:?}", next.changes);
    let wide =
        settle(&SourceSpec::sample("a", "csv"), Some(&version(&next)), &[seen("id", "DOUBLE")], Reach::Whole);
    assert_eq!(wide.expect("wide").columns[0].r#type, "VARCHAR");
}
