//! Schema versions.

use rfe_model::{
    schema::{Reach, Settled, settle},
    time,
};
use rfe_proto::metadata as pb;
use sqlx::QueryBuilder;

use super::{
    commit, dataset,
    driver::{Connection, Db, Row},
    run, source,
    text::stored,
    words,
};
use crate::{Page, RegistryError, Result};

const SCHEMAS: &str =
    "SELECT dataset, version, hash, columns, changes, left_out, run_id, created_at FROM ingestion_schemas";

/// A version, and the columns that it leaves out.
type Registered = (pb::SchemaVersion, Vec<String>);

/// A run's columns against the newest version.
struct Draft {
    run: pb::Run,
    current: Option<pb::SchemaVersion>,
    settled: Settled,
}

impl Draft {
    async fn of(
        connection: &mut Connection,
        run_id: &str,
        epoch: u64,
        observed: &[pb::ObservedColumn],
    ) -> Result<Self> {
        let run = run::expect_running(connection, run_id, epoch).await?;
        let spec = source::spec(&source::expect(connection, &run.source).await?)?;
        let current = newest(connection, &run.source).await?;
        let reach = if commit::replaces(connection, &run).await? { Reach::Whole } else { Reach::Part };
        let settled = settle(&spec, current.as_ref(), observed, reach)
            .map_err(|frozen| RegistryError::SchemaPolicy(frozen.to_string()))?;
        Ok(Self { run, current, settled })
    }

    fn discarded(&self) -> Vec<String> {
        self.settled.discarded.iter().map(|column| column.name.clone()).collect()
    }

    // The newest version, if it has these columns.
    fn same(&self) -> Option<&pb::SchemaVersion> {
        self.current.as_ref().filter(|current| current.hash == self.settled.hash)
    }
}

/// The answer, if nothing is to be written for it: so it is for most runs, and they hold nothing and wait for nobody.
pub(super) async fn registered(
    connection: &mut Connection,
    run_id: &str,
    epoch: u64,
    observed: &[pb::ObservedColumn],
) -> Result<Option<Registered>> {
    let draft = Draft::of(connection, run_id, epoch, observed).await?;
    let is_noted = |version: &&pb::SchemaVersion| {
        draft.settled.discarded.iter().all(|column| is_left_out(version, &column.name))
    };
    Ok(draft.same().filter(is_noted).map(|version| (version.clone(), draft.discarded())))
}

/// Settles a run's columns, within a transaction that holds the dataset; a list that is new against the newest version makes the
/// next one.
pub(super) async fn register(
    connection: &mut Connection,
    run_id: &str,
    epoch: u64,
    observed: &[pb::ObservedColumn],
) -> Result<Registered> {
    let draft = Draft::of(connection, run_id, epoch, observed).await?;
    let discarded = draft.discarded();
    if let Some(mut same) = draft.same().cloned() {
        note_left_out(connection, &mut same, run_id, &draft.settled.discarded).await?;
        return Ok((same, discarded));
    }
    let Draft { run, current, settled } = draft;
    let first = current.is_none();
    let newest = match current {
        Some(current) => current.version,
        None => dataset::standing(connection, &run.source).await?.schema_floor,
    };
    let mut version = pb::SchemaVersion {
        dataset: run.source,
        version: newest + 1,
        hash: settled.hash,
        columns: settled.columns,
        run_id: run_id.to_owned(),
        created_time: Some(time::now_proto()),
        changes: settled.changes,
        left_out: Vec::new(),
    };
    // A first run that saw nothing must not freeze a schema without columns.
    if observed.is_empty() && first {
        return Ok((pb::SchemaVersion { version: 0, ..version }, discarded));
    }
    insert(connection, &version).await?;
    note_left_out(connection, &mut version, run_id, &settled.discarded).await?;
    Ok((version, discarded))
}

fn is_left_out(version: &pb::SchemaVersion, name: &str) -> bool {
    version.left_out.iter().any(|known| known.name.eq_ignore_ascii_case(name))
}

// Each column once a version, with the first run that brought it.
async fn note_left_out(
    connection: &mut Connection,
    version: &mut pb::SchemaVersion,
    run_id: &str,
    discarded: &[pb::ObservedColumn],
) -> Result<()> {
    let before = version.left_out.len();
    for column in discarded {
        if !is_left_out(version, &column.name) {
            version.left_out.push(pb::LeftOutColumn {
                name: column.name.clone(),
                r#type: column.r#type.clone(),
                run_id: run_id.to_owned(),
                time: Some(time::now_proto()),
            });
        }
    }
    if version.left_out.len() > before {
        sqlx::query("UPDATE ingestion_schemas SET left_out = $3 WHERE dataset = $1 AND version = $2")
            .bind(stored(&version.dataset))
            .bind(i64::from(version.version))
            .bind(stored(&words::left_out_text(&version.left_out)))
            .execute(connection)
            .await?;
    }
    Ok(())
}

async fn insert(connection: &mut Connection, version: &pb::SchemaVersion) -> Result<()> {
    let sql = "INSERT INTO ingestion_schemas (dataset, version, hash, columns, changes, run_id, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7)";
    sqlx::query(sql)
        .bind(stored(&version.dataset))
        .bind(i64::from(version.version))
        .bind(stored(&version.hash))
        .bind(stored(&words::columns_text(&version.columns)))
        .bind(stored(&words::json_text(&version.changes)))
        .bind(stored(&version.run_id))
        .bind(words::micros(version.created_time.as_ref()))
        .execute(connection)
        .await?;
    Ok(())
}

/// Versions of a dataset as it is now, and not as it was before it was dropped.
const CURRENT: &str =
    " AND version > (SELECT schema_floor FROM sources WHERE sources.name = ingestion_schemas.dataset)";

/// The newest version of a dataset.
pub(super) async fn newest(connection: &mut Connection, dataset: &str) -> Result<Option<pb::SchemaVersion>> {
    let mut query = QueryBuilder::<Db>::new(SCHEMAS);
    query
        .push(" WHERE dataset = ")
        .push_bind(stored(dataset))
        .push(CURRENT)
        .push(" ORDER BY version DESC LIMIT 1");
    query.build().fetch_optional(connection).await?.as_ref().map(from_row).transpose()
}

/// One version of a dataset.
pub(super) async fn version(
    connection: &mut Connection,
    dataset: &str,
    version: u32,
) -> Result<Option<pb::SchemaVersion>> {
    let mut query = QueryBuilder::<Db>::new(SCHEMAS);
    query
        .push(" WHERE dataset = ")
        .push_bind(stored(dataset))
        .push(" AND version = ")
        .push_bind(i64::from(version));
    query.build().fetch_optional(connection).await?.as_ref().map(from_row).transpose()
}

/// True if the dataset has this version, as it is now.
pub(super) async fn is_current(connection: &mut Connection, dataset: &str, version: u32) -> Result<bool> {
    let mut query = QueryBuilder::<Db>::new("SELECT count(*) FROM ingestion_schemas WHERE dataset = ");
    query.push_bind(dataset).push(" AND version = ").push_bind(i64::from(version)).push(CURRENT);
    let found: i64 = query.build_query_scalar().fetch_one(connection).await?;
    Ok(found > 0)
}

/// Versions of a dataset, newest first; `page.after` is a version's number.
pub(super) async fn list(
    connection: &mut Connection,
    dataset: &str,
    page: &Page,
) -> Result<Vec<pb::SchemaVersion>> {
    let before = page.after.as_deref().map_or(i64::MAX, |after| after.parse().unwrap_or(0));
    let mut query = QueryBuilder::<Db>::new(SCHEMAS);
    query.push(" WHERE dataset = ").push_bind(stored(dataset)).push(" AND version < ").push_bind(before);
    query.push(CURRENT).push(" ORDER BY version DESC LIMIT ").push_bind(i64::from(page.limit));
    query.build().fetch_all(connection).await?.iter().map(from_row).collect()
}

fn from_row(row: &Row) -> Result<pb::SchemaVersion> {
    Ok(pb::SchemaVersion {
        dataset: words::text(row, "dataset")?,
        version: words::unsigned(row, "version")?,
        hash: words::text(row, "hash")?,
        columns: words::columns_from(&words::text(row, "columns")?)?,
        run_id: words::text(row, "run_id")?,
        created_time: words::instant(row, "created_at")?,
        changes: words::json_from(&words::text(row, "changes")?)?,
        left_out: words::left_out_from(&words::text(row, "left_out")?)?,
    })
}
