//! The metadata role, as this role asks it.

use rfe_mesh::{MAX_MESSAGE_BYTES, MeshChannel, fault_from_status};
use rfe_model::{Fault, fault::reason};
use rfe_proto::metadata::{
    self as pb, metadata_service_client::MetadataServiceClient, run_service_client::RunServiceClient,
};

/// The metadata role.
#[derive(Debug, Clone)]
pub(crate) struct Registry {
    metadata: MetadataServiceClient<MeshChannel>,
    runs: RunServiceClient<MeshChannel>,
}

impl Registry {
    pub(crate) fn new(channel: MeshChannel) -> Self {
        Self {
            metadata: MetadataServiceClient::new(channel.clone())
                .max_decoding_message_size(MAX_MESSAGE_BYTES)
                .max_encoding_message_size(MAX_MESSAGE_BYTES),
            runs: RunServiceClient::new(channel)
                .max_decoding_message_size(MAX_MESSAGE_BYTES)
                .max_encoding_message_size(MAX_MESSAGE_BYTES),
        }
    }

    pub(crate) async fn source(&self, name: &str) -> Result<pb::Source, Fault> {
        let request = pb::GetSourceRequest { name: name.to_owned() };
        let answer =
            self.metadata.clone().get_source(request).await.map_err(|status| fault_from_status(&status))?;
        answer.into_inner().source.ok_or_else(|| empty("GetSource"))
    }

    /// One run; `None` if there is none.
    pub(crate) async fn run(&self, run_id: &str) -> Result<Option<pb::Run>, Fault> {
        let request = pb::GetRunRequest { run_id: run_id.to_owned() };
        match self.metadata.clone().get_run(request).await {
            Ok(answer) => Ok(answer.into_inner().run),
            Err(status) => match fault_from_status(&status) {
                fault if fault.reason == reason::RUN_NOT_FOUND => Ok(None),
                fault => Err(fault),
            },
        }
    }

    pub(crate) async fn list(&self, request: pb::ListRunsRequest) -> Result<(Vec<pb::Run>, String), Fault> {
        let answer =
            self.metadata.clone().list_runs(request).await.map_err(|status| fault_from_status(&status))?;
        let answer = answer.into_inner();
        Ok((answer.runs, answer.next_page_token))
    }

    pub(crate) async fn create_run(&self, request: pb::CreateRunRequest) -> Result<(pb::Run, bool), Fault> {
        let answer =
            self.runs.clone().create_run(request).await.map_err(|status| fault_from_status(&status))?;
        let answer = answer.into_inner();
        Ok((answer.run.ok_or_else(|| empty("CreateRun"))?, answer.created))
    }

    /// Claims a run; its epoch from now on.
    pub(crate) async fn claim_run(&self, request: pb::ClaimRunRequest) -> Result<u64, Fault> {
        let answer =
            self.runs.clone().claim_run(request).await.map_err(|status| fault_from_status(&status))?;
        answer.into_inner().run.map(|run| run.epoch).ok_or_else(|| empty("ClaimRun"))
    }

    pub(crate) async fn fail_run(&self, request: pb::FailRunRequest) -> Result<(), Fault> {
        self.runs.clone().fail_run(request).await.map(drop).map_err(|status| fault_from_status(&status))
    }

    pub(crate) async fn cancel_run(&self, run_id: &str) -> Result<pb::Run, Fault> {
        let request = pb::CancelRunRequest { run_id: run_id.to_owned() };
        let answer =
            self.runs.clone().cancel_run(request).await.map_err(|status| fault_from_status(&status))?;
        answer.into_inner().run.ok_or_else(|| empty("CancelRun"))
    }
}

fn empty(call: &str) -> Fault {
    Fault::internal(format!("{call} of the metadata role answered without its message"))
}
