//! `rfe sources`.

use clap::Args;
use rfe_client::metadata::{Source, SourceSchedule};

use crate::{error::CliError, session::Session, table::Table, text};

/// Arguments of `sources`.
#[derive(Debug, Args)]
pub struct Sources {
    /// Deleted ones too
    #[arg(long)]
    deleted: bool,
}

impl Sources {
    pub(crate) async fn run(self, session: &mut Session) -> Result<(), CliError> {
        let sources = session.client.sources(self.deleted).all().await?;
        if session.json {
            return session.out.messages(&sources);
        }
        let mut table = Table::new(&["SOURCE", "KIND", "MODE", "SCHEDULE", "CHANGED", "NOTE"]);
        for source in &sources {
            table.row(&[
                &source.name,
                &source.kind,
                &text::state(source.mode().as_str_name(), "MODE_"),
                &source.schedule.as_ref().map_or_else(|| "on demand".to_owned(), schedule),
                &text::ago(source.updated_time.as_ref()),
                remark(source),
            ]);
        }
        session.out.table(&table, "no sources; `rfe apply -f sources.yaml` declares some")
    }
}

fn schedule(schedule: &SourceSchedule) -> String {
    if schedule.cron.is_empty() {
        return format!("every {}", every(schedule.every_seconds));
    }
    format!("{} {}", schedule.cron, schedule.timezone).trim_end().to_owned()
}

pub(super) fn every(seconds: f64) -> String {
    let whole = seconds as u64;
    match whole {
        _ if seconds.fract() != 0.0 => format!("{seconds}s"),
        0 => "0s".to_owned(),
        _ if whole.is_multiple_of(86_400) => format!("{}d", whole / 86_400),
        _ if whole.is_multiple_of(3600) => format!("{}h", whole / 3600),
        _ if whole.is_multiple_of(60) => format!("{}m", whole / 60),
        _ => format!("{whole}s"),
    }
}

fn remark(source: &Source) -> &'static str {
    if source.deleted_time.is_some() {
        "deleted"
    } else if source.auto_created {
        "made by its first webhook"
    } else {
        ""
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_reads_as_it_is_written() {
        let texts = [300.0, 5400.0, 7200.0, 86_400.0, 1.5].map(every);
        assert_eq!(texts, ["5m", "90m", "2h", "1d", "1.5s"]);
        let cron = SourceSchedule { cron: "0 6 * * *".to_owned(), ..SourceSchedule::default() };
        assert_eq!(schedule(&cron), "0 6 * * *");
    }
}
