//! What is done beside the work: forgetting, mending, and looking at how Redis is set up.

use std::{collections::HashMap, sync::Arc, time::Duration};

use redis::Value;

use super::Shared;
use crate::{QueueError, Repaired};

const PRUNE_EVERY: Duration = Duration::from_secs(10);
const KEEP_FOR: Duration = Duration::from_secs(86_400);
const KEEP_JOBS: u64 = 100_000;
// A script that others wait for must stay short; what is left over is forgotten next time.
const AT_ONCE: u64 = 2_000;
/// The largest backlog of which everything is counted in one script, which stops the queue for some ten ms.
const COUNTABLE: u64 = 20_000;

/// Settings of Redis without which what is accepted may be lost.
const SETTINGS: [(&str, &str, &str); 4] = [
    ("appendonly", "yes", "what is accepted is lost when Redis ends"),
    (
        "appendfsync",
        "always",
        "what was accepted in the last second or two is lost when Redis or its machine dies",
    ),
    ("no-appendfsync-on-rewrite", "no", "nothing is synced while the file is rewritten"),
    ("maxmemory-policy", "noeviction", "Redis deletes jobs when its memory is full"),
];

/// Forgets what left, until its task is ended.
pub async fn prune(shared: Arc<Shared>) {
    loop {
        tokio::time::sleep(PRUNE_EVERY).await;
        let mut call = shared.link.prepare(&shared.scripts.prune);
        call.arg(KEEP_FOR.as_micros() as u64).arg(KEEP_JOBS).arg(AT_ONCE);
        if let Err(error) = shared.link.call::<i64>(&call).await {
            tracing::debug!(%error, "jobs that left could not be forgotten; later again");
        }
    }
}

/// Makes indexes and counts agree with the jobs, in steps between which others are served.
pub async fn repair(shared: &Shared) -> Result<Repaired, QueueError> {
    let mut repaired = Repaired::default();
    for what in ["jobs", "work", "indexes", "counts"] {
        let mut cursor = "0".to_owned();
        loop {
            let argument = if what == "counts" { COUNTABLE.to_string() } else { cursor };
            let mut call = shared.link.prepare(&shared.scripts.repair);
            call.arg(what).arg(argument);
            let (next, checked, mended): (String, u64, u64) = shared.link.call(&call).await?;
            repaired.checked += checked;
            repaired.mended += mended;
            if next == "0" {
                break;
            }
            cursor = next;
        }
    }
    if repaired.mended > 0 {
        tracing::warn!(mended = repaired.mended, "the queue's indexes did not agree with its jobs");
    }
    Ok(repaired)
}

/// A mark in the store, which goes with it; the run of the server, which ends with its memory; and its history, which a failover changes.
pub async fn incarnation(shared: &Shared) -> Result<String, QueueError> {
    let key = shared.link.key("incarnation");
    let mut pipeline = redis::pipe();
    pipeline.cmd("SET").arg(&key).arg(rfe_model::id::new()).arg("NX").ignore();
    pipeline.get(&key).cmd("INFO").arg("server").cmd("INFO").arg("replication");
    let (mark, server, replication): (String, String, String) = shared.link.send(&pipeline).await?;
    let field = |info: &str, name: &str| {
        info.lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':').map(str::to_owned))
            .unwrap_or_default()
    };
    Ok(format!("{mark}:{}:{}", field(&server, "run_id"), field(&replication, "master_replid")))
}

/// What is unsafe about the server's settings, each with what it costs and how it is mended.
pub async fn warnings(shared: &Shared) -> Result<Vec<String>, QueueError> {
    let mut pipeline = redis::pipe();
    for (setting, ..) in SETTINGS {
        pipeline.cmd("CONFIG").arg("GET").arg(setting);
    }
    let answers: Vec<Value> = match shared.link.send(&pipeline).await {
        Ok(answers) => answers,
        Err(QueueError::Store(error)) if is_refused(&error.to_string()) => {
            return Ok(vec![format!(
                "Redis does not tell its settings ({error}); see to it that it syncs what it writes"
            )]);
        }
        Err(error) => return Err(error),
    };
    let mut known = HashMap::new();
    for answer in answers {
        let pairs: HashMap<String, String> =
            redis::from_redis_value(answer).map_err(super::reply::unreadable)?;
        known.extend(pairs);
    }
    let odd = SETTINGS.iter().filter_map(|(setting, wanted, cost)| {
        let found = known.get(*setting)?;
        (found != wanted).then(|| format!("Redis has {setting} {found}: {cost}; set {setting} {wanted}"))
    });
    Ok(odd.collect())
}

fn is_refused(error: &str) -> bool {
    ["NOPERM", "unknown command", "Unknown subcommand"].iter().any(|word| error.contains(word))
}
