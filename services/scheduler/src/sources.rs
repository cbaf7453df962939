//! What is asked of metadata and ingest.

use std::time::Duration;

use jiff::Timestamp;
use rfe_mesh::{MAX_MESSAGE_BYTES, MeshChannel, fault_from_status};
use rfe_model::{ErrorCode, Fault, fault::reason, time};
use rfe_proto::{
    ingest::{GetQueueStatsRequest, SubmitJobRequest, ingest_service_client::IngestServiceClient},
    metadata::{
        GetSourceRequest, ListRunsRequest, ListSourcesRequest, RunKind, RunState, Source,
        metadata_service_client::MetadataServiceClient,
    },
};
use tonic::Request;

const PAGE: i32 = 1000;
const EVENTS_ONLY: &str = "webhook";

/// The sources, and the way to have them read.
#[derive(Debug, Clone)]
pub(crate) struct Sources {
    metadata: MetadataServiceClient<MeshChannel>,
    ingest: IngestServiceClient<MeshChannel>,
    timeout: Duration,
}

// === impl Sources ===

impl Sources {
    pub(crate) fn new(metadata: MeshChannel, ingest: MeshChannel, timeout: Duration) -> Self {
        Self {
            metadata: MetadataServiceClient::new(metadata)
                .max_decoding_message_size(MAX_MESSAGE_BYTES)
                .max_encoding_message_size(MAX_MESSAGE_BYTES),
            ingest: IngestServiceClient::new(ingest)
                .max_decoding_message_size(MAX_MESSAGE_BYTES)
                .max_encoding_message_size(MAX_MESSAGE_BYTES),
            timeout,
        }
    }

    /// The number that every change of a source raises.
    pub(crate) async fn revision(&self) -> Result<u64, Fault> {
        let (_, _, revision) = self.list(1, String::new()).await?;
        Ok(revision)
    }

    /// All sources that are not deleted, and the revision from before they were read.
    pub(crate) async fn all(&self) -> Result<(Vec<Source>, u64), Fault> {
        let (mut sources, mut token, revision) = self.list(PAGE, String::new()).await?;
        while !token.is_empty() {
            let (page, next, _) = self.list(PAGE, token).await?;
            sources.extend(page);
            token = next;
        }
        sources.retain(|source| source.deleted_time.is_none());
        Ok((sources, revision))
    }

    async fn list(&self, page_size: i32, page_token: String) -> Result<(Vec<Source>, String, u64), Fault> {
        let request = self.request(ListSourcesRequest { page_size, page_token, show_deleted: false });
        let reply = self
            .metadata
            .clone()
            .list_sources(request)
            .await
            .map_err(|status| fault_from_status(&status))?
            .into_inner();
        Ok((reply.sources, reply.next_page_token, reply.revision))
    }

    /// Refuses a source that can't be read by a schedule.
    pub(crate) async fn check(&self, name: &str) -> Result<(), Fault> {
        if name.is_empty() {
            return Err(Fault::invalid("schedule.source", "is missing"));
        }
        let request = self.request(GetSourceRequest { name: name.to_owned() });
        let reply =
            self.metadata.clone().get_source(request).await.map_err(|status| fault_from_status(&status))?;
        let source = reply
            .into_inner()
            .source
            .ok_or_else(|| Fault::internal("GetSource answered without a source"))?;
        let refuse = |reason, message| {
            Err(Fault::new(ErrorCode::FailedPrecondition, reason, message).with("source", name))
        };
        if source.deleted_time.is_some() {
            return refuse(reason::SOURCE_DELETED, format!("source `{name}` was deleted"));
        }
        if source.kind == EVENTS_ONLY {
            return refuse(
                reason::SOURCE_KIND_MISMATCH,
                format!("source `{name}` is of kind {EVENTS_ONLY}; nothing reads it by a clock"),
            );
        }
        Ok(())
    }

    /// Ids of runs that read the source and have not ended; not all of them, if there are many.
    pub(crate) async fn open_runs(&self, name: &str) -> Result<Vec<String>, Fault> {
        let mut page_token = String::new();
        loop {
            let request = self.request(ListRunsRequest {
                source: name.to_owned(),
                states: vec![RunState::Queued.into(), RunState::Running.into(), RunState::Retrying.into()],
                kinds: vec![RunKind::Pull.into(), RunKind::Replay.into(), RunKind::Backfill.into()],
                page_size: PAGE,
                page_token,
            });
            let reply = self.metadata.clone().list_runs(request).await;
            let reply = reply.map_err(|status| fault_from_status(&status))?.into_inner();
            let reading = reply.runs.into_iter().filter(|run| run.reads_source);
            let reading: Vec<String> = reading.map(|run| run.run_id).collect();
            if !reading.is_empty() || reply.next_page_token.is_empty() {
                return Ok(reading);
            }
            page_token = reply.next_page_token;
        }
    }

    /// True while nobody leases the source's jobs.
    pub(crate) async fn is_paused(&self, name: &str) -> Result<bool, Fault> {
        let request = self.request(GetQueueStatsRequest { source: name.to_owned() });
        let reply = self
            .ingest
            .clone()
            .get_queue_stats(request)
            .await
            .map_err(|status| fault_from_status(&status))?;
        Ok(reply.into_inner().sources.iter().any(|stats| stats.source == name && stats.paused))
    }

    /// Queues a pull job; the id of the job that answers.
    pub(crate) async fn submit(
        &self,
        name: &str,
        request_id: &str,
        scheduled: Timestamp,
    ) -> Result<String, Fault> {
        let request = self.request(SubmitJobRequest {
            source: name.to_owned(),
            request_id: request_id.to_owned(),
            scheduled_time: Some(time::to_proto(scheduled)),
            replay: None,
        });
        let reply =
            self.ingest.clone().submit_job(request).await.map_err(|status| fault_from_status(&status))?;
        let job =
            reply.into_inner().job.ok_or_else(|| Fault::internal("SubmitJob answered without a job"))?;
        Ok(job.job_id)
    }

    fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.set_timeout(self.timeout);
        request
    }
}
