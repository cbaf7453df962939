//! Which letters.

use clap::{Args, ValueEnum};
use prost_types::Timestamp;
use rfe_client::dlq::DeadLetterFilter;

use crate::{error::CliError, instant};

/// What is known of the letters.
#[derive(Debug, Args)]
pub(super) struct Filter {
    /// Only of this source
    #[arg(long, default_value = "", hide_default_value = true)]
    source: String,
    /// Only of this kind
    #[arg(long, value_enum)]
    kind: Option<Kind>,
    /// Only of this run
    #[arg(long, value_name = "RUN", default_value = "", hide_default_value = true)]
    run: String,
    /// Only with this code, such as RAGGED_ROW
    #[arg(long, default_value = "", hide_default_value = true)]
    code: String,
    /// Only of this stage: read, decode, validate, contract or write
    #[arg(long, default_value = "", hide_default_value = true)]
    stage: String,
    /// Only those that failed last at this instant or later: 2h (ago), 2026-11-23, 2026-11-23T12:30:00Z
    #[arg(long, value_name = "WHEN", value_parser = instant::parse)]
    since: Option<Timestamp>,
    /// Only those that failed last before this instant
    #[arg(long, value_name = "WHEN", value_parser = instant::parse)]
    until: Option<Timestamp>,
    /// Only those with this text in message, field, file or event id
    #[arg(long, default_value = "", hide_default_value = true)]
    text: String,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum State {
    Open,
    Replayed,
    Discarded,
    Any,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Kind {
    Record,
    Job,
}

/// One letter by its id, or those that match.
#[derive(Debug, Args)]
pub(super) struct Which {
    /// The letter's id; without it, all open letters that match
    id: Option<String>,
    #[command(flatten)]
    filter: Filter,
    /// All open letters, where nothing narrows them
    #[arg(long)]
    all: bool,
    /// The newest N of those that match [default: 100; at most 1000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(1..=1000))]
    limit: Option<i32>,
    /// Only tell which
    #[arg(long)]
    dry_run: bool,
}

/// What a verb works on.
#[derive(Debug)]
pub(super) enum Target {
    One(String),
    Many(Many),
}

/// Open letters that match.
#[derive(Debug)]
pub(super) struct Many {
    pub(super) filter: DeadLetterFilter,
    pub(super) limit: i32,
    pub(super) dry_run: bool,
}

impl Which {
    pub(super) fn target(self) -> Result<Target, CliError> {
        let filter = self.filter.into_proto(State::Open);
        let narrows =
            filter != DeadLetterFilter { state: filter.state.clone(), ..DeadLetterFilter::default() };
        match self.id {
            Some(_) if narrows || self.all || self.limit.is_some() || self.dry_run => {
                Err(CliError::Usage("give either a letter's id or what to match, not both".to_owned()))
            }
            Some(id) => Ok(Target::One(id)),
            None if narrows || self.all => {
                Ok(Target::Many(Many { filter, limit: self.limit.unwrap_or(100), dry_run: self.dry_run }))
            }
            None => Err(CliError::Usage(
                "give a letter's id, something to match such as --source or --code, or --all".to_owned(),
            )),
        }
    }
}

impl Filter {
    pub(super) fn into_proto(self, state: State) -> DeadLetterFilter {
        let state = match state {
            State::Open => "open",
            State::Replayed => "replayed",
            State::Discarded => "discarded",
            State::Any => "",
        };
        let kind = match self.kind {
            Some(Kind::Record) => "record",
            Some(Kind::Job) => "job",
            None => "",
        };
        DeadLetterFilter {
            source: self.source,
            state: state.to_owned(),
            kind: kind.to_owned(),
            run_id: self.run,
            code: self.code,
            stage: self.stage,
            since: self.since,
            until: self.until,
            text: self.text,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        which: Which,
    }

    fn target(line: &[&str]) -> Result<Target, CliError> {
        let words = ["rfe"].iter().chain(line).copied();
        Line::try_parse_from(words).expect("words are known").which.target()
    }

    #[test]
    fn nobody_replays_everything_by_leaving_something_out() {
        assert!(matches!(target(&["l1"]), Ok(Target::One(id)) if id == "l1"));
        assert!(matches!(target(&["--code", "BAD_VALUE"]), Ok(Target::Many(many)) if many.limit == 100));
        assert!(matches!(target(&["--all", "--limit", "7"]), Ok(Target::Many(many)) if many.limit == 7));
        for wrong in
            [&[][..], &["--limit", "7"], &["l1", "--all"], &["l1", "--source", "a"], &["l1", "--dry-run"]]
        {
            assert!(matches!(target(wrong), Err(CliError::Usage(_))), "{wrong:?}");
        }
    }
}
