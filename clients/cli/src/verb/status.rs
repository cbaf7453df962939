//! `rfe status`: freshness, backlog and failures in one view.

use std::{collections::BTreeMap, time::Duration};

use clap::Args;
use rfe_client::{
    ingest::{GetQueueStatsResponse, QueueStats},
    metadata::{Freshness, Run, RunState},
};
use rfe_proto::json::to_value;
use serde_json::json;

use crate::{error::CliError, session::Session, table::Table, text, verb::runs};

const FAILURES: usize = 5;

/// Arguments of `status`.
#[derive(Debug, Args)]
pub struct Status {}

impl Status {
    pub(crate) async fn run(self, session: &mut Session) -> Result<(), CliError> {
        let listing = session.client.freshness();
        let failed = session.client.runs("", &[RunState::Failed, RunState::Retrying], &[]);
        let (freshness, queue, failures) =
            futures::try_join!(listing.all(), session.client.queue_stats(""), failed.first(FAILURES))?;
        if session.json {
            return session.out.json(&json!({
                "freshness": freshness.iter().map(to_value).collect::<Vec<_>>(),
                "queue": to_value(&queue),
                "failures": failures.iter().map(to_value).collect::<Vec<_>>(),
            }));
        }
        session
            .out
            .table(&sources(&freshness, &queue), "no sources; `rfe apply -f sources.yaml` declares some")?;
        session.out.line(&format!("\n{}", backlog(queue.total.as_ref())))?;
        if !failures.is_empty() {
            session.out.line(&format!("\nLatest failures\n{}", failed_runs(&failures).render()))?;
        }
        Ok(())
    }
}

fn sources(freshness: &[Freshness], queue: &GetQueueStatsResponse) -> Table {
    let waiting: BTreeMap<&str, &QueueStats> =
        queue.sources.iter().map(|stats| (stats.source.as_str(), stats)).collect();
    let mut table =
        Table::new(&["SOURCE", "FRESH", "LAST", ">ROWS", ">WAITING", ">RUNNING", ">DEAD", "NOTE"]);
    for fresh in freshness {
        let none = QueueStats::default();
        let stats = waiting.get(fresh.source.as_str()).copied().unwrap_or(&none);
        table.row(&[
            &fresh.source,
            &age(fresh),
            &fresh.last_state,
            &text::count(fresh.rows),
            &text::count(stats.queued_jobs + stats.delayed_jobs),
            &text::count(stats.running_jobs),
            &text::count(fresh.open_letters),
            &remark(fresh, stats),
        ]);
    }
    table
}

fn age(fresh: &Freshness) -> String {
    match Duration::try_from_secs_f64(fresh.age_seconds) {
        Ok(age) => format!("{} ago", text::span(age)),
        Err(_) => "never".to_owned(),
    }
}

fn remark(fresh: &Freshness, stats: &QueueStats) -> String {
    let mut remarks = Vec::new();
    if stats.paused {
        remarks.push("paused".to_owned());
    }
    if fresh.late {
        remarks.push("late".to_owned());
    }
    if fresh.failures_since_success > 0 {
        remarks
            .push(format!("{} since the last success", text::many(fresh.failures_since_success, "failure")));
    }
    if !fresh.last_error.is_empty() {
        remarks.push(fresh.last_error.clone());
    }
    remarks.join("; ")
}

fn backlog(total: Option<&QueueStats>) -> String {
    let none = QueueStats::default();
    let total = total.unwrap_or(&none);
    let jobs = total.queued_jobs + total.running_jobs + total.delayed_jobs;
    if jobs == 0 {
        return "Backlog: none".to_owned();
    }
    let oldest = Duration::try_from_secs_f64(total.oldest_age_seconds).unwrap_or_default();
    format!(
        "Backlog: {} ({} waiting, {} running, {} retrying), {}, {}, oldest {}",
        text::many(jobs, "job"),
        text::count(total.queued_jobs),
        text::count(total.running_jobs),
        text::count(total.delayed_jobs),
        text::many(total.events, "event"),
        text::bytes(total.bytes),
        text::span(oldest),
    )
}

fn failed_runs(failures: &[Run]) -> Table {
    let mut table = Table::new(&["RUN", "SOURCE", "STATE", "MADE", "ERROR"]);
    for run in failures {
        table.row(&[
            &run.run_id,
            &run.source,
            &text::state(run.state().as_str_name(), "RUN_STATE_"),
            &text::ago(run.created_time.as_ref()),
            &runs::error(run),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_a_source_tells_freshness_backlog_and_failures() {
        let fresh = Freshness {
            source: "a".to_owned(),
            age_seconds: -1.0,
            late: true,
            failures_since_success: 2,
            open_letters: 3,
            ..Freshness::default()
        };
        let stats =
            QueueStats { source: "a".to_owned(), queued_jobs: 4, paused: true, ..QueueStats::default() };
        let queue = GetQueueStatsResponse { sources: vec![stats.clone()], total: Some(stats) };
        let text = sources(&[fresh], &queue).render();
        let line = text.lines().nth(1).expect("a line");
        let words: Vec<_> = line.split_whitespace().collect();
        assert_eq!(words[..6], ["a", "never", "0", "4", "0", "3"], "{text}");
        assert!(line.ends_with("paused; late; 2 failures since the last success"), "{text}");
        assert!(backlog(queue.total.as_ref()).starts_with("Backlog: 4 jobs (4 waiting"));
        assert_eq!(backlog(None), "Backlog: none");
    }
}
