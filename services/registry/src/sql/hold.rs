//! Holding rows until a transaction ends. Everybody does so in the same order: sources by name, runs by id, `registry_state`, and
//! then what belongs to them, letters above all. SQLite lets one writer in at a time, and so holds all.

use sqlx::QueryBuilder;

use super::{
    driver::{Connection, Db, FOR_UPDATE, ONE_WRITER},
    text::stored,
};
use crate::Result;

/// Holds sources; each is the lock of its dataset.
pub(super) async fn sources<'a>(
    connection: &mut Connection,
    names: impl IntoIterator<Item = &'a str>,
) -> Result<()> {
    let names = names.into_iter().collect::<Vec<_>>();
    if names.is_empty() || ONE_WRITER {
        return Ok(());
    }
    let mut query = QueryBuilder::<Db>::new("SELECT seq FROM sources WHERE name IN (");
    list(&mut query, &names);
    query.push(") ORDER BY name").push(FOR_UPDATE);
    query.build().persistent(names.len() == 1).execute(connection).await?;
    Ok(())
}

/// Holds runs, and before them the datasets that they are of.
pub(super) async fn runs(connection: &mut Connection, run_ids: &[&str]) -> Result<()> {
    if ONE_WRITER {
        return Ok(());
    }
    datasets_of(connection, run_ids).await?;
    let mut query = QueryBuilder::<Db>::new("SELECT seq FROM ingestion_runs WHERE run_id IN (");
    list(&mut query, run_ids);
    query.push(") ORDER BY run_id").push(FOR_UPDATE);
    query.build().persistent(run_ids.len() == 1).execute(connection).await?;
    Ok(())
}

/// Holds the datasets that runs are of.
pub(super) async fn datasets_of(connection: &mut Connection, run_ids: &[&str]) -> Result<()> {
    if ONE_WRITER {
        return Ok(());
    }
    let mut query = QueryBuilder::<Db>::new(
        "SELECT seq FROM sources WHERE name IN (SELECT source_name FROM ingestion_runs WHERE run_id IN (",
    );
    list(&mut query, run_ids);
    query.push(")) ORDER BY name").push(FOR_UPDATE);
    query.build().persistent(run_ids.len() == 1).execute(connection).await?;
    Ok(())
}

/// Adds a list of texts.
pub(super) fn list(query: &mut QueryBuilder<Db>, texts: &[&str]) {
    let mut list = query.separated(", ");
    for text in texts {
        list.push_bind(stored(text));
    }
}
