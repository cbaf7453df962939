//! Runs.

use rfe_proto::metadata as pb;

use crate::{Client, Listing, Result};

impl Client {
    /// The runs, newest first: only of `source`, in `states` and of `kinds` where they say something.
    pub fn runs(&self, source: &str, states: &[pb::RunState], kinds: &[pb::RunKind]) -> Listing<pb::Run> {
        let stub = self.metadata.clone();
        let wanted = pb::ListRunsRequest {
            source: source.to_owned(),
            states: states.iter().map(|state| (*state).into()).collect(),
            kinds: kinds.iter().map(|kind| (*kind).into()).collect(),
            ..pb::ListRunsRequest::default()
        };
        Listing::new(move |page_size, page_token| {
            let stub = stub.clone();
            let request = pb::ListRunsRequest { page_size, page_token, ..wanted.clone() };
            async move {
                let page = stub
                    .safe(request, |mut client, request| async move {
                        Ok(client.list_runs(request).await?.into_inner())
                    })
                    .await?;
                Ok((page.runs, page.next_page_token))
            }
        })
    }

    /// One run.
    ///
    /// # Errors
    /// If it does not exist.
    pub async fn run(&self, run_id: &str) -> Result<pb::Run> {
        let request = pb::GetRunRequest { run_id: run_id.to_owned() };
        let answer =
            self.metadata
                .safe(request, |mut client, request| async move {
                    Ok(client.get_run(request).await?.into_inner())
                })
                .await?;
        self.metadata.filled(answer.run, "run")
    }
}
