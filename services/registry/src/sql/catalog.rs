//! The catalog: datasets, files and schema versions, each answer of one state of the file.

use async_trait::async_trait;
use rfe_proto::metadata as pb;

use super::{
    again::again,
    dataset,
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

    async fn files(
        &self,
        dataset: &str,
        snapshot: u64,
        layer: pb::Layer,
        page: &Page,
    ) -> Result<(Vec<pb::DataFile>, u64)> {
        again(|| async {
            let mut transaction = self.read().await?;
            expect(&mut transaction, dataset).await?;
            let snapshot = shown(&mut transaction, snapshot).await?;
            let files = Visible { dataset, snapshot, layer }.list(&mut transaction, Some(page)).await?;
            Ok((files, snapshot.unsigned_abs()))
        })
        .await
    }

    async fn schema_versions(&self, dataset: &str, page: &Page) -> Result<Vec<pb::SchemaVersion>> {
        again(|| async {
            let mut transaction = self.read().await?;
            expect(&mut transaction, dataset).await?;
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
    let names = if names.is_empty() { all(connection).await? } else { names.to_vec() };
    let mut datasets = Vec::with_capacity(names.len());
    for name in &names {
        if let Some(source) = source::find(connection, name).await? {
            datasets.push(dataset::resolve(connection, &source, snapshot, columns_only).await?);
        }
    }
    Ok(Resolved { snapshot: snapshot.unsigned_abs(), datasets })
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

async fn expect(connection: &mut Connection, dataset: &str) -> Result<()> {
    let missing = || RegistryError::NotFound { what: "dataset", id: dataset.to_owned() };
    source::find(connection, dataset).await?.map(|_| ()).ok_or_else(missing)
}
