//! The replay of many letters.

use futures::{StreamExt as _, TryStreamExt as _, stream};
use rfe_mesh::Shutdown;
use rfe_model::{ErrorCode, Fault, fault::reason};
use rfe_proto::dlq::{DeadLetterFilter, ReplayDeadLettersRequest, ReplayDeadLettersResponse};

use crate::{
    letters::{Asked, Letters},
    replay::{Replayed, Replayer},
};

const DEFAULT_LIMIT: i32 = 100;
const MAX_LIMIT: i32 = 1000;

/// Replays the open letters that match, newest first, at most `limit` of them. An error leaves the jobs queued so far
/// as they are; the same call again goes on, because a letter under replay answers with its job.
pub(crate) async fn replay(
    letters: &Letters,
    replayer: &Replayer,
    concurrency: usize,
    shutdown: &Shutdown,
    request: ReplayDeadLettersRequest,
) -> Result<ReplayDeadLettersResponse, Fault> {
    let filter = only_open(request.filter.unwrap_or_default())?;
    let (letter_ids, matched) = matching(letters, filter, limit(request.limit)?).await?;
    if request.dry_run {
        return Ok(ReplayDeadLettersResponse { matched, job_ids: Vec::new(), letter_ids });
    }
    let job_ids = stream::iter(letter_ids.clone())
        .map(async |id| match shutdown.has_begun() {
            true => Err(Fault::new(ErrorCode::Unavailable, reason::SHUTTING_DOWN, "the process drains")),
            false => one(replayer, &id).await,
        })
        .buffered(concurrency.max(1))
        .try_filter_map(async |job_id| Ok(job_id))
        .try_collect()
        .await?;
    Ok(ReplayDeadLettersResponse { matched, job_ids, letter_ids })
}

// A letter that somebody else closed meanwhile is no failure of the whole.
async fn one(replayer: &Replayer, id: &str) -> Result<Option<String>, Fault> {
    match replayer.replay(id, None).await {
        Ok(Replayed::Queued(job_id)) => Ok(Some(job_id)),
        Ok(Replayed::Before(_)) => Ok(None),
        Err(fault) if fault.reason == reason::LETTER_NOT_OPEN => Ok(None),
        Err(fault) => Err(fault),
    }
}

// The ids of the newest letters that match, and how many match in all.
async fn matching(
    letters: &Letters,
    filter: DeadLetterFilter,
    limit: usize,
) -> Result<(Vec<String>, i64), Fault> {
    let mut ids = Vec::new();
    let (mut matched, mut token) = (0, String::new());
    while ids.len() < limit {
        let size = i32::try_from(limit - ids.len()).unwrap_or(MAX_LIMIT);
        let asked = Asked { size, count: token.is_empty(), token };
        let page = letters.list(filter.clone(), asked).await?;
        matched = matched.max(page.matched);
        ids.extend(page.letters.into_iter().map(|letter| letter.id));
        if page.next.is_empty() {
            break;
        }
        token = page.next;
    }
    ids.truncate(limit);
    Ok((ids, matched))
}

fn only_open(filter: DeadLetterFilter) -> Result<DeadLetterFilter, Fault> {
    match filter.state.as_str() {
        "" | "open" => Ok(DeadLetterFilter { state: "open".to_owned(), ..filter }),
        other => Err(Fault::invalid(
            "filter.state",
            format!("`{other}` letters can't be replayed; only open ones can"),
        )),
    }
}

fn limit(given: i32) -> Result<usize, Fault> {
    let limit = match given {
        0 => DEFAULT_LIMIT,
        _ => given.min(MAX_LIMIT),
    };
    usize::try_from(limit)
        .map_err(|_| Fault::invalid("limit", format!("{given} is negative; 0 means {DEFAULT_LIMIT}")))
}
