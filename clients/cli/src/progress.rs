//! How a job goes: a bar on a terminal, elsewhere a line at most every 2 s.

use std::{
    io::{self, IsTerminal as _},
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};
use rfe_client::ingest::Job;

use crate::{out::note, text};

const PAUSE: Duration = Duration::from_secs(2);

/// Shows a job on stderr.
#[derive(Debug)]
pub(crate) enum Progress {
    Bar(ProgressBar),
    Lines(Lines),
}

/// When the last line was written, and what it said.
#[derive(Debug)]
pub(crate) struct Lines {
    last: Instant,
    text: String,
}

impl Progress {
    pub(crate) fn new() -> Self {
        if io::stderr().is_terminal() {
            let bar = ProgressBar::new_spinner();
            bar.enable_steady_tick(Duration::from_millis(120));
            Self::Bar(bar)
        } else {
            Self::Lines(Lines { last: Instant::now(), text: String::new() })
        }
    }

    pub(crate) fn show(&mut self, job: &Job) {
        match self {
            Self::Bar(bar) => show_bar(bar, job),
            Self::Lines(lines) => {
                if let Some(text) = lines.next(describe(job), Instant::now()) {
                    note(&text);
                }
            }
        }
    }

    pub(crate) fn end(&self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}

impl Lines {
    // A job that is done within the pause says nothing but its result.
    fn next(&mut self, text: String, now: Instant) -> Option<String> {
        if now.duration_since(self.last) < PAUSE || text == self.text {
            return None;
        }
        self.last = now;
        self.text.clone_from(&text);
        Some(text)
    }
}

fn show_bar(bar: &ProgressBar, job: &Job) {
    if let Ok(total) = u64::try_from(job.bytes_total)
        && total > 0
        && bar.length() != Some(total)
    {
        bar.set_length(total);
        if let Ok(style) = ProgressStyle::with_template("{spinner} {bar:30} {percent}% {msg}") {
            bar.set_style(style);
        }
    }
    bar.set_position(job.bytes_read.unsigned_abs());
    bar.set_message(describe(job));
}

fn describe(job: &Job) -> String {
    let state = text::state(job.state().as_str_name(), "JOB_STATE_");
    let mut text = format!("{}: {state}", job.source);
    if job.rows_read > 0 || job.bytes_read > 0 {
        let rows = text::many(job.rows_read, "row");
        text.push_str(&format!(", {rows} and {} read", text::bytes(job.bytes_read)));
    }
    if job.attempts > 1 {
        text.push_str(&format!(", attempt {}", job.attempts));
    }
    if !job.error.is_empty() {
        text.push_str(&format!(" ({})", job.error));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_comes_at_most_every_two_seconds_and_only_with_news() {
        let start = Instant::now();
        let mut lines = Lines { last: start, text: String::new() };
        let mut at =
            |ms, text: &str| lines.next(text.to_owned(), start + Duration::from_millis(ms)).is_some();
        assert_eq!(
            [at(100, "a"), at(2000, "a"), at(2500, "b"), at(4100, "b"), at(9000, "b"), at(9100, "c")],
            [false, true, false, true, false, true]
        );
    }
}
