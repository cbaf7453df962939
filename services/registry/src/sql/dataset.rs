//! Datasets as a snapshot shows them.

use rfe_model::{
    SqlType,
    schema::{Reach, settle},
};
use rfe_proto::metadata as pb;
use sqlx::Row as _;

use super::{driver::Connection, file::Visible, schema, source, text::stored, words};
use crate::{RegistryError, Result};

/// What became of a dataset.
#[derive(Debug, Clone, Copy)]
pub(super) struct Standing {
    /// True while it is dropped.
    is_dropped: bool,
    /// The first snapshot after it was dropped last; 0: it never was.
    dropped_snapshot: i64,
    /// The oldest snapshot of which no file is deleted.
    oldest_snapshot: i64,
    /// Schema versions up to this one are of a dropped dataset.
    pub(super) schema_floor: u32,
}

impl Standing {
    /// True if the snapshot does not show the dataset.
    pub(super) fn is_dropped_at(&self, snapshot: i64) -> bool {
        self.is_dropped && snapshot >= self.dropped_snapshot
    }

    /// Refuses a snapshot that can't be shown whole.
    pub(super) fn check_whole(&self, dataset: &str, snapshot: i64) -> Result<()> {
        if snapshot >= self.oldest_snapshot {
            return Ok(());
        }
        Err(RegistryError::SnapshotExpired {
            dataset: dataset.to_owned(),
            asked: snapshot.unsigned_abs(),
            oldest: self.oldest_snapshot.unsigned_abs(),
        })
    }

    // Runs up to this snapshot are of a dropped dataset, for those who ask for a snapshot.
    fn runs_after(&self, snapshot: i64) -> i64 {
        if snapshot >= self.dropped_snapshot { self.dropped_snapshot } else { 0 }
    }
}

/// What became of a dataset, whose source must be there.
pub(super) async fn standing(connection: &mut Connection, dataset: &str) -> Result<Standing> {
    let sql = "SELECT dropped_at IS NOT NULL AS is_dropped, dropped_snapshot, oldest_snapshot, schema_floor
        FROM sources WHERE name = $1";
    let row = sqlx::query(sql).bind(stored(dataset)).fetch_one(connection).await?;
    Ok(Standing {
        is_dropped: row.try_get("is_dropped")?,
        dropped_snapshot: row.try_get("dropped_snapshot")?,
        oldest_snapshot: row.try_get("oldest_snapshot")?,
        schema_floor: words::unsigned(&row, "schema_floor")?,
    })
}

/// A dataset without columns of `raw` and files; `None` if it is dropped.
pub(super) async fn known(
    connection: &mut Connection,
    source: &pb::Source,
    snapshot: i64,
) -> Result<Option<pb::Dataset>> {
    let standing = standing(connection, &source.name).await?;
    if standing.is_dropped_at(snapshot) {
        return Ok(None);
    }
    describe(connection, source, standing, both(source, snapshot)).await.map(Some)
}

fn both(source: &pb::Source, snapshot: i64) -> Visible<'_> {
    Visible { dataset: &source.name, snapshot, layer: pb::Layer::Unspecified, begun_after: 0 }
}

/// A dataset; every source has one, deleted or not.
pub(super) async fn resolve(
    connection: &mut Connection,
    source: &pb::Source,
    standing: Standing,
    snapshot: i64,
    columns_only: bool,
) -> Result<pb::ResolvedDataset> {
    let both = both(source, snapshot);
    let dataset = describe(connection, source, standing, both).await?;
    let raw_columns = union(both.raw_columns(connection).await?);
    let files = if columns_only { Vec::new() } else { both.list(connection, None).await? };
    let (raw, processed) = files.into_iter().partition(|file| file.layer() == pb::Layer::Raw);
    let merge = source.merge.clone().filter(|_| source.mode() == pb::Mode::Merge);
    Ok(pb::ResolvedDataset { dataset: Some(dataset), processed, raw, raw_columns, merge })
}

async fn describe(
    connection: &mut Connection,
    source: &pb::Source,
    standing: Standing,
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
        WHERE source_name = $1 AND snapshot IS NOT NULL AND snapshot <= $2 AND snapshot > $3 AND kind <> 'compaction'
        ORDER BY snapshot DESC LIMIT 1";
    let latest = sqlx::query(sql)
        .bind(stored(&source.name))
        .bind(visible.snapshot)
        .bind(standing.runs_after(visible.snapshot))
        .fetch_optional(&mut *connection)
        .await?;
    if let Some(latest) = latest {
        dataset.schema_version = words::unsigned(&latest, "dataset_schema_version")?;
        dataset.snapshot = latest.try_get::<i64, _>("snapshot")?.unsigned_abs();
        dataset.updated_time = words::instant(&latest, "finished_at")?;
    }
    let changed = changed(connection, standing, visible).await?;
    dataset.snapshot = dataset.snapshot.max(changed.unsigned_abs());
    // What a run registered is shown once the run is: readers see whole runs.
    dataset.columns = match schema::version(connection, &source.name, dataset.schema_version).await? {
        Some(version) => version.columns,
        None => settle(&spec, None, &[], Reach::Part).map(|settled| settled.columns).unwrap_or_default(),
    };
    Ok(dataset)
}

// The last snapshot at which files began or ended; those that are deleted ended at the oldest one that is left, or before.
async fn changed(connection: &mut Connection, standing: Standing, visible: Visible<'_>) -> Result<i64> {
    let sql = "SELECT coalesce((SELECT max(begin_snapshot) FROM data_files WHERE dataset = $1 AND begin_snapshot <= $2), 0)
            AS began,
        coalesce((SELECT max(end_snapshot) FROM data_files WHERE dataset = $1 AND end_snapshot IS NOT NULL
            AND end_snapshot <= $2), 0) AS ended";
    let row = sqlx::query(sql).bind(visible.dataset).bind(visible.snapshot).fetch_one(connection).await?;
    let (began, ended): (i64, i64) = (row.try_get("began")?, row.try_get("ended")?);
    let gone = if standing.oldest_snapshot <= visible.snapshot { standing.oldest_snapshot } else { 0 };
    Ok(began.max(ended).max(gone))
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
