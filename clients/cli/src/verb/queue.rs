//! `rfe pause`, `rfe resume`, `rfe cancel`.

use clap::Args;
use serde_json::json;

use crate::{error::CliError, session::Session, text};

/// Arguments of `pause`.
#[derive(Debug, Args)]
pub struct Pause {
    /// The source
    source: String,
}

/// Arguments of `resume`.
#[derive(Debug, Args)]
pub struct Resume {
    /// The source
    source: String,
}

/// Arguments of `cancel`.
#[derive(Debug, Args)]
pub struct Cancel {
    /// The job's id
    job: String,
}

impl Pause {
    pub(crate) async fn run(self, session: &mut Session) -> Result<(), CliError> {
        session.client.pause_source(&self.source).await?;
        told(session, &self.source, true)
    }
}

impl Resume {
    pub(crate) async fn run(self, session: &mut Session) -> Result<(), CliError> {
        session.client.resume_source(&self.source).await?;
        told(session, &self.source, false)
    }
}

fn told(session: &mut Session, source: &str, paused: bool) -> Result<(), CliError> {
    if session.json {
        return session.out.json(&json!({"source": source, "paused": paused}));
    }
    session.out.line(&format!("{source} {}", if paused { "paused" } else { "resumed" }))
}

impl Cancel {
    pub(crate) async fn run(self, session: &mut Session) -> Result<(), CliError> {
        let job = session.client.cancel_job(&self.job).await?;
        if session.json {
            return session.out.message(&job);
        }
        let state = text::state(job.state().as_str_name(), "JOB_STATE_");
        session.out.line(&format!("{} {state}", job.job_id))
    }
}
