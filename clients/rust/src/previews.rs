//! Previews of sources.

use rfe_proto::{
    ingest::{self as pb, preview_source_request::Of},
    metadata::Source,
};

use crate::{Client, Result};

impl Client {
    /// The first rows of a declared source, and what a run would make of them. Lands nothing; takes up to 30 s. 0 `rows` mean
    /// 10, and 1,000 are the most.
    ///
    /// # Errors
    /// If the source does not exist, is pushed to, or can't be read.
    pub async fn preview_source(&self, name: &str, rows: i32) -> Result<pb::Preview> {
        self.preview(Of::Name(name.to_owned()), rows).await
    }

    /// As [`Self::preview_source`], of a source that need not be declared.
    ///
    /// # Errors
    /// As [`Self::preview_source`], or with every field at fault.
    pub async fn preview_spec(&self, source: Source, rows: i32) -> Result<pb::Preview> {
        self.preview(Of::Source(source), rows).await
    }

    async fn preview(&self, of: Of, rows: i32) -> Result<pb::Preview> {
        let request = pb::PreviewSourceRequest { of: Some(of), rows };
        let answer = self
            .streams
            .safe(request, |mut client, request| async move {
                Ok(client.preview_source(request).await?.into_inner())
            })
            .await?;
        self.streams.filled(answer.preview, "preview")
    }
}
