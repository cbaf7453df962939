//! One job, from what queue and registry know of it.

use rfe_model::time::proto_from_micros;
use rfe_proto::{
    ingest::{Job, JobKind, JobState},
    metadata::{Run, RunCounters, RunKind, RunState},
};
use rfe_queue::JobStatus;

/// The kind of a run's job.
pub(crate) fn kind(kind: RunKind) -> JobKind {
    match kind {
        RunKind::Unspecified => JobKind::Unspecified,
        RunKind::Pull => JobKind::Pull,
        RunKind::Events => JobKind::Events,
        RunKind::Replay => JobKind::Replay,
        RunKind::Backfill => JobKind::Backfill,
        RunKind::Compaction => JobKind::Compaction,
    }
}

fn state(state: RunState) -> JobState {
    match state {
        RunState::Unspecified => JobState::Unspecified,
        RunState::Queued => JobState::Queued,
        RunState::Running => JobState::Running,
        RunState::Retrying => JobState::Retrying,
        RunState::Succeeded => JobState::Succeeded,
        RunState::Failed => JobState::Failed,
        RunState::Cancelled => JobState::Cancelled,
    }
}

/// The run's state of a job's.
pub(crate) fn run_state(state: JobState) -> RunState {
    match state {
        JobState::Unspecified => RunState::Unspecified,
        JobState::Queued => RunState::Queued,
        JobState::Running => RunState::Running,
        JobState::Retrying => RunState::Retrying,
        JobState::Succeeded => RunState::Succeeded,
        JobState::Failed => RunState::Failed,
        JobState::Cancelled => RunState::Cancelled,
    }
}

/// True while a run has not ended.
pub(crate) fn is_open(state: RunState) -> bool {
    matches!(state, RunState::Queued | RunState::Running | RunState::Retrying)
}

/// A job that is not one of events: its run knows all.
pub(crate) fn from_run(run: &Run) -> Job {
    let mut job = Job {
        job_id: run.run_id.clone(),
        source: run.source.clone(),
        kind: kind(run.kind()) as i32,
        state: state(run.state()) as i32,
        run_id: run.run_id.clone(),
        attempts: run.attempts,
        error: run.error.clone(),
        created_time: run.created_time,
        updated_time: run.finished_time.or(run.started_time).or(run.created_time),
        next_attempt_time: run.next_attempt_time.filter(|_| run.state() == RunState::Retrying),
        ..Job::default()
    };
    count(&mut job, run.counters.unwrap_or_default());
    job
}

/// A job as the queue knows it, with the run of its batch if there is one.
pub(crate) fn from_status(status: &JobStatus, run: Option<&Run>) -> Job {
    let mut job = Job {
        job_id: status.id.clone(),
        source: status.source.clone(),
        kind: status.kind as i32,
        state: status.state as i32,
        run_id: status.run_id.clone().unwrap_or_default(),
        attempts: status.attempts,
        events: status.events,
        error: status.error.clone(),
        created_time: Some(proto_from_micros(status.created_micros)),
        updated_time: Some(proto_from_micros(status.updated_micros)),
        next_attempt_time: status
            .not_before_micros
            .filter(|_| status.state == JobState::Retrying)
            .map(proto_from_micros),
        ..Job::default()
    };
    if let Some(run) = run {
        add_batch(&mut job, status, run);
    }
    job
}

// The run is that of a whole batch: other jobs are in it too, and after a bisection not even this one whole.
fn add_batch(job: &mut Job, status: &JobStatus, run: &Run) {
    job.attempts = job.attempts.max(run.attempts);
    if run.state() != RunState::Succeeded && !run.error.is_empty() {
        job.error.clone_from(&run.error);
    }
    if status.split {
        return;
    }
    let left = status.state == JobState::Succeeded;
    match run.state() {
        RunState::Succeeded => job.set_state(JobState::Succeeded),
        RunState::Failed if left => job.set_state(JobState::Failed),
        _ => {}
    }
    let counters = run.counters.unwrap_or_default();
    let events = i64::from(status.events);
    let all_landed =
        run.state() == RunState::Succeeded && counters.landed == counters.read && counters.read >= events;
    if counters.read == events {
        count(job, counters);
    } else if all_landed {
        job.rows_read = events;
        job.rows_landed = events;
    }
}

fn count(job: &mut Job, counters: RunCounters) {
    job.rows_read = counters.read;
    job.rows_landed = counters.landed;
    job.rows_dead = counters.dead;
    job.bytes_read = counters.bytes_read;
    job.bytes_total = counters.bytes_total;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(state: JobState, split: bool) -> JobStatus {
        JobStatus {
            id: "j".to_owned(),
            source: "s".to_owned(),
            kind: JobKind::Events,
            state,
            run_id: Some("b".to_owned()),
            split,
            attempts: 0,
            events: 3,
            created_micros: 1,
            updated_micros: 2,
            not_before_micros: None,
            error: String::new(),
        }
    }

    fn run(state: RunState, read: i64, landed: i64) -> Run {
        let counters = Some(RunCounters { read, landed, dead: read - landed, ..RunCounters::default() });
        Run {
            run_id: "b".to_owned(),
            state: state as i32,
            error: "why".to_owned(),
            counters,
            ..Run::default()
        }
    }

    fn rows(job: &Job) -> (i64, i64, i64) {
        (job.rows_read, job.rows_landed, job.rows_dead)
    }

    #[test]
    fn a_job_alone_in_its_batch_has_the_batchs_counters() {
        let job = from_status(&status(JobState::Succeeded, false), Some(&run(RunState::Succeeded, 3, 2)));
        assert_eq!((job.state(), rows(&job)), (JobState::Succeeded, (3, 2, 1)));
        assert_eq!(job.error, "");
    }

    #[test]
    fn in_company_it_has_counters_only_if_all_of_the_batch_landed() {
        let whole = from_status(&status(JobState::Succeeded, false), Some(&run(RunState::Succeeded, 10, 10)));
        assert_eq!(rows(&whole), (3, 3, 0));
        let partly = from_status(&status(JobState::Succeeded, false), Some(&run(RunState::Succeeded, 10, 9)));
        assert_eq!(rows(&partly), (0, 0, 0));
    }

    #[test]
    fn a_commit_is_visible_before_the_queue_hears_of_it() {
        let job = from_status(&status(JobState::Running, false), Some(&run(RunState::Succeeded, 3, 3)));
        assert_eq!(job.state(), JobState::Succeeded);
    }

    #[test]
    fn a_failed_batch_fails_the_job_only_once_it_left() {
        let open = from_status(&status(JobState::Running, false), Some(&run(RunState::Failed, 3, 0)));
        let left = from_status(&status(JobState::Succeeded, false), Some(&run(RunState::Failed, 3, 0)));
        assert_eq!((open.state(), left.state()), (JobState::Running, JobState::Failed));
        assert_eq!(left.error, "why");
    }

    #[test]
    fn the_run_of_one_part_says_nothing_of_a_split_job() {
        let job = from_status(&status(JobState::Running, true), Some(&run(RunState::Succeeded, 3, 3)));
        assert_eq!((job.state(), rows(&job)), (JobState::Running, (0, 0, 0)));
    }
}
