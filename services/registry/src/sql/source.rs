//! Sources, one at a time.

use async_trait::async_trait;
use rfe_model::SourceSpec;
use rfe_proto::{json, metadata as pb};
use sqlx::{QueryBuilder, Row as _};

use super::{
    again::again,
    apply,
    driver::{Connection, Db, Registry, Row},
    hold, memory, next_revision,
    text::{plain, stored},
    words,
};
use crate::{Page, RegistryError, Result, SourceStore};

const SOURCES: &str =
    "SELECT name, spec, auto_created, revision, created_at, updated_at, deleted_at, cursor FROM sources";

#[async_trait]
impl SourceStore for Registry {
    async fn apply(&self, sources: &[SourceSpec], prune: bool) -> Result<Vec<pb::AppliedSource>> {
        again(|| async {
            let mut transaction = self.declare().await?;
            let applied = apply::apply(&mut transaction, sources, prune).await?;
            transaction.commit().await?;
            Ok(applied)
        })
        .await
    }

    async fn create(&self, source: &SourceSpec, auto_created: Option<u32>) -> Result<pb::Source> {
        again(|| async {
            let mut transaction = self.declare().await?;
            hold::sources(&mut transaction, [source.name.as_str()]).await?;
            let known = find(&mut transaction, &source.name).await?;
            check_free(known.as_ref(), &source.name, auto_created.is_some())?;
            if let Some(limit) = auto_created {
                check_room(&mut transaction, &source.name, limit).await?;
            }
            let created = put(&mut transaction, source, auto_created.is_some()).await?;
            transaction.commit().await?;
            Ok(created)
        })
        .await
    }

    async fn update(&self, source: &SourceSpec) -> Result<pb::Source> {
        again(|| async {
            let mut transaction = self.declare().await?;
            hold::sources(&mut transaction, [source.name.as_str()]).await?;
            expect_live(&mut transaction, &source.name).await?;
            let updated = put(&mut transaction, source, false).await?;
            transaction.commit().await?;
            Ok(updated)
        })
        .await
    }

    async fn source(&self, name: &str) -> Result<Option<pb::Source>> {
        again(|| async { find(&mut *self.reader().await?, name).await }).await
    }

    async fn sources(&self, page: &Page, deleted: bool) -> Result<(Vec<pb::Source>, u64)> {
        again(|| async { list(&mut *self.read().await?, page, deleted).await }).await
    }

    async fn delete(&self, name: &str) -> Result<()> {
        again(|| async {
            let mut transaction = self.declare().await?;
            hold::sources(&mut transaction, [name]).await?;
            let source = expect(&mut transaction, name).await?;
            if source.deleted_time.is_none() {
                end(&mut transaction, name).await?;
            }
            transaction.commit().await?;
            Ok(())
        })
        .await
    }
}

async fn list(connection: &mut Connection, page: &Page, deleted: bool) -> Result<(Vec<pb::Source>, u64)> {
    let mut query = QueryBuilder::<Db>::new(SOURCES);
    query.push(" WHERE name > ").push_bind(stored(page.after.as_deref().unwrap_or_default()));
    if !deleted {
        query.push(" AND deleted_at IS NULL");
    }
    query.push(" ORDER BY name LIMIT ").push_bind(i64::from(page.limit));
    let rows = query.build().fetch_all(&mut *connection).await?;
    let sources = rows.iter().map(from_row).collect::<Result<_>>()?;
    let revision = sqlx::query("SELECT revision FROM registry_state").fetch_one(connection).await?;
    Ok((sources, words::unsigned(&revision, "revision")?))
}

fn check_free(known: Option<&pb::Source>, name: &str, auto_created: bool) -> Result<()> {
    match known {
        None => Ok(()),
        Some(source) if source.deleted_time.is_none() => Err(RegistryError::SourceExists(name.to_owned())),
        // Who deleted a source does not want the next webhook to bring it back.
        Some(_) if auto_created => Err(RegistryError::SourceDeleted(name.to_owned())),
        Some(_) => Ok(()),
    }
}

async fn check_room(connection: &mut Connection, name: &str, limit: u32) -> Result<()> {
    let sql = "SELECT count(*) FROM sources WHERE auto_created AND deleted_at IS NULL";
    let made: i64 = sqlx::query_scalar(sql).fetch_one(connection).await?;
    if made >= i64::from(limit) {
        return Err(RegistryError::TooManySources(limit, name.to_owned()));
    }
    Ok(())
}

/// One source, deleted or not.
pub(super) async fn find(connection: &mut Connection, name: &str) -> Result<Option<pb::Source>> {
    let mut query = QueryBuilder::<Db>::new(SOURCES);
    query.push(" WHERE name = ").push_bind(stored(name));
    query.build().fetch_optional(connection).await?.as_ref().map(from_row).transpose()
}

/// All sources, deleted or not.
pub(super) async fn all(connection: &mut Connection) -> Result<Vec<pb::Source>> {
    sqlx::query(SOURCES).fetch_all(connection).await?.iter().map(from_row).collect()
}

/// One source, deleted or not; it must be there.
pub(super) async fn expect(connection: &mut Connection, name: &str) -> Result<pb::Source> {
    let missing = || RegistryError::NotFound { what: "source", id: name.to_owned() };
    find(connection, name).await?.ok_or_else(missing)
}

/// One source; it must be there and not deleted.
pub(super) async fn expect_live(connection: &mut Connection, name: &str) -> Result<pb::Source> {
    let source = expect(connection, name).await?;
    if source.deleted_time.is_some() {
        return Err(RegistryError::SourceDeleted(name.to_owned()));
    }
    Ok(source)
}

/// The spec of a stored source.
pub(super) fn spec(source: &pb::Source) -> Result<SourceSpec> {
    SourceSpec::try_from(source)
        .map_err(|wrong| RegistryError::Corrupt(format!("source `{}`: {wrong}", source.name)))
}

/// Writes a source under a new revision; a deleted one comes back. Its cursor stays, unless the mode is REPLACE now or
/// the kind another.
pub(super) async fn put(
    connection: &mut Connection,
    spec: &SourceSpec,
    auto_created: bool,
) -> Result<pb::Source> {
    let written = pb::Source::from(spec);
    let revision = next_revision(connection).await?;
    let sql = "INSERT INTO sources
            (name, kind, mode, schema_policy, spec, auto_created, revision, created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)
        ON CONFLICT (name) DO UPDATE SET kind = $2, mode = $3, schema_policy = $4, spec = $5, auto_created = $6,
            revision = $7, updated_at = $8, deleted_at = NULL, dropped_at = NULL,
            cursor = CASE WHEN $3 = 'replace' OR sources.kind <> $2 THEN NULL ELSE sources.cursor END";
    sqlx::query(sql)
        .bind(stored(&spec.name))
        .bind(stored(&spec.kind))
        .bind(words::mode_text(written.mode()))
        .bind(words::policy_text(written.schema_policy()))
        .bind(stored(&json::to_value(&written).to_string()))
        .bind(auto_created)
        .bind(revision)
        .bind(words::now())
        .execute(&mut *connection)
        .await?;
    expect(connection, &spec.name).await
}

/// Deletes a source: its reading ends and what it remembers of it, its dataset stays.
pub(super) async fn end(connection: &mut Connection, name: &str) -> Result<()> {
    memory::forget(connection, name).await?;
    let revision = next_revision(connection).await?;
    sqlx::query("UPDATE sources SET deleted_at = $2, updated_at = $2, revision = $3 WHERE name = $1")
        .bind(stored(name))
        .bind(words::now())
        .bind(revision)
        .execute(connection)
        .await?;
    Ok(())
}

fn from_row(row: &Row) -> Result<pb::Source> {
    let text = words::text(row, "spec")?;
    let unreadable = |error: serde_json::Error| RegistryError::Corrupt(error.to_string());
    let value: serde_json::Value = serde_json::from_str(&text).map_err(unreadable)?;
    let source: pb::Source = json::from_value(&value).map_err(unreadable)?;
    Ok(pb::Source {
        created_time: words::instant(row, "created_at")?,
        updated_time: words::instant(row, "updated_at")?,
        deleted_time: words::instant(row, "deleted_at")?,
        auto_created: row.try_get("auto_created")?,
        revision: words::unsigned(row, "revision")?,
        cursor: row.try_get::<Option<String>, _>("cursor")?.map(plain).unwrap_or_default(),
        ..source
    })
}
