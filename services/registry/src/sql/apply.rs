//! Many sources in one transaction.

use std::collections::HashSet;

use rfe_model::SourceSpec;
use rfe_proto::metadata as pb;

use super::{driver::Connection, source};
use crate::Result;

/// Creates, updates and with `prune` deletes. A source that is as it was keeps its revision.
pub(super) async fn apply(
    connection: &mut Connection,
    sources: &[SourceSpec],
    prune: bool,
) -> Result<Vec<pb::AppliedSource>> {
    let mut applied = Vec::with_capacity(sources.len());
    for spec in sources {
        let known = source::find(connection, &spec.name).await?;
        let action = action(known.as_ref(), spec)?;
        if action != "unchanged" {
            source::put(connection, spec, false).await?;
        }
        applied.push(pb::AppliedSource { name: spec.name.clone(), action: action.to_owned() });
    }
    if prune {
        applied.extend(delete_others(connection, sources).await?);
    }
    Ok(applied)
}

fn action(known: Option<&pb::Source>, spec: &SourceSpec) -> Result<&'static str> {
    Ok(match known {
        None => "created",
        Some(source) if source.deleted_time.is_some() => "created",
        Some(source) if !source.auto_created && source::spec(source)? == *spec => "unchanged",
        Some(_) => "updated",
    })
}

async fn delete_others(
    connection: &mut Connection,
    sources: &[SourceSpec],
) -> Result<Vec<pb::AppliedSource>> {
    let kept: HashSet<&str> = sources.iter().map(|spec| spec.name.as_str()).collect();
    let sql = "SELECT name FROM sources WHERE deleted_at IS NULL AND NOT auto_created ORDER BY name";
    let declared: Vec<String> = sqlx::query_scalar(sql).fetch_all(&mut *connection).await?;
    let mut deleted = Vec::new();
    for name in declared.into_iter().filter(|name| !kept.contains(name.as_str())) {
        source::end(connection, &name).await?;
        deleted.push(pb::AppliedSource { name, action: "deleted".to_owned() });
    }
    Ok(deleted)
}
