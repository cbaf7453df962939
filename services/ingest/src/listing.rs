//! Jobs of registry and queue in one list, newest first, page by page.

use std::collections::VecDeque;

use rfe_model::{Fault, time::micros_from_proto};
use rfe_proto::{
    ingest::{Job, JobState, ListJobsRequest},
    metadata as pb,
};
use serde::{Deserialize, Serialize};

use crate::{job, jobs::Jobs};

/// Compactions are nobody's jobs; who looks for them asks for runs of that kind.
const LISTED: [pb::RunKind; 3] = [pb::RunKind::Pull, pb::RunKind::Replay, pb::RunKind::Backfill];
const DEFAULT_PAGE: usize = 100;
const LARGEST_PAGE: usize = 1000;
/// So many pages of one side are read for one page of the list; then it ends early, with a token to go on.
const MOST_READS: usize = 10;

/// Where the next page begins. The registry's tokens stand between its own pages, so the last run given is named as well.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Cursor {
    runs: Side,
    events: Side,
}

/// How far one side has been given.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Side {
    token: String,
    last: String,
    last_micros: i64,
    done: bool,
}

/// One side of the merge: what was read and not yet given.
#[derive(Debug, Default)]
struct Ahead {
    jobs: VecDeque<Job>,
    side: Side,
    next_token: String,
    reads: usize,
}

impl Jobs {
    /// One page of jobs, and the token of the next; empty on the last.
    pub(crate) async fn list(&self, request: ListJobsRequest) -> Result<(Vec<Job>, String), Fault> {
        let size = page_size(request.page_size);
        let cursor = decode(&request.page_token)?;
        let mut runs = Ahead { side: cursor.runs, ..Ahead::default() };
        let mut events = Ahead { side: cursor.events, ..Ahead::default() };
        let mut page = Vec::new();
        while page.len() < size {
            while runs.needs_more() {
                self.read_runs(&request, &mut runs, size).await?;
            }
            while events.needs_more() {
                self.read_events(&request, &mut events, size).await?;
            }
            if runs.is_stuck() || events.is_stuck() {
                break;
            }
            let newer = if created(&runs) >= created(&events) { &mut runs } else { &mut events };
            let Some(job) = newer.give() else { break };
            page.push(job);
        }
        let ended = runs.is_ended() && events.is_ended();
        if ended {
            return Ok((page, String::new()));
        }
        let cursor = Cursor { runs: runs.into_side(), events: events.into_side() };
        let token = serde_json::to_string(&cursor)
            .map_err(|error| Fault::internal(format!("page token: {error}")))?;
        Ok((page, token))
    }

    async fn read_runs(&self, request: &ListJobsRequest, runs: &mut Ahead, size: usize) -> Result<(), Fault> {
        let states = match request.state() {
            JobState::Unspecified => Vec::new(),
            state => vec![job::run_state(state) as i32],
        };
        if runs.reads > 0 {
            runs.side.token = std::mem::take(&mut runs.next_token);
        }
        let (read, next_token) = self
            .registry
            .list(pb::ListRunsRequest {
                source: request.source.clone(),
                states,
                kinds: LISTED.map(|kind| kind as i32).into(),
                page_size: size as i32,
                page_token: runs.side.token.clone(),
            })
            .await?;
        runs.reads += 1;
        runs.next_token = next_token;
        runs.side.done = runs.next_token.is_empty();
        runs.jobs.extend(runs.side.beyond(read.iter().map(job::from_run).collect()));
        Ok(())
    }

    async fn read_events(
        &self,
        request: &ListJobsRequest,
        events: &mut Ahead,
        size: usize,
    ) -> Result<(), Fault> {
        let source = Some(request.source.as_str()).filter(|source| !source.is_empty());
        let before = Some(events.side.last.as_str()).filter(|last| !last.is_empty());
        let read = self.of_events(source, before, size as u32).await?;
        events.reads += 1;
        events.side.done = read.len() < size;
        if let Some(last) = read.last() {
            events.next_token.clone_from(&last.id);
        }
        let wanted = request.state();
        let jobs = self.with_batches(read).await?;
        events
            .jobs
            .extend(jobs.into_iter().filter(|job| wanted == JobState::Unspecified || job.state() == wanted));
        if events.jobs.is_empty() {
            // All of them were in other states: go on behind them.
            events.side.last = std::mem::take(&mut events.next_token);
        }
        Ok(())
    }
}

// === impl Side ===

impl Side {
    /// Those of a page that were not given yet. New runs may have moved the last one given on to a later page, and a change of
    /// its state out of the list.
    fn beyond(&self, mut page: Vec<Job>) -> Vec<Job> {
        if self.last.is_empty() {
            return page;
        }
        if let Some(at) = page.iter().position(|job| job.job_id == self.last) {
            return page.split_off(at + 1);
        }
        page.retain(|job| micros(job) < self.last_micros);
        page
    }
}

// === impl Ahead ===

impl Ahead {
    fn needs_more(&self) -> bool {
        self.jobs.is_empty() && !self.side.done && self.reads < MOST_READS
    }

    /// Nothing read that could be given, yet there is more: what is older on the other side must wait.
    fn is_stuck(&self) -> bool {
        self.jobs.is_empty() && !self.side.done
    }

    fn is_ended(&self) -> bool {
        self.jobs.is_empty() && self.side.done
    }

    fn give(&mut self) -> Option<Job> {
        let job = self.jobs.pop_front()?;
        self.side.last.clone_from(&job.job_id);
        self.side.last_micros = micros(&job);
        Some(job)
    }

    /// A side that was read to its end but not given to its end is read again.
    fn into_side(self) -> Side {
        Side { done: self.is_ended(), ..self.side }
    }
}

fn created(ahead: &Ahead) -> Option<i64> {
    ahead.jobs.front().map(micros)
}

fn micros(job: &Job) -> i64 {
    job.created_time.as_ref().map_or(0, micros_from_proto)
}

fn page_size(asked: i32) -> usize {
    match usize::try_from(asked) {
        Ok(0) | Err(_) => DEFAULT_PAGE,
        Ok(size) => size.min(LARGEST_PAGE),
    }
}

fn decode(token: &str) -> Result<Cursor, Fault> {
    if token.is_empty() {
        return Ok(Cursor::default());
    }
    serde_json::from_str(token).map_err(|_| {
        Fault::invalid("page_token", "is none that ListJobs gave; leave it empty for the first page")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rfe_model::time::proto_from_micros;

    fn job(id: &str, created: i64) -> Job {
        Job { job_id: id.to_owned(), created_time: Some(proto_from_micros(created)), ..Job::default() }
    }

    fn beyond(side: &Side, page: &[(&str, i64)]) -> Vec<String> {
        let page = page.iter().map(|(id, created)| job(id, *created)).collect();
        side.beyond(page).into_iter().map(|job| job.job_id).collect()
    }

    #[test]
    fn a_page_read_again_goes_on_behind_the_last_one_given() {
        let side = Side { last: "b".to_owned(), last_micros: 8, ..Side::default() };
        assert_eq!(beyond(&side, &[("new", 10), ("a", 9), ("b", 8), ("c", 8), ("d", 7)]), ["c", "d"]);
        assert_eq!(
            beyond(&side, &[("new", 10), ("a", 9), ("d", 7)]),
            ["d"],
            "also where it is no longer listed"
        );
        assert_eq!(beyond(&Side::default(), &[("a", 9)]), ["a"]);
    }

    #[test]
    fn a_foreign_token_is_refused() {
        assert_eq!(decode("").ok(), Some(Cursor::default()));
        assert_eq!(
            decode("x").err().map(|fault| fault.violations[0].path.clone()),
            Some("page_token".to_owned())
        );
    }
}
