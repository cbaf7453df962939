//! Compactions: what is planned, claimed and committed.

use std::{collections::HashMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use rfe_model::{id, source::Mode, time};
use rfe_proto::metadata as pb;
use sqlx::{QueryBuilder, Row as _};

use super::{
    again::again,
    driver::{Connection, Db, Instant, Registry, Row},
    file, hold, run, schema, source,
    text::stored,
    words,
};
use crate::{
    Commit, CompactionLimits, CompactionStore, PlannedCompaction, RegistryError, Result,
    compaction::{Candidate, Shape, choose},
};

/// Where a compaction failed, none is planned for so long.
const PAUSE: Duration = Duration::from_secs(300);
/// Raw files that are kept for a time are compacted with those of about the same age only: else what is old would stay with
/// what is new. This is the part of the time by which they may differ.
const AGES: u32 = 30;
/// Rows of one INSERT.
const INSERT: usize = 1000;

#[async_trait]
impl CompactionStore for Registry {
    async fn plan_compactions(&self, limits: &CompactionLimits) -> Result<Vec<PlannedCompaction>> {
        let crowded = again(|| async { crowded(&mut *self.reader().await?, limits).await }).await?;
        let mut planned = Vec::new();
        for (dataset, layer) in crowded {
            let plan = again(|| async {
                let mut transaction = self.write().await?;
                let plan = plan(&mut transaction, &dataset, layer, limits).await?;
                transaction.commit().await?;
                Ok(plan)
            });
            planned.extend(plan.await?);
        }
        Ok(planned)
    }
}

// Datasets and layers that have too many small files.
async fn crowded(connection: &mut Connection, limits: &CompactionLimits) -> Result<Vec<(String, pb::Layer)>> {
    let sql = "SELECT dataset, layer FROM data_files WHERE end_snapshot IS NULL AND bytes < $1
        GROUP BY dataset, layer HAVING count(*) >= $2 ORDER BY dataset, layer";
    let rows = sqlx::query(sql)
        .bind(words::signed(limits.small_bytes))
        .bind(i64::from(limits.files))
        .fetch_all(connection)
        .await?;
    let one = |row: &Row| Ok((row.try_get("dataset")?, words::layer_from(row.try_get("layer")?)));
    rows.iter().map(one).collect()
}

async fn plan(
    connection: &mut Connection,
    dataset: &str,
    layer: pb::Layer,
    limits: &CompactionLimits,
) -> Result<Vec<PlannedCompaction>> {
    // Of two that plan, one sees what the other planned.
    hold::sources(connection, [dataset]).await?;
    if is_under_way(connection, dataset, layer).await? || has_failed_lately(connection, dataset).await? {
        return Ok(Vec::new());
    }
    let spec = source::spec(&source::expect(connection, dataset).await?)?;
    let raw_is_kept = spec.retention.raw.filter(|_| layer == pb::Layer::Raw);
    let files = candidates(connection, dataset, layer, raw_is_kept).await?;
    let in_a_row = spec.mode == Mode::Merge && layer == pb::Layer::Processed;
    let mut planned = Vec::new();
    for places in choose(&files, limits, in_a_row) {
        let keys: Vec<&str> = places.iter().map(|at| files[*at].key.as_str()).collect();
        let run = create(connection, dataset, layer, &keys).await?;
        planned.push(PlannedCompaction { run, inputs: u32::try_from(keys.len()).unwrap_or(u32::MAX) });
    }
    Ok(planned)
}

async fn is_under_way(connection: &mut Connection, dataset: &str, layer: pb::Layer) -> Result<bool> {
    let sql = "SELECT count(*) FROM ingestion_runs AS runs WHERE runs.kind = 'compaction' AND runs.source_name = $1
        AND runs.state IN ('queued', 'running', 'retrying') AND EXISTS (
            SELECT 1 FROM compaction_inputs AS inputs WHERE inputs.run_id = runs.run_id AND inputs.layer = $2)";
    let open: i64 =
        sqlx::query_scalar(sql).bind(dataset).bind(words::layer_text(layer)).fetch_one(connection).await?;
    Ok(open > 0)
}

async fn has_failed_lately(connection: &mut Connection, dataset: &str) -> Result<bool> {
    let sql =
        "SELECT count(*) FROM ingestion_runs WHERE source_name = $1 AND state = 'failed' AND finished_at > $2
        AND kind = 'compaction'";
    let since = time::now_micros() - i64::try_from(PAUSE.as_micros()).unwrap_or(i64::MAX);
    let failed: i64 =
        sqlx::query_scalar(sql).bind(dataset).bind(Instant(since)).fetch_one(connection).await?;
    Ok(failed > 0)
}

// All visible files in their order: in mode `merge` it matters what lies between the small ones.
async fn candidates(
    connection: &mut Connection,
    dataset: &str,
    layer: pb::Layer,
    kept: Option<Duration>,
) -> Result<Vec<Candidate>> {
    let sql =
        "SELECT key, order_snapshot, bytes, schema_version, coalesce(raw_columns_hash, '') AS hash, landed_at
        FROM data_files WHERE dataset = $1 AND layer = $2 AND end_snapshot IS NULL
        ORDER BY order_snapshot, part, key";
    let rows =
        sqlx::query(sql).bind(dataset).bind(words::layer_text(layer)).fetch_all(&mut *connection).await?;
    let mut shapes = Shapes { known: HashMap::new(), age: kept.map(|kept| (kept / AGES).as_micros().max(1)) };
    let mut files = Vec::with_capacity(rows.len());
    for row in &rows {
        files.push(Candidate {
            key: row.try_get("key")?,
            snapshot: row.try_get("order_snapshot")?,
            bytes: words::unsigned(row, "bytes")?,
            shape: shapes.of(connection, dataset, layer, row).await?,
        });
    }
    Ok(files)
}

/// Shapes of files, each once: by schema version or, of raw ones, by columns and age.
struct Shapes {
    known: HashMap<(String, i64), Arc<Shape>>,
    age: Option<u128>,
}

impl Shapes {
    async fn of(
        &mut self,
        connection: &mut Connection,
        dataset: &str,
        layer: pb::Layer,
        row: &Row,
    ) -> Result<Arc<Shape>> {
        let (name, number) = if layer == pb::Layer::Raw {
            let landed: Instant = row.try_get("landed_at")?;
            let age = self.age.map_or(0, |age| i128::from(landed.0) / i128::try_from(age).unwrap_or(1));
            (row.try_get::<String, _>("hash")?, i64::try_from(age).unwrap_or_default())
        } else {
            (String::new(), row.try_get("schema_version")?)
        };
        if let Some(known) = self.known.get(&(name.clone(), number)) {
            return Ok(Arc::clone(known));
        }
        let types = if layer == pb::Layer::Raw {
            // As if each list of columns, and each age, were a type: only equal ones go together.
            [(0, name.clone()), (1, number.to_string())].into()
        } else {
            let version = u32::try_from(number).unwrap_or_default();
            let columns = schema::version(connection, dataset, version).await?.map(|version| version.columns);
            columns.unwrap_or_default().into_iter().map(|column| (column.id, column.r#type)).collect()
        };
        let shape = Arc::new(Shape { number: self.known.len(), types });
        self.known.insert((name, number), Arc::clone(&shape));
        Ok(shape)
    }
}

async fn create(
    connection: &mut Connection,
    dataset: &str,
    layer: pb::Layer,
    keys: &[&str],
) -> Result<pb::Run> {
    let run_id = id::new();
    let sql = "INSERT INTO ingestion_runs (run_id, source_name, kind, state, created_at)
        VALUES ($1, $2, 'compaction', 'queued', $3)";
    sqlx::query(sql).bind(&run_id).bind(dataset).bind(words::now()).execute(&mut *connection).await?;
    for some in keys.chunks(INSERT) {
        let mut query = QueryBuilder::<Db>::new("INSERT INTO compaction_inputs (run_id, layer, key) ");
        query.push_values(some, |mut row, key| {
            row.push_bind(run_id.clone()).push_bind(words::layer_text(layer)).push_bind((*key).to_owned());
        });
        query.build().persistent(false).execute(&mut *connection).await?;
    }
    run::expect(connection, &run_id).await
}

/// The inputs of a claimed compaction and the version to write by: the newest of theirs. Where some have ended, so does the run:
/// then there are none.
pub(super) async fn inputs(
    connection: &mut Connection,
    run: &pb::Run,
) -> Result<(Vec<pb::DataFile>, Option<pb::SchemaVersion>)> {
    let files = file::inputs(connection, &run.run_id).await?;
    if files.is_empty() || count(connection, &run.run_id).await? != files.len() as u64 {
        run::end_as_cancelled(connection, &run.run_id).await?;
        return Ok((Vec::new(), None));
    }
    let newest = files.iter().map(|file| file.schema_version).max().unwrap_or_default();
    Ok((files, schema::version(connection, &run.source, newest).await?))
}

async fn count(connection: &mut Connection, run_id: &str) -> Result<u64> {
    let sql = "SELECT count(*) FROM compaction_inputs WHERE run_id = $1";
    let count: i64 = sqlx::query_scalar(sql).bind(run_id).fetch_one(connection).await?;
    Ok(count.unsigned_abs())
}

/// Ends the inputs and begins the outputs, in one snapshot. `registry_state` is held: what is visible stays so.
///
/// # Errors
/// [`RegistryError::InputsChanged`] if an input has ended, or the rows are others.
pub(super) async fn commit(
    connection: &mut Connection,
    run: &pb::Run,
    commit: &Commit,
    snapshot: i64,
) -> Result<pb::Run> {
    let sql =
        "SELECT layer, count(*) AS files, CAST(sum(rows) AS BIGINT) AS rows, max(order_snapshot) AS place,
            max(landed_at) AS landed_at
        FROM data_files WHERE end_snapshot IS NULL
            AND (layer, key) IN (SELECT layer, key FROM compaction_inputs WHERE run_id = $1) GROUP BY layer";
    let visible = sqlx::query(sql).bind(&run.run_id).fetch_optional(&mut *connection).await?;
    let asked = count(connection, &run.run_id).await?;
    let files: u64 = visible.as_ref().map(|row| words::unsigned(row, "files")).transpose()?.unwrap_or(0);
    let Some(inputs) = visible.filter(|_| files == asked) else {
        return Err(changed(run, format!("{} of its {asked} inputs are no longer visible", asked - files)));
    };
    check_outputs(run, commit, &inputs)?;
    let begin =
        file::Begin { snapshot, order: inputs.try_get("place")?, landed_at: inputs.try_get("landed_at")? };
    end_inputs(connection, &run.run_id, snapshot).await?;
    file::insert(connection, run, &commit.files, begin).await?;
    forget(connection, &run.run_id).await?;
    // Readers of a dataset's version pass over compactions.
    let visible = run::Visible { snapshot, shown_version: i64::from(commit.schema_version) };
    run::succeed(connection, run, commit, visible).await
}

fn check_outputs(run: &pb::Run, commit: &Commit, inputs: &Row) -> Result<()> {
    let layer = words::layer_from(inputs.try_get("layer")?);
    if let Some(other) = commit.files.iter().find(|file| file.layer() != layer) {
        return Err(changed(run, format!("`{}` is of another layer than its inputs", other.key)));
    }
    let (read, written): (i64, i64) =
        (inputs.try_get("rows")?, commit.files.iter().map(|file| file.rows).sum());
    if read != written {
        return Err(changed(run, format!("its inputs hold {read} rows, and its files {written}")));
    }
    Ok(())
}

fn changed(run: &pb::Run, what: String) -> RegistryError {
    RegistryError::InputsChanged { run_id: run.run_id.clone(), what }
}

async fn end_inputs(connection: &mut Connection, run_id: &str, snapshot: i64) -> Result<()> {
    let sql = "UPDATE data_files SET end_snapshot = $2, ended_at = $3 WHERE end_snapshot IS NULL
        AND (layer, key) IN (SELECT layer, key FROM compaction_inputs WHERE run_id = $1)";
    sqlx::query(sql).bind(run_id).bind(snapshot).bind(words::now()).execute(connection).await?;
    Ok(())
}

/// Forgets what a run should have read.
pub(super) async fn forget(connection: &mut Connection, run_id: &str) -> Result<()> {
    sqlx::query("DELETE FROM compaction_inputs WHERE run_id = $1")
        .bind(stored(run_id))
        .execute(connection)
        .await?;
    Ok(())
}
