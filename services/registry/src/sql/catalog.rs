//! The catalog: datasets, files and schema versions, each answer of one state of the file.

use async_trait::async_trait;
use rfe_proto::metadata as pb;

use super::{
    again::again,
    dataset::{self, Standing},
    driver::{Connection, Registry},
    file::Visible,
    freshness, meta, newest_snapshot, schema, source,
    text::plain,
    words,
};
use crate::{CatalogStore, MetaPart, Page, RegistryError, Resolved, Result};

#[async_trait]
impl CatalogStore for Registry {
    async fn snapshot(&self) -> Result<u64> {
        again(|| async { Ok(newest_snapshot(&mut *self.reader().await?).await?.unsigned_abs()) }).await
    }

    async fn resolve(&self, snapshot: u64, names: &[String], columns_only: bool) -> Result<Resolved> {
        again(|| async { resolve(&mut *self.read().await?, snapshot, names, columns_only).await }).await
    }

    async fn files_after(
        &self,
        dataset: &str,
        snapshot: u64,
        layer: pb::Layer,
        begun_after: u64,
        page: &Page,
    ) -> Result<(Vec<pb::DataFile>, u64)> {
        again(|| async {
            let mut transaction = self.read().await?;
            let snapshot = shown(&mut transaction, snapshot).await?;
            expect(&mut transaction, dataset, snapshot).await?.check_whole(dataset, snapshot)?;
            let visible = Visible { dataset, snapshot, layer, begun_after: words::signed(begun_after) };
            let files = visible.list(&mut transaction, Some(page)).await?;
            Ok((files, snapshot.unsigned_abs()))
        })
        .await
    }

    async fn ended(&self, dataset: &str, older: u64, snapshot: u64, layer: pb::Layer) -> Result<Vec<String>> {
        again(|| async {
            let mut transaction = self.read().await?;
            let snapshot = shown(&mut transaction, snapshot).await?;
            let older = words::signed(older);
            expect(&mut transaction, dataset, snapshot).await?.check_whole(dataset, older)?;
            let shown_before = Visible { dataset, snapshot: older, layer, begun_after: 0 };
            shown_before.ended_by(&mut transaction, snapshot).await
        })
        .await
    }

    async fn changes(&self, after: u64) -> Result<(u64, Vec<String>)> {
        again(|| async { changes(&mut *self.read().await?, after).await }).await
    }

    async fn schema_versions(&self, dataset: &str, page: &Page) -> Result<Vec<pb::SchemaVersion>> {
        again(|| async {
            let mut transaction = self.read().await?;
            let newest = newest_snapshot(&mut transaction).await?;
            expect(&mut transaction, dataset, newest).await?;
            schema::list(&mut transaction, dataset, page).await
        })
        .await
    }

    async fn freshness(&self, source: Option<&str>, page: &Page) -> Result<Vec<pb::Freshness>> {
        again(|| async { freshness::list(&mut *self.read().await?, source, page).await }).await
    }

    async fn scan_part(&self, table: &str, after: Option<i64>, limit: u32) -> Result<Option<MetaPart>> {
        again(|| async { meta::scan(&mut *self.read().await?, table, after, limit).await }).await
    }
}

async fn resolve(
    connection: &mut Connection,
    snapshot: u64,
    names: &[String],
    columns_only: bool,
) -> Result<Resolved> {
    let snapshot = shown(connection, snapshot).await?;
    // Who asks for the columns of all datasets can do without those that are too old.
    let must_be_whole = !names.is_empty() || !columns_only;
    let names = if names.is_empty() { all(connection).await? } else { names.to_vec() };
    let mut datasets = Vec::with_capacity(names.len());
    for name in &names {
        let Some(source) = source::find(connection, name).await? else { continue };
        let standing = dataset::standing(connection, name).await?;
        if standing.is_dropped_at(snapshot) {
            continue;
        }
        if must_be_whole {
            standing.check_whole(name, snapshot)?;
        }
        datasets.push(dataset::resolve(connection, &source, standing, snapshot, columns_only).await?);
    }
    Ok(Resolved { snapshot: snapshot.unsigned_abs(), datasets })
}

async fn changes(connection: &mut Connection, after: u64) -> Result<(u64, Vec<String>)> {
    let snapshot = newest_snapshot(connection).await?;
    // What has gone since has raised the oldest snapshot.
    let sql = "SELECT dataset FROM data_files WHERE begin_snapshot > $1
        UNION SELECT dataset FROM data_files WHERE end_snapshot > $1
        UNION SELECT name FROM sources WHERE oldest_snapshot > $1 OR dropped_snapshot > $1 ORDER BY dataset";
    let datasets: Vec<String> =
        sqlx::query_scalar(sql).bind(words::signed(after)).fetch_all(connection).await?;
    Ok((snapshot.unsigned_abs(), datasets.into_iter().map(plain).collect()))
}

// 0 means the newest; one that is not there yet can't be shown.
async fn shown(connection: &mut Connection, asked: u64) -> Result<i64> {
    let newest = newest_snapshot(connection).await?;
    Ok(if asked == 0 { newest } else { words::signed(asked).min(newest) })
}

async fn all(connection: &mut Connection) -> Result<Vec<String>> {
    let sql = "SELECT name FROM sources ORDER BY name";
    let names: Vec<String> = sqlx::query_scalar(sql).fetch_all(connection).await?;
    Ok(names.into_iter().map(plain).collect())
}

// It must be there, and not dropped.
async fn expect(connection: &mut Connection, dataset: &str, snapshot: i64) -> Result<Standing> {
    let missing = || RegistryError::NotFound { what: "dataset", id: dataset.to_owned() };
    source::find(connection, dataset).await?.ok_or_else(missing)?;
    let standing = dataset::standing(connection, dataset).await?;
    if standing.is_dropped_at(snapshot) { Err(missing()) } else { Ok(standing) }
}
