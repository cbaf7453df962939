//! What a run would make of a sample.

use polars::prelude::{Column, PolarsResult};
use rfe_model::{
    SourceSpec, SqlType,
    letter::BadRecord,
    schema::{Reach, Settled, settle},
    source::{BadRowPolicy, Mode, SchemaPolicy},
};
use rfe_proto::{
    ingest::{Preview, PreviewBadRecord, PreviewCell, PreviewColumn, PreviewRow},
    metadata::{Column as Known, ObservedColumn, SchemaVersion},
};
use rfe_sources::cast::cast;

use super::sample::Sample;

const MAX_CELL: usize = 1000;
const MAX_RAW: usize = 200;
// All cells together; rows that would have more are left out.
const MAX_TEXT: usize = 8 << 20;

/// Says what a run would make of a sample.
pub(super) fn make(
    spec: &SourceSpec,
    schema: Option<SchemaVersion>,
    sample: Sample,
) -> PolarsResult<Preview> {
    let observed = sample.observed.to_proto();
    let saw_nothing = observed.is_empty() && sample.rows.is_empty();
    let shape = Shape::of(spec, schema.as_ref(), &observed, saw_nothing);
    let columns = shape.columns(schema.as_ref(), &observed);
    let rows = rows(&columns, &sample)?;
    Ok(Preview {
        source: spec.name.clone(),
        would_fail: would_fail(spec, &sample).or(shape.frozen).unwrap_or_default(),
        columns,
        rows,
        bad_records: sample.bad.iter().map(bad_record).collect(),
        records_read: sample.records as i64,
        records_bad: sample.records_bad as i64,
        complete: sample.complete,
        schema_version: schema.map_or(0, |schema| schema.version),
        changes: shape.settled.changes,
        discarded_columns: shape.settled.discarded.into_iter().map(|column| column.name).collect(),
    })
}

/// The schema as the run would leave it.
struct Shape {
    settled: Settled,
    /// Why the policy allows none of it.
    frozen: Option<String>,
}

// === impl Shape ===

impl Shape {
    fn of(
        spec: &SourceSpec,
        schema: Option<&SchemaVersion>,
        observed: &[ObservedColumn],
        saw_nothing: bool,
    ) -> Self {
        // A run that saw nothing leaves the schema as it is.
        if saw_nothing {
            let columns = schema.map(|schema| schema.columns.clone()).unwrap_or_default();
            let settled =
                Settled { columns, hash: String::new(), changes: Vec::new(), discarded: Vec::new() };
            return Self { settled, frozen: None };
        }
        let reach = if spec.mode == Mode::Replace { Reach::Whole } else { Reach::Part };
        match settle(spec, schema, observed, reach) {
            Ok(settled) => Self { settled, frozen: None },
            Err(frozen) => {
                let evolving = SourceSpec { schema_policy: SchemaPolicy::Evolve, ..spec.clone() };
                let settled = settle(&evolving, schema, observed, reach).unwrap_or_else(|_| Settled {
                    columns: schema.map(|schema| schema.columns.clone()).unwrap_or_default(),
                    hash: String::new(),
                    changes: frozen.0.clone(),
                    discarded: Vec::new(),
                });
                Self { settled, frozen: Some(frozen.to_string()) }
            }
        }
    }

    fn columns(&self, schema: Option<&SchemaVersion>, observed: &[ObservedColumn]) -> Vec<PreviewColumn> {
        let seen = |name: &str| observed.iter().find(|seen| seen.name.eq_ignore_ascii_case(name));
        let seen_type = |name: &str| seen(name).map(|seen| seen.r#type.clone()).unwrap_or_default();
        let known = schema.map_or(&[][..], |schema| &schema.columns);
        let kept = self.settled.columns.iter().map(|column| PreviewColumn {
            name: column.name.clone(),
            r#type: column.r#type.clone(),
            observed_type: seen_type(&column.name),
            declared: column.declared,
            change: change(known.iter().find(|known| known.id == column.id), column, schema.is_some()),
        });
        let left_out = self.settled.discarded.iter().map(|column| PreviewColumn {
            name: column.name.clone(),
            r#type: column.r#type.clone(),
            observed_type: column.r#type.clone(),
            declared: false,
            change: "left out".to_owned(),
        });
        kept.chain(left_out).collect()
    }
}

fn change(before: Option<&Known>, after: &Known, has_schema: bool) -> String {
    match before {
        None if has_schema => "new".to_owned(),
        None => String::new(),
        Some(before) if after.missing && !before.missing => "missing".to_owned(),
        Some(before) if before.r#type != after.r#type => format!("was {}", before.r#type),
        Some(before) if before.missing && !after.missing => "back".to_owned(),
        Some(_) => String::new(),
    }
}

fn would_fail(spec: &SourceSpec, sample: &Sample) -> Option<String> {
    if let Some(error) = &sample.failure {
        return Some(format!("{}: {error}", error.code));
    }
    // As a run does it: the share is known at the end only.
    let read = if sample.complete { sample.records } else { u64::MAX };
    if !spec.on_bad_row.is_exceeded(sample.records_bad, read) {
        return None;
    }
    let rule = match spec.on_bad_row {
        BadRowPolicy::Fail => "on_bad_row is `fail`".to_owned(),
        BadRowPolicy::Quarantine { max_rows, max_share } => {
            format!("on_bad_row allows {max_rows} and a share of {max_share}")
        }
    };
    Some(format!("{} of {} records are bad and {rule}", sample.records_bad, sample.records))
}

fn rows(columns: &[PreviewColumn], sample: &Sample) -> PolarsResult<Vec<PreviewRow>> {
    let mut rows: Vec<PreviewRow> = Vec::new();
    let mut room = MAX_TEXT;
    for frame in &sample.rows {
        let texts = columns
            .iter()
            .map(|column| {
                let same = |values: &&Column| values.name().eq_ignore_ascii_case(&column.name);
                match frame.columns().iter().find(same) {
                    Some(values) => texts(values, &column.r#type),
                    None => Ok(vec![None; frame.height()]),
                }
            })
            .collect::<PolarsResult<Vec<_>>>()?;
        let mut texts: Vec<_> = texts.into_iter().map(Vec::into_iter).collect();
        for _ in 0..frame.height() {
            let cells = texts.iter_mut().map(|column| PreviewCell { text: column.next().flatten() });
            let row = PreviewRow { cells: cells.collect() };
            let size: usize =
                row.cells.iter().map(|cell| cell.text.as_ref().map_or(0, String::len) + 4).sum();
            if size > room {
                return Ok(rows);
            }
            room -= size;
            rows.push(row);
        }
    }
    Ok(rows)
}

// As a query would show them: cast to the column's type first.
fn texts(values: &Column, kind: &str) -> PolarsResult<Vec<Option<String>>> {
    let kind = kind.parse::<SqlType>().unwrap_or(SqlType::Varchar);
    let typed = cast(values, &kind)?.column;
    let text = cast(&typed, &SqlType::Varchar)?.column;
    let text =
        text.as_materialized_series().str()?.iter().map(|text| Some(shortened(text?, MAX_CELL))).collect();
    Ok(text)
}

fn bad_record(bad: &BadRecord) -> PreviewBadRecord {
    PreviewBadRecord {
        position: Some(bad.position.clone()),
        code: bad.code.to_owned(),
        message: bad.message.clone(),
        field_path: bad.field_path.clone(),
        raw: shortened(&String::from_utf8_lossy(&bad.raw[..bad.raw.len().min(MAX_RAW * 4)]), MAX_RAW),
    }
}

fn shortened(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
