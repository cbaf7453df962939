//! One letter's way back through ingest.

use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use rfe_mesh::{MAX_MESSAGE_BYTES, MeshChannel, fault_from_status};
use rfe_model::{ErrorCode, Fault, fault::reason};
use rfe_proto::{
    dlq::DeadLetter,
    ingest::{Replay, SubmitJobRequest, ingest_service_client::IngestServiceClient},
};
use tonic::Request;

use crate::letters::Letters;

/// What became of a replay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Replayed {
    /// This job lands the letter.
    Queued(String),
    /// This job landed it before.
    Before(String),
}

/// Brings letters back.
#[derive(Debug, Clone)]
pub(crate) struct Replayer {
    letters: Letters,
    ingest: IngestServiceClient<MeshChannel>,
    timeout: Duration,
    queued: Counter,
}

// === impl Replayer ===

impl Replayer {
    pub(crate) fn new(letters: Letters, ingest: MeshChannel, timeout: Duration, queued: Counter) -> Self {
        let ingest = IngestServiceClient::new(ingest)
            .max_decoding_message_size(MAX_MESSAGE_BYTES)
            .max_encoding_message_size(MAX_MESSAGE_BYTES);
        Self { letters, ingest, timeout, queued }
    }

    /// Queues the job that lands a letter again, with `raw` in place of its bytes if they differ.
    pub(crate) async fn replay(&self, id: &str, raw: Option<Vec<u8>>) -> Result<Replayed, Fault> {
        let letter = self.letters.get(id).await?;
        match letter.state.as_str() {
            "replayed" => return Ok(Replayed::Before(letter.replay_run_id)),
            "discarded" => return Err(discarded(&letter)),
            _ => {}
        }
        let raw = raw.filter(|bytes| *bytes != letter.raw_base64);
        if raw.is_some() && letter.kind == "job" {
            return Err(Fault::invalid(
                "raw",
                "the letter is one of a job, which has no bytes; leave `raw` out to read the source again",
            ));
        }
        match self.submit(letter.source, letter.id, raw).await {
            Ok(job_id) => {
                self.queued.inc();
                Ok(Replayed::Queued(job_id))
            }
            Err(fault) => replayed_meanwhile(fault),
        }
    }

    async fn submit(&self, source: String, letter_id: String, raw: Option<Vec<u8>>) -> Result<String, Fault> {
        let mut request = Request::new(SubmitJobRequest {
            source,
            replay: Some(Replay { letter_id, raw }),
            ..SubmitJobRequest::default()
        });
        request.set_timeout(self.timeout);
        let reply =
            self.ingest.clone().submit_job(request).await.map_err(|status| fault_from_status(&status))?;
        let job =
            reply.into_inner().job.ok_or_else(|| Fault::internal("SubmitJob answered without a job"))?;
        Ok(job.job_id)
    }
}

// Between the look at the letter and the job's row, another replay may have ended.
fn replayed_meanwhile(fault: Fault) -> Result<Replayed, Fault> {
    if fault.reason == reason::LETTER_NOT_OPEN && fault.get("state") == Some("replayed") {
        let run_id = fault.get("replay_run_id").unwrap_or_default().to_owned();
        return Ok(Replayed::Before(run_id));
    }
    Err(fault)
}

fn discarded(letter: &DeadLetter) -> Fault {
    let why = match letter.discard_reason.as_str() {
        "" => String::new(),
        given => format!(" ({given})"),
    };
    let message = format!("letter `{}` is discarded{why}; it can't be replayed", letter.id);
    Fault::new(ErrorCode::FailedPrecondition, reason::LETTER_NOT_OPEN, message)
        .with("letter", letter.id.clone())
        .with("state", "discarded")
}
