//! `rfe schedule`.

use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use rfe_client::scheduler::{self as pb, MisfirePolicy, OverlapPolicy, schedule::Timing};
use rfe_model::{duration, time};
use serde_json::json;

use crate::{error::CliError, session::Session, table::Table, text, wait};

/// Arguments of `schedule`.
#[derive(Debug, Args)]
pub struct Schedule {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List schedules
    Ls {
        /// Only of this source
        #[arg(long, default_value = "", hide_default_value = true)]
        source: String,
    },
    /// Make a schedule
    Create(Create),
    /// Stop firing
    Pause {
        /// The schedule's id
        id: String,
    },
    /// Fire again, from the next instant on
    Resume {
        /// The schedule's id
        id: String,
    },
    /// Fire once, now
    Trigger {
        /// The schedule's id
        id: String,
        /// Wait until the run has ended; exit code 3 if it failed or dead-lettered rows
        #[arg(long)]
        wait: bool,
    },
    /// Show the next instants of a schedule or of a timing
    Preview(Preview),
    /// What became of a schedule's instants, newest first
    Firings {
        /// The schedule's id
        id: String,
        /// At most this many
        #[arg(long, value_name = "N", default_value_t = 20)]
        limit: usize,
    },
}

#[derive(Debug, Args)]
struct Create {
    /// The source to read
    source: String,
    /// The schedule's id; one is made where it is not given
    #[arg(long, default_value = "", hide_default_value = true)]
    id: String,
    #[command(flatten)]
    timing: When,
    /// The zone of the cron expression, such as Europe/Berlin [default: UTC]
    #[arg(
        long,
        value_name = "ZONE",
        default_value = "",
        hide_default_value = true,
        conflicts_with = "every"
    )]
    timezone: String,
    /// What happens while the firing before still runs
    #[arg(long, value_enum, default_value_t = Overlap::Skip)]
    overlap: Overlap,
    /// What happens to instants that passed while no scheduler ran
    #[arg(long, value_enum, default_value_t = Misfire::Latest)]
    misfire: Misfire,
    /// Do not fire until resumed
    #[arg(long)]
    paused: bool,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct When {
    /// Every so long, such as 5m
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    every: Option<Duration>,
    /// A cron expression, such as "0 6 * * *"
    #[arg(long, value_name = "EXPRESSION")]
    cron: Option<String>,
}

#[derive(Debug, Args)]
struct Preview {
    /// The schedule's id
    #[arg(required_unless_present_any = ["every", "cron"], conflicts_with_all = ["every", "cron"])]
    id: Option<String>,
    /// Every so long, such as 5m
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    every: Option<Duration>,
    /// A cron expression, such as "0 6 * * *"
    #[arg(long, value_name = "EXPRESSION", conflicts_with = "every")]
    cron: Option<String>,
    /// The zone of the cron expression [default: UTC]
    #[arg(long, value_name = "ZONE", default_value = "", hide_default_value = true)]
    timezone: String,
    /// How many instants
    #[arg(long, value_name = "N", default_value_t = 10)]
    count: i32,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Overlap {
    Skip,
    #[value(name = "buffer_one")]
    BufferOne,
    #[value(name = "buffer_all")]
    BufferAll,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Misfire {
    Skip,
    Latest,
    All,
}

impl Schedule {
    pub(crate) async fn run(self, session: &mut Session) -> Result<(), CliError> {
        match self.action {
            Action::Ls { source } => list(session, &source).await,
            Action::Create(create) => {
                let made = session.client.create_schedule(create.into()).await?;
                one(session, &made)
            }
            Action::Pause { id } => {
                let paused = session.client.pause_schedule(&id).await?;
                one(session, &paused)
            }
            Action::Resume { id } => {
                let resumed = session.client.resume_schedule(&id).await?;
                one(session, &resumed)
            }
            Action::Trigger { id, wait } => trigger(session, &id, wait).await,
            Action::Preview(preview) => preview.run(session).await,
            Action::Firings { id, limit } => firings(session, &id, limit).await,
        }
    }
}

async fn list(session: &mut Session, source: &str) -> Result<(), CliError> {
    let schedules = session.client.schedules(source).all().await?;
    if session.json {
        return session.out.messages(&schedules);
    }
    session.out.table(&table(&schedules), "no schedules")
}

fn one(session: &mut Session, schedule: &pb::Schedule) -> Result<(), CliError> {
    if session.json {
        return session.out.message(schedule);
    }
    session.out.line(&table(std::slice::from_ref(schedule)).render())
}

async fn trigger(session: &mut Session, id: &str, wait: bool) -> Result<(), CliError> {
    let job_id = session.client.trigger_schedule(id).await?;
    if wait {
        return wait::until_ended(session, &job_id).await;
    }
    if session.json {
        return session.out.json(&json!({ "job_id": job_id }));
    }
    session.out.line(&job_id)
}

async fn firings(session: &mut Session, id: &str, limit: usize) -> Result<(), CliError> {
    let firings = session.client.firings(id).first(limit).await?;
    if session.json {
        return session.out.messages(&firings);
    }
    let mut table = Table::new(&["INSTANT", "OUTCOME", "JOB"]);
    for firing in &firings {
        table.row(&[&text::at(firing.scheduled_time.as_ref()), &firing.outcome, &firing.job_id]);
    }
    session.out.table(&table, "it has not fired yet")
}

impl Preview {
    async fn run(self, session: &mut Session) -> Result<(), CliError> {
        let schedule = match &self.id {
            Some(id) => session.client.schedule(id).await?,
            None => pb::Schedule {
                source: "preview".to_owned(),
                timing: timing(self.every, self.cron),
                timezone: self.timezone,
                ..pb::Schedule::default()
            },
        };
        for instant in session.client.preview_schedule(schedule, self.count).await? {
            if session.json {
                let text = time::from_proto(&instant).map(|instant| instant.to_string());
                session.out.json(&json!({ "fire_time": text }))?;
            } else {
                session.out.line(&text::at(Some(&instant)))?;
            }
        }
        Ok(())
    }
}

impl From<Create> for pb::Schedule {
    fn from(create: Create) -> Self {
        let overlap = match create.overlap {
            Overlap::Skip => OverlapPolicy::Skip,
            Overlap::BufferOne => OverlapPolicy::BufferOne,
            Overlap::BufferAll => OverlapPolicy::BufferAll,
        };
        let misfire = match create.misfire {
            Misfire::Skip => MisfirePolicy::Skip,
            Misfire::Latest => MisfirePolicy::Latest,
            Misfire::All => MisfirePolicy::All,
        };
        Self {
            schedule_id: create.id,
            source: create.source,
            timing: timing(create.timing.every, create.timing.cron),
            timezone: create.timezone,
            overlap: overlap.into(),
            misfire: misfire.into(),
            paused: create.paused,
            ..Self::default()
        }
    }
}

fn timing(every: Option<Duration>, cron: Option<String>) -> Option<Timing> {
    let every = every.map(|every| {
        Timing::Every(prost_types::Duration {
            seconds: i64::try_from(every.as_secs()).unwrap_or(i64::MAX),
            nanos: i32::try_from(every.subsec_nanos()).unwrap_or(0),
        })
    });
    every.or(cron.map(Timing::Cron))
}

fn table(schedules: &[pb::Schedule]) -> Table {
    let mut table = Table::new(&["SCHEDULE", "SOURCE", "WHEN", "NEXT", "LAST", "NOTE"]);
    for schedule in schedules {
        let note = match (schedule.paused, schedule.declared) {
            (true, true) => "paused; declared by the source",
            (true, false) => "paused",
            (false, true) => "declared by the source",
            (false, false) => "",
        };
        table.row(&[
            schedule.schedule_id.as_str(),
            &schedule.source,
            &when(schedule),
            &text::at(schedule.next_fire_time.as_ref()),
            &text::at(schedule.last_fire_time.as_ref()),
            note,
        ]);
    }
    table
}

fn when(schedule: &pb::Schedule) -> String {
    match &schedule.timing {
        Some(Timing::Every(every)) => format!("every {}", super::sources::every(seconds(every))),
        Some(Timing::Cron(cron)) => format!("{cron} {}", schedule.timezone).trim_end().to_owned(),
        None => String::new(),
    }
}

fn seconds(duration: &prost_types::Duration) -> f64 {
    duration.seconds as f64 + f64::from(duration.nanos) / 1e9
}
