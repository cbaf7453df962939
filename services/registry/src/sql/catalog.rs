//! The catalog: datasets, files and schema versions, each answer of one state of the file.

use async_trait::async_trait;
use rfe_proto::metadata as pb;

use super::{
    dataset,
    driver::{Connection, Registry},
    file::Visible,
    freshness, meta, newest_snapshot, schema, source, words,
};
use crate::{CatalogStore, MetaPart, Page, RegistryError, Resolved, Result};

#[async_trait]
impl CatalogStore for Registry {
    async fn snapshot(&self) -> Result<u64> {
        Ok(newest_snapshot(&mut *self.reader().await?).await?.unsigned_abs())
    }

    async fn resolve(&self, snapshot: u64, names: &[String], columns_only: bool) -> Result<Resolved> {
        let mut transaction = self.read().await?;
        let snapshot = shown(&mut transaction, snapshot).await?;
        let names = if names.is_empty() { all(&mut transaction).await? } else { names.to_vec() };
        let mut datasets = Vec::with_capacity(names.len());
        for name in &names {
            if let Some(source) = source::find(&mut transaction, name).await? {
                datasets.push(dataset::resolve(&mut transaction, &source, snapshot, columns_only).await?);
            }
        }
        Ok(Resolved { snapshot: snapshot.unsigned_abs(), datasets })
    }

    async fn files(
        &self,
        dataset: &str,
        snapshot: u64,
        layer: pb::Layer,
        page: &Page,
    ) -> Result<(Vec<pb::DataFile>, u64)> {
        let mut transaction = self.read().await?;
        expect(&mut transaction, dataset).await?;
        let snapshot = shown(&mut transaction, snapshot).await?;
        let files = Visible { dataset, snapshot, layer }.list(&mut transaction, Some(page)).await?;
        Ok((files, snapshot.unsigned_abs()))
    }

    async fn schema_versions(&self, dataset: &str, page: &Page) -> Result<Vec<pb::SchemaVersion>> {
        let mut transaction = self.read().await?;
        expect(&mut transaction, dataset).await?;
        schema::list(&mut transaction, dataset, page).await
    }

    async fn freshness(&self, source: Option<&str>, page: &Page) -> Result<Vec<pb::Freshness>> {
        freshness::list(&mut *self.reader().await?, source, page).await
    }

    async fn scan_part(&self, table: &str, after: Option<i64>, limit: u32) -> Result<Option<MetaPart>> {
        meta::scan(&mut *self.reader().await?, table, after, limit).await
    }
}

// 0 means the newest; one that is not there yet can't be shown.
async fn shown(connection: &mut Connection, asked: u64) -> Result<i64> {
    let newest = newest_snapshot(connection).await?;
    Ok(if asked == 0 { newest } else { words::signed(asked).min(newest) })
}

async fn all(connection: &mut Connection) -> Result<Vec<String>> {
    Ok(sqlx::query_scalar("SELECT name FROM sources ORDER BY name").fetch_all(connection).await?)
}

async fn expect(connection: &mut Connection, dataset: &str) -> Result<()> {
    let missing = || RegistryError::NotFound { what: "dataset", id: dataset.to_owned() };
    source::find(connection, dataset).await?.map(|_| ()).ok_or_else(missing)
}
