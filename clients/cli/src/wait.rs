//! Waiting for a job and telling how it ended.

use rfe_client::ingest::{Job, JobState};

use crate::{error::CliError, progress::Progress, session::Session, text};

/// Waits until the job has ended and prints it; an error if it failed or dead-lettered rows.
pub(crate) async fn until_ended(session: &mut Session, job_id: &str) -> Result<(), CliError> {
    let mut progress = Progress::new();
    let waited = session.client.wait_job(job_id, |job| progress.show(job)).await;
    progress.end();
    let job = waited?;
    if session.json {
        session.out.message(&job)?;
    } else {
        session.out.line(&result(&job))?;
    }
    session.out.flush()?;
    verdict(&job)
}

fn result(job: &Job) -> String {
    let state = text::state(job.state().as_str_name(), "JOB_STATE_");
    let took = text::between(job.created_time.as_ref(), job.updated_time.as_ref()).unwrap_or_default();
    format!(
        "{}: {state}, {} landed, {} dead, {} read in {}, run {}",
        job.source,
        text::many(job.rows_landed, "row"),
        text::count(job.rows_dead),
        text::bytes(job.bytes_read),
        text::span(took),
        if job.run_id.is_empty() { &job.job_id } else { &job.run_id },
    )
}

fn verdict(job: &Job) -> Result<(), CliError> {
    match job.state() {
        JobState::Succeeded if job.rows_dead == 0 => Ok(()),
        JobState::Succeeded => Err(CliError::Awaited(format!(
            "{} became dead letters; `rfe dlq ls --source {}` lists them",
            text::many(job.rows_dead, "record"),
            job.source
        ))),
        JobState::Cancelled => Err(CliError::Awaited("the job was cancelled".to_owned())),
        _ if job.error.is_empty() => Err(CliError::Awaited("the job failed".to_owned())),
        _ => Err(CliError::Awaited(format!("the job failed: {}", job.error))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(state: JobState, rows_dead: i64) -> Job {
        Job { source: "a".to_owned(), state: state.into(), rows_dead, ..Job::default() }
    }

    #[test]
    fn a_failed_run_and_dead_rows_end_with_exit_code_3() {
        assert!(verdict(&ended(JobState::Succeeded, 0)).is_ok());
        for job in [ended(JobState::Succeeded, 1), ended(JobState::Failed, 0), ended(JobState::Cancelled, 0)]
        {
            assert_eq!(verdict(&job).expect_err("a failure").exit_code(), 3, "{job:?}");
        }
    }
}
