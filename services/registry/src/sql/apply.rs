//! Many sources in one transaction.

use std::collections::HashSet;

use rfe_model::SourceSpec;
use rfe_proto::metadata as pb;

use super::{driver::Connection, hold, source, text::plain};
use crate::Result;

/// Creates, updates and with `prune` deletes. A source that is as it was keeps its revision.
pub(super) async fn apply(
    connection: &mut Connection,
    sources: &[SourceSpec],
    prune: bool,
) -> Result<Vec<pb::AppliedSource>> {
    let kept: HashSet<&str> = sources.iter().map(|spec| spec.name.as_str()).collect();
    let others = if prune { others(connection, &kept).await? } else { Vec::new() };
    hold::sources(connection, kept.into_iter().chain(others.iter().map(String::as_str))).await?;
    let mut applied = Vec::with_capacity(sources.len());
    for spec in sources {
        let known = source::find(connection, &spec.name).await?;
        let action = action(known.as_ref(), spec)?;
        if action != "unchanged" {
            source::put(connection, spec, false).await?;
        }
        applied.push(pb::AppliedSource { name: spec.name.clone(), action: action.to_owned() });
    }
    for name in others {
        source::end(connection, &name).await?;
        applied.push(pb::AppliedSource { name, action: "deleted".to_owned() });
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

// Declared sources that are not kept.
async fn others(connection: &mut Connection, kept: &HashSet<&str>) -> Result<Vec<String>> {
    let sql = "SELECT name FROM sources WHERE deleted_at IS NULL AND NOT auto_created ORDER BY name";
    let declared: Vec<String> = sqlx::query_scalar(sql).fetch_all(connection).await?;
    let names = declared.into_iter().map(plain);
    Ok(names.filter(|name| !kept.contains(name.as_str())).collect())
}
