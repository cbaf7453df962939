//! What a source remembers of its committed runs: the cursor, and files that were read.

use std::borrow::Cow;

use async_trait::async_trait;
use rfe_proto::metadata as pb;
use sqlx::{AssertSqlSafe, Row as _};

use super::{
    again::again,
    checkpoint,
    driver::{Connection, MARKS, Registry},
    run,
    text::{plain, stored},
    words,
};
use crate::{Commit, MemoryStore, Page, RegistryError, Result};

#[async_trait]
impl MemoryStore for Registry {
    async fn save_checkpoint(&self, run_id: &str, epoch: u64, checkpoint: &pb::Checkpoint) -> Result<()> {
        again(|| async {
            let mut transaction = self.write().await?;
            checkpoint::save(&mut transaction, run_id, epoch, checkpoint).await?;
            transaction.commit().await?;
            Ok(())
        })
        .await
    }

    async fn checkpoints(&self, run_id: &str, epoch: u64, page: &Page) -> Result<Vec<pb::Checkpoint>> {
        again(|| async { checkpoint::list(&mut *self.read().await?, run_id, epoch, page).await }).await
    }

    async fn unread(&self, run_id: &str, epoch: u64, files: &[pb::FileMark]) -> Result<Vec<u32>> {
        again(|| async {
            let mut transaction = self.read().await?;
            let run = run::expect_running(&mut transaction, run_id, epoch).await?;
            unread(&mut transaction, &run.source, files).await
        })
        .await
    }
}

async fn unread(connection: &mut Connection, source: &str, files: &[pb::FileMark]) -> Result<Vec<u32>> {
    let sql = format!(
        "SELECT marks.place FROM {MARKS} WHERE NOT EXISTS (SELECT 1 FROM source_files AS files
            WHERE files.source_name = $1 AND files.path = marks.path AND files.bytes = marks.bytes
            AND files.version = marks.version) ORDER BY marks.place"
    );
    let query = sqlx::query_scalar(AssertSqlSafe(sql)).bind(stored(source)).bind(marks_text(files));
    let places: Vec<i64> = query.fetch_all(connection).await?;
    Ok(places.into_iter().filter_map(|place| u32::try_from(place).ok()).collect())
}

// A JSON list of lists.
fn marks_text(files: &[pb::FileMark]) -> String {
    let marks: Vec<(Cow<'_, str>, i64, Cow<'_, str>)> = files
        .iter()
        .map(|file| (stored(&file.path), words::signed(file.bytes), stored(&file.version)))
        .collect();
    words::json_text(&marks)
}

/// The source as a run's latest claim found it.
#[derive(Debug)]
pub(super) struct ClaimedAs {
    mode: pb::Mode,
    cursor: String,
}

/// Notes the source as the claim of a run finds it. What the run had read by another declaration, or from another cursor, is
/// forgotten; the answer is how many checkpoints are left.
pub(super) async fn claim(connection: &mut Connection, run_id: &str, source: &pb::Source) -> Result<u64> {
    let revision = words::signed(source.revision);
    let sql = "SELECT claimed_revision = $2 AND coalesce(claimed_cursor, '') = $3 FROM ingestion_runs WHERE run_id = $1";
    let is_same: bool = sqlx::query_scalar(sql)
        .bind(stored(run_id))
        .bind(revision)
        .bind(stored(&source.cursor))
        .fetch_one(&mut *connection)
        .await?;
    if !is_same {
        checkpoint::forget(connection, run_id).await?;
    }
    let sql =
        "UPDATE ingestion_runs SET claimed_mode = $2, claimed_revision = $3, claimed_cursor = nullif($4, '')
        WHERE run_id = $1";
    sqlx::query(sql)
        .bind(stored(run_id))
        .bind(words::mode_text(source.mode()))
        .bind(revision)
        .bind(stored(&source.cursor))
        .execute(&mut *connection)
        .await?;
    checkpoint::count(connection, run_id).await
}

/// The source as the claim found it; of a run that an earlier version of this program claimed, as it is now.
pub(super) async fn claimed(
    connection: &mut Connection,
    run_id: &str,
    source: &pb::Source,
) -> Result<ClaimedAs> {
    let sql = "SELECT claimed_mode, claimed_cursor FROM ingestion_runs WHERE run_id = $1";
    let row = sqlx::query(sql).bind(stored(run_id)).fetch_one(connection).await?;
    let mode = words::mode_from(row.try_get("claimed_mode")?).unwrap_or(source.mode());
    let cursor = row.try_get::<Option<String>, _>("claimed_cursor")?.map(plain);
    Ok(ClaimedAs { mode, cursor: cursor.unwrap_or_default() })
}

impl ClaimedAs {
    /// True if the run's files take the place of all that are visible.
    pub(super) fn replaces(&self) -> bool {
        self.mode == pb::Mode::Replace
    }
}

/// Remembers what a commit that read the source read of it.
///
/// # Errors
/// [`RegistryError::AlreadyRead`] if another run did since the claim.
pub(super) async fn remember(
    connection: &mut Connection,
    source: &pb::Source,
    claimed: &ClaimedAs,
    commit: &Commit,
) -> Result<()> {
    let files = marks_text(&commit.files_read);
    if claimed.replaces() {
        forget(connection, &source.name).await?;
    } else {
        check_unread(connection, source, claimed, commit, &files).await?;
        move_cursor(connection, &source.name, commit.cursor.as_deref()).await?;
    }
    if commit.files_read.is_empty() {
        return Ok(());
    }
    if claimed.mode == pb::Mode::Merge {
        // A file that came back as it once was has the latest rows again.
        let sql = format!(
            "DELETE FROM source_files WHERE source_name = $1 AND path IN (SELECT marks.path FROM {MARKS})"
        );
        sqlx::query(AssertSqlSafe(sql))
            .bind(stored(&source.name))
            .bind(&files)
            .execute(&mut *connection)
            .await?;
    }
    let sql = format!(
        "INSERT INTO source_files (source_name, path, bytes, version, run_id, read_at)
        SELECT $1, marks.path, marks.bytes, marks.version, $3, $4 FROM {MARKS} WHERE true ON CONFLICT DO NOTHING"
    );
    sqlx::query(AssertSqlSafe(sql))
        .bind(stored(&source.name))
        .bind(&files)
        .bind(stored(&commit.run_id))
        .bind(words::now())
        .execute(connection)
        .await?;
    Ok(())
}

// A replay of the source's job may read beside its pull job: one of them comes second, and must read again.
async fn check_unread(
    connection: &mut Connection,
    source: &pb::Source,
    claimed: &ClaimedAs,
    commit: &Commit,
    files: &str,
) -> Result<()> {
    let refused = |what: String| {
        Err(RegistryError::AlreadyRead { name: source.name.clone(), run_id: commit.run_id.clone(), what })
    };
    if commit.cursor.is_some() && source.cursor != claimed.cursor {
        return refused(format!("moved the cursor from `{}` to `{}`", claimed.cursor, source.cursor));
    }
    if commit.files_read.is_empty() {
        return Ok(());
    }
    let sql = format!(
        "SELECT files.path FROM {MARKS} JOIN source_files AS files ON files.source_name = $1
        AND files.path = marks.path AND files.bytes = marks.bytes AND files.version = marks.version LIMIT 1"
    );
    let known: Option<String> = sqlx::query_scalar(AssertSqlSafe(sql))
        .bind(stored(&source.name))
        .bind(files)
        .fetch_optional(connection)
        .await?;
    known.map_or(Ok(()), |path| refused(format!("read the file `{}`", plain(path))))
}

async fn move_cursor(connection: &mut Connection, source: &str, cursor: Option<&str>) -> Result<()> {
    if let Some(cursor) = cursor.filter(|cursor| !cursor.is_empty()) {
        let sql = "UPDATE sources SET cursor = $2 WHERE name = $1";
        sqlx::query(sql).bind(stored(source)).bind(stored(cursor)).execute(connection).await?;
    }
    Ok(())
}

/// Forgets cursor and files of a source.
pub(super) async fn forget(connection: &mut Connection, source: &str) -> Result<()> {
    let sql = "UPDATE sources SET cursor = NULL WHERE name = $1 AND cursor IS NOT NULL";
    sqlx::query(sql).bind(stored(source)).execute(&mut *connection).await?;
    sqlx::query("DELETE FROM source_files WHERE source_name = $1")
        .bind(stored(source))
        .execute(connection)
        .await?;
    Ok(())
}
