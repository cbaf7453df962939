//! Many letters at once.

use rfe_client::dlq::ReplayDeadLettersResponse;

use super::filter::Many;
use crate::{error::CliError, out::note, session::Session, text, wait};

/// Replays the letters that match.
pub(super) async fn replay(session: &mut Session, many: Many, wait: bool) -> Result<(), CliError> {
    let dry_run = many.dry_run;
    let answer = session.client.replay_letters(many.filter, many.limit, dry_run).await?;
    let (verb, lines) =
        if dry_run { ("would replay", &answer.letter_ids) } else { ("replaying", &answer.job_ids) };
    note(&summary(answer.matched, answer.letter_ids.len(), verb));
    if wait && !dry_run {
        return wait_for_all(session, &answer).await;
    }
    if session.json {
        return session.out.message(&answer);
    }
    lines.iter().try_for_each(|line| session.out.line(line))
}

/// Closes the letters that match.
pub(super) async fn discard(
    session: &mut Session,
    many: Many,
    reason: &str,
    by: &str,
) -> Result<(), CliError> {
    let limit = usize::try_from(many.limit).unwrap_or_default();
    let letters = session.client.letters(many.filter).first(limit).await?;
    for letter in &letters {
        if many.dry_run {
            session.out.line(&letter.id)?;
            continue;
        }
        let letter = session.client.discard_letter(&letter.id, reason, by).await?;
        if session.json {
            session.out.message(&letter)?;
        } else {
            session.out.line(&letter.id)?;
        }
    }
    let verb = if many.dry_run { "would discard" } else { "discarded" };
    note(&format!("{verb} {}", text::many(letters.len() as i64, "open letter")));
    Ok(())
}

fn summary(matched: i64, taken: usize, verb: &str) -> String {
    let taken = taken as i64;
    if taken < matched {
        return format!(
            "{verb} the newest {} of {} that match; the same command again takes those that are still open",
            text::count(taken),
            text::many(matched, "open letter")
        );
    }
    format!("{verb} {}", text::many(taken, "open letter"))
}

async fn wait_for_all(session: &mut Session, answer: &ReplayDeadLettersResponse) -> Result<(), CliError> {
    let mut failed = 0;
    for job_id in &answer.job_ids {
        match wait::until_ended(session, job_id).await {
            Err(CliError::Awaited(reason)) => {
                note(&reason);
                failed += 1;
            }
            other => other?,
        }
    }
    if failed == 0 {
        return Ok(());
    }
    let all = text::many(answer.job_ids.len() as i64, "replay");
    Err(CliError::Awaited(format!("{} of {all} failed; their letters are open still", text::count(failed))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_tells_what_is_left() {
        assert_eq!(summary(1, 1, "replaying"), "replaying 1 open letter");
        let some = summary(1500, 100, "would replay");
        assert!(some.starts_with("would replay the newest 100 of 1,500 open letters that match;"), "{some}");
    }
}
