//! `rfe ingest`.

use clap::Args;

use crate::{error::CliError, out::note, session::Session, wait};

/// Arguments of `ingest`.
#[derive(Debug, Args)]
pub struct Ingest {
    /// The source to read
    source: String,
    /// Wait until the run has ended; exit code 3 if it failed or dead-lettered rows
    #[arg(long)]
    wait: bool,
}

impl Ingest {
    pub(crate) async fn run(self, session: &mut Session) -> Result<(), CliError> {
        let submitted = session.client.submit_job(&self.source).await?;
        if !submitted.created {
            note("a job of this source waits already; it is the answer");
        }
        if self.wait {
            return wait::until_ended(session, &submitted.job.job_id).await;
        }
        if session.json {
            return session.out.message(&submitted.job);
        }
        session.out.line(&submitted.job.job_id)
    }
}
