//! Data files: which of them a snapshot shows.

use std::collections::{HashMap, HashSet};

use prost::Message;
use rfe_model::id::sha256_hex;
use rfe_proto::metadata as pb;
use sqlx::{AssertSqlSafe, QueryBuilder, Row as _};

use super::{
    driver::{Connection, Db, Instant, Row},
    text::{plain, stored},
    words,
};
use crate::{Page, RegistryError, Result};

const COLUMNS: &str =
    "key, layer, dataset, run_id, epoch, part, rows, bytes, sha256, schema_version, raw_columns_hash, stats,
    begin_snapshot, end_snapshot, created_at, order_snapshot, landed_at";
/// A file as a compaction needs to know it.
const INPUT: &str =
    "key, layer, dataset, run_id, epoch, part, rows, bytes, sha256, schema_version, raw_columns_hash,
    begin_snapshot, end_snapshot, created_at, order_snapshot, stats";
/// The inputs of a compaction travel in one message: so many ids of columns, in all of them together, fit well.
const INPUT_IDS: usize = 1_000_000;
/// Rows of one INSERT; SQLite binds at most 32,766 values, Postgres 65,535.
const INSERT: usize = 1000;

/// Most commits have so few files.
const FEW: usize = 4;

/// Columns of raw files by their hash.
pub(super) type RawColumns = HashMap<String, Vec<pb::Column>>;

/// Which files of a dataset.
#[derive(Debug, Clone, Copy)]
pub(super) struct Visible<'a> {
    pub(super) dataset: &'a str,
    pub(super) snapshot: i64,
    /// Unspecified: both.
    pub(super) layer: pb::Layer,
    /// Only those that began after this snapshot.
    pub(super) begun_after: i64,
}

/// Since when files are visible.
#[derive(Debug, Clone, Copy)]
pub(super) struct Begin {
    /// The first snapshot that shows them.
    pub(super) snapshot: i64,
    /// Their place among the files of the dataset.
    pub(super) order: i64,
    /// When the newest of their rows were committed.
    pub(super) landed_at: Instant,
}

impl Begin {
    /// Rows that are new.
    pub(super) fn at(snapshot: i64) -> Self {
        Self { snapshot, order: snapshot, landed_at: words::now() }
    }
}

impl Visible<'_> {
    /// Adds a SELECT of what is visible. Those that have not ended and those that ended later have an index each.
    fn select(&self, query: &mut QueryBuilder<Db>, columns: &str, after: Option<&(String, &'static str)>) {
        self.arm(query, columns, "end_snapshot IS NULL", after);
        query.push(" UNION ALL ");
        self.arm(query, columns, "end_snapshot IS NOT NULL", after);
        query.push(" AND end_snapshot > ").push_bind(self.snapshot);
    }

    fn arm(
        &self,
        query: &mut QueryBuilder<Db>,
        columns: &str,
        end: &str,
        after: Option<&(String, &'static str)>,
    ) {
        query.push(format!("SELECT {columns} FROM data_files WHERE {end} AND begin_snapshot <= "));
        query.push_bind(self.snapshot);
        query.push(" AND dataset = ").push_bind(stored(self.dataset));
        if self.begun_after > 0 {
            query.push(" AND begin_snapshot > ").push_bind(self.begun_after);
        }
        if self.layer != pb::Layer::Unspecified {
            query.push(format!(" AND layer = '{}'", words::layer_text(self.layer)));
        }
        if let Some((key, layer)) = after {
            query.push(" AND (key, layer) > (").push_bind(stored(key)).push(", ").push_bind(*layer).push(")");
        }
    }

    /// The files by key; `page.after` is a `file_cursor`.
    pub(super) async fn list(
        &self,
        connection: &mut Connection,
        page: Option<&Page>,
    ) -> Result<Vec<pb::DataFile>> {
        let after = page.and_then(|page| page.after.as_deref()).map(cursor);
        let mut query = QueryBuilder::<Db>::new("");
        self.select(&mut query, COLUMNS, after.as_ref());
        query
            .push(" ORDER BY key, layer LIMIT ")
            .push_bind(page.map_or(i64::MAX, |page| i64::from(page.limit)));
        let rows = query.build().fetch_all(&mut *connection).await?;
        let mut raw_columns = RawColumns::new();
        for row in &rows {
            load(connection, &mut raw_columns, row.try_get("raw_columns_hash")?).await?;
        }
        rows.iter().map(|row| from_row(row, &raw_columns)).collect()
    }

    /// Keys of those that a later snapshot does not show.
    pub(super) async fn ended_by(&self, connection: &mut Connection, later: i64) -> Result<Vec<String>> {
        let mut query = QueryBuilder::<Db>::new("");
        self.arm(&mut query, "key", "end_snapshot IS NOT NULL", None);
        query.push(" AND end_snapshot > ").push_bind(self.snapshot);
        query.push(" AND end_snapshot <= ").push_bind(later);
        let rows = query.build().fetch_all(connection).await?;
        rows.iter().map(|row| Ok(plain(row.try_get("key")?))).collect()
    }

    /// Files, rows of processed ones, and bytes.
    pub(super) async fn totals(&self, connection: &mut Connection) -> Result<(u32, i64, i64)> {
        let mut query = QueryBuilder::<Db>::new(
            "SELECT count(*) AS files, CAST(coalesce(sum(CASE WHEN layer = 'processed' THEN rows ELSE 0 END), 0) AS BIGINT) AS rows,
            CAST(coalesce(sum(bytes), 0) AS BIGINT) AS bytes FROM (",
        );
        self.select(&mut query, "layer, rows, bytes", None);
        let row = query.push(") AS visible").build().fetch_one(connection).await?;
        Ok((words::unsigned(&row, "files")?, row.try_get("rows")?, row.try_get("bytes")?))
    }

    /// The different lists of columns that its raw files have, oldest first.
    pub(super) async fn raw_columns(&self, connection: &mut Connection) -> Result<Vec<Vec<pb::Column>>> {
        let mut query = QueryBuilder::<Db>::new("SELECT raw_columns_hash, min(seq) AS oldest FROM (");
        Visible { layer: pb::Layer::Raw, ..*self }.select(&mut query, "raw_columns_hash, seq", None);
        query.push(
            ") AS visible WHERE raw_columns_hash IS NOT NULL GROUP BY raw_columns_hash ORDER BY oldest",
        );
        let mut lists = Vec::new();
        for row in query.build().fetch_all(&mut *connection).await? {
            let hash: String = row.try_get("raw_columns_hash")?;
            lists.push(columns_of(connection, &hash).await?);
        }
        Ok(lists)
    }
}

fn cursor(after: &str) -> (String, &'static str) {
    let (key, layer) = after.split_once('\n').unwrap_or((after, ""));
    let layer = layer.parse().ok().and_then(|layer: i32| pb::Layer::try_from(layer).ok());
    (key.to_owned(), layer.map_or("", words::layer_text))
}

async fn load(connection: &mut Connection, into: &mut RawColumns, hash: Option<String>) -> Result<()> {
    if let Some(hash) = hash
        && !into.contains_key(&hash)
    {
        let columns = columns_of(connection, &hash).await?;
        into.insert(hash, columns);
    }
    Ok(())
}

async fn columns_of(connection: &mut Connection, hash: &str) -> Result<Vec<pb::Column>> {
    let sql = "SELECT columns FROM raw_columns WHERE hash = $1";
    let text: String = sqlx::query_scalar(sql).bind(hash).fetch_one(connection).await?;
    words::columns_from(&plain(text))
}

/// Ends all files of a dataset that are visible now.
pub(super) async fn end_visible(connection: &mut Connection, dataset: &str, snapshot: i64) -> Result<()> {
    let sql =
        "UPDATE data_files SET end_snapshot = $2, ended_at = $3 WHERE dataset = $1 AND end_snapshot IS NULL";
    sqlx::query(sql).bind(stored(dataset)).bind(snapshot).bind(words::now()).execute(connection).await?;
    Ok(())
}

/// The visible inputs of a compaction in their order. Of their statistics only the ids of columns are given, which tell what
/// columns a file has, and none where they are very many; of raw ones the first has the columns of all.
pub(super) async fn inputs(connection: &mut Connection, run_id: &str) -> Result<Vec<pb::DataFile>> {
    let sql = format!(
        "SELECT {INPUT} FROM data_files WHERE end_snapshot IS NULL AND (layer, key) IN
            (SELECT layer, key FROM compaction_inputs WHERE run_id = $1) ORDER BY order_snapshot, part, key"
    );
    let rows = sqlx::query(AssertSqlSafe(sql)).bind(run_id).fetch_all(&mut *connection).await?;
    let mut files = rows.iter().map(with_ids).collect::<Result<Vec<_>>>()?;
    if files.iter().map(|file| file.stats.len()).sum::<usize>() > INPUT_IDS {
        files.iter_mut().for_each(|file| file.stats.clear());
    }
    if let (Some(first), Some(row)) = (files.first_mut(), rows.first())
        && let Some(hash) = row.try_get::<Option<String>, _>("raw_columns_hash")?
    {
        first.raw_columns = columns_of(connection, &hash).await?;
    }
    Ok(files)
}

/// Makes a run's files visible.
pub(super) async fn insert(
    connection: &mut Connection,
    run: &pb::Run,
    files: &[pb::DataFile],
    begin: Begin,
) -> Result<()> {
    let now = words::now();
    let mut known = HashSet::new();
    for some in files.chunks(INSERT) {
        let mut hashes = Vec::with_capacity(some.len());
        for file in some {
            hashes.push(store_raw_columns(connection, &mut known, &file.raw_columns).await?);
        }
        let mut query = QueryBuilder::<Db>::new("INSERT INTO data_files (");
        query.push(COLUMNS).push(") ");
        query.push_values(some.iter().zip(hashes), |mut row, (file, hash)| {
            row.push_bind(stored(&file.key))
                .push_bind(words::layer_text(file.layer()))
                .push_bind(stored(&run.source))
                .push_bind(stored(&run.run_id))
                .push_bind(words::signed(run.epoch))
                .push_bind(i64::from(file.part))
                .push_bind(file.rows)
                .push_bind(file.bytes)
                .push_bind(stored(&file.sha256))
                .push_bind(i64::from(file.schema_version))
                .push_bind(hash)
                .push_bind(pb::DataFile { stats: file.stats.clone(), ..Default::default() }.encode_to_vec())
                .push_bind(begin.snapshot)
                .push("NULL")
                .push_bind(now)
                .push_bind(begin.order)
                .push_bind(begin.landed_at);
        });
        // Texts of every length would drive the others out of the cache of statements.
        query.build().persistent(some.len() <= FEW).execute(&mut *connection).await?;
    }
    Ok(())
}

async fn store_raw_columns(
    connection: &mut Connection,
    known: &mut HashSet<String>,
    columns: &[pb::Column],
) -> Result<Option<String>> {
    if columns.is_empty() {
        return Ok(None);
    }
    let text = words::columns_text(columns);
    let hash = sha256_hex(text.as_bytes());
    if known.insert(hash.clone()) {
        let sql = "INSERT INTO raw_columns (hash, columns) VALUES ($1, $2) ON CONFLICT (hash) DO NOTHING";
        sqlx::query(sql).bind(&hash).bind(stored(&text)).execute(connection).await?;
    }
    Ok(Some(hash))
}

fn from_row(row: &Row, raw_columns: &RawColumns) -> Result<pb::DataFile> {
    let hash: Option<&str> = row.try_get("raw_columns_hash")?;
    Ok(pb::DataFile {
        raw_columns: hash.and_then(|hash| raw_columns.get(hash)).cloned().unwrap_or_default(),
        stats: stats(row)?,
        ..without_columns(row)?
    })
}

fn with_ids(row: &Row) -> Result<pb::DataFile> {
    let id = |of: pb::ColumnStats| pb::ColumnStats { column_id: of.column_id, ..Default::default() };
    Ok(pb::DataFile { stats: stats(row)?.into_iter().map(id).collect(), ..without_columns(row)? })
}

fn stats(row: &Row) -> Result<Vec<pb::ColumnStats>> {
    let stats: &[u8] = row.try_get("stats")?;
    let unreadable = |error: prost::DecodeError| RegistryError::Corrupt(error.to_string());
    Ok(pb::DataFile::decode(stats).map_err(unreadable)?.stats)
}

fn without_columns(row: &Row) -> Result<pb::DataFile> {
    let end: Option<i64> = row.try_get("end_snapshot")?;
    Ok(pb::DataFile {
        key: words::text(row, "key")?,
        layer: words::layer_from(row.try_get("layer")?).into(),
        dataset: words::text(row, "dataset")?,
        run_id: words::text(row, "run_id")?,
        epoch: words::unsigned(row, "epoch")?,
        part: words::unsigned(row, "part")?,
        rows: row.try_get("rows")?,
        bytes: row.try_get("bytes")?,
        sha256: words::text(row, "sha256")?,
        schema_version: words::unsigned(row, "schema_version")?,
        begin_snapshot: words::unsigned(row, "begin_snapshot")?,
        order_snapshot: words::unsigned(row, "order_snapshot")?,
        end_snapshot: end.unwrap_or_default().unsigned_abs(),
        created_time: words::instant(row, "created_at")?,
        ..Default::default()
    })
}
