//! Sources.

use rfe_proto::metadata as pb;

use crate::{Client, Listing, Result};

/// How sources are applied.
#[derive(Debug, Clone, Copy, Default)]
pub struct ApplyOptions {
    /// Delete declared sources that are not among those given.
    pub prune: bool,
    /// Only check.
    pub validate_only: bool,
}

impl Client {
    /// Creates and updates sources, all or none. A second call with the same ones changes nothing.
    ///
    /// # Errors
    /// With every field at fault, such as `sources[1].config.url`.
    pub async fn apply_sources(
        &self,
        sources: Vec<pb::Source>,
        options: ApplyOptions,
    ) -> Result<Vec<pb::AppliedSource>> {
        let request =
            pb::ApplySourcesRequest { sources, prune: options.prune, validate_only: options.validate_only };
        self.metadata
            .safe(request, |mut client, request| async move {
                Ok(client.apply_sources(request).await?.into_inner().applied)
            })
            .await
    }

    /// Declares a source.
    ///
    /// # Errors
    /// If one of the name exists, or a field is wrong.
    pub async fn create_source(&self, source: pb::Source) -> Result<pb::Source> {
        let request = pb::CreateSourceRequest { source: Some(source), auto_created: false };
        let answer = self
            .metadata
            .once(request, |mut client, request| async move {
                Ok(client.create_source(request).await?.into_inner())
            })
            .await?;
        self.metadata.filled(answer.source, "source")
    }

    /// Replaces a source's spec.
    ///
    /// # Errors
    /// If it does not exist, or a field is wrong.
    pub async fn update_source(&self, source: pb::Source) -> Result<pb::Source> {
        let request = pb::UpdateSourceRequest { source: Some(source) };
        let answer = self
            .metadata
            .safe(request, |mut client, request| async move {
                Ok(client.update_source(request).await?.into_inner())
            })
            .await?;
        self.metadata.filled(answer.source, "source")
    }

    /// One source.
    ///
    /// # Errors
    /// If it does not exist.
    pub async fn source(&self, name: &str) -> Result<pb::Source> {
        let request = pb::GetSourceRequest { name: name.to_owned() };
        let answer =
            self.metadata
                .safe(request, |mut client, request| async move {
                    Ok(client.get_source(request).await?.into_inner())
                })
                .await?;
        self.metadata.filled(answer.source, "source")
    }

    /// The sources by name; deleted ones too if `show_deleted`.
    pub fn sources(&self, show_deleted: bool) -> Listing<pb::Source> {
        let stub = self.metadata.clone();
        Listing::new(move |page_size, page_token| {
            let stub = stub.clone();
            async move {
                let request = pb::ListSourcesRequest { page_size, page_token, show_deleted };
                let page = stub
                    .safe(request, |mut client, request| async move {
                        Ok(client.list_sources(request).await?.into_inner())
                    })
                    .await?;
                Ok((page.sources, page.next_page_token))
            }
        })
    }

    /// Ends the reading of a source; its dataset stays readable.
    ///
    /// # Errors
    /// If it does not exist.
    pub async fn delete_source(&self, name: &str) -> Result<()> {
        let request = pb::DeleteSourceRequest { name: name.to_owned() };
        self.metadata
            .once(
                request,
                |mut client, request| async move { client.delete_source(request).await.map(|_| ()) },
            )
            .await
    }
}
