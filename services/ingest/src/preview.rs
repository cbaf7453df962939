//! A source is previewed: a worker reads, for only a worker may.

use std::time::Duration;

use rfe_mesh::{MAX_MESSAGE_BYTES, MeshChannel, fault_from_status};
use rfe_model::Fault;
use rfe_proto::{
    ingest::{Preview, PreviewSourceRequest, preview_source_request::Of},
    worker::{PreviewRequest, preview_request, preview_service_client::PreviewServiceClient},
};

// Longer than a worker lets a preview take, so that its own words are the answer.
const TIMEOUT: Duration = Duration::from_secs(40);

/// Where previews are asked for.
#[derive(Debug, Clone)]
pub(crate) struct Previews {
    worker: PreviewServiceClient<MeshChannel>,
}

impl Previews {
    pub(crate) fn new(worker: MeshChannel) -> Self {
        Self {
            worker: PreviewServiceClient::new(worker)
                .max_decoding_message_size(MAX_MESSAGE_BYTES)
                .max_encoding_message_size(MAX_MESSAGE_BYTES),
        }
    }

    /// What a run would make of a source's first records.
    pub(crate) async fn preview(&self, request: PreviewSourceRequest) -> Result<Preview, Fault> {
        let rows = request.rows;
        let rows = u32::try_from(rows)
            .map_err(|_| Fault::invalid("rows", format!("{rows} is negative; 0 means 10")))?;
        let of = match request.of {
            Some(Of::Name(name)) if name.is_empty() => {
                return Err(Fault::invalid("name", "is missing; name the source"));
            }
            Some(Of::Name(name)) => preview_request::Of::Name(name),
            Some(Of::Source(source)) => preview_request::Of::Source(source),
            None => return Err(Fault::invalid("of", "is missing; give `name` or `source`")),
        };
        let mut request = tonic::Request::new(PreviewRequest { of: Some(of), rows });
        request.set_timeout(TIMEOUT);
        let answer = self.worker.clone().preview(request).await;
        let answer = answer.map_err(|status| fault_from_status(&status))?.into_inner();
        answer
            .preview
            .ok_or_else(|| Fault::internal("Preview of the worker role answered without its message"))
    }
}
