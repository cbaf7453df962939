//! Datasets as a snapshot shows them.

use rfe_model::{
    SqlType,
    schema::{Reach, settle},
};
use rfe_proto::metadata as pb;
use sqlx::Row as _;

use super::{driver::Connection, file::Visible, schema, source, words};
use crate::Result;

/// A dataset; every source has one, deleted or not.
pub(super) async fn resolve(
    connection: &mut Connection,
    source: &pb::Source,
    snapshot: i64,
    columns_only: bool,
) -> Result<pb::ResolvedDataset> {
    let both = Visible { dataset: &source.name, snapshot, layer: pb::Layer::Unspecified };
    let dataset = describe(connection, source, both).await?;
    let raw_columns = union(both.raw_columns(connection).await?);
    let files = if columns_only { Vec::new() } else { both.list(connection, None).await? };
    let (raw, processed) = files.into_iter().partition(|file| file.layer() == pb::Layer::Raw);
    let merge = source.merge.clone().filter(|_| source.mode() == pb::Mode::Merge);
    Ok(pb::ResolvedDataset { dataset: Some(dataset), processed, raw, raw_columns, merge })
}

async fn describe(
    connection: &mut Connection,
    source: &pb::Source,
    visible: Visible<'_>,
) -> Result<pb::Dataset> {
    let spec = source::spec(source)?;
    let (files, rows, bytes) = visible.totals(connection).await?;
    let mut dataset = pb::Dataset {
        name: source.name.clone(),
        source: source.name.clone(),
        kind: source.kind.clone(),
        events: spec.takes_events(),
        files,
        rows,
        bytes,
        ..Default::default()
    };
    let sql = "SELECT dataset_schema_version, snapshot, finished_at FROM ingestion_runs
        WHERE source_name = $1 AND snapshot IS NOT NULL AND snapshot <= $2 ORDER BY snapshot DESC LIMIT 1";
    let latest =
        sqlx::query(sql).bind(&source.name).bind(visible.snapshot).fetch_optional(&mut *connection).await?;
    if let Some(latest) = latest {
        dataset.schema_version = words::unsigned(&latest, "dataset_schema_version")?;
        dataset.snapshot = latest.try_get::<i64, _>("snapshot")?.unsigned_abs();
        dataset.updated_time = words::instant(&latest, "finished_at")?;
    }
    // What a run registered is shown once the run is: readers see whole runs.
    dataset.columns = match schema::version(connection, &source.name, dataset.schema_version).await? {
        Some(version) => version.columns,
        None => settle(&spec, None, &[], Reach::Part).map(|settled| settled.columns).unwrap_or_default(),
    };
    Ok(dataset)
}

// Raw files are lossless, so a column may have been read as another type later; both widen as they would in `main`.
fn union(lists: Vec<Vec<pb::Column>>) -> Vec<pb::Column> {
    let mut all: Vec<pb::Column> = Vec::new();
    for column in lists.into_iter().flatten() {
        match all.iter_mut().find(|known| known.name.eq_ignore_ascii_case(&column.name)) {
            Some(known) => widen(known, &column),
            None => all.push(column),
        }
    }
    all
}

fn widen(known: &mut pb::Column, other: &pb::Column) {
    known.exceeds_double |= other.exceeds_double;
    if known.r#type != other.r#type {
        let parse = |text: &str| text.parse().unwrap_or(SqlType::Varchar);
        known.r#type = parse(&known.r#type).widen(&parse(&other.r#type), known.exceeds_double).to_string();
    }
}
