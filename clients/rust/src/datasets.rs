//! Datasets, their schema versions and files, and how fresh they are.

use rfe_proto::metadata as pb;

use crate::{Client, Listing, Result};

impl Client {
    /// The datasets by name.
    pub fn datasets(&self) -> Listing<pb::Dataset> {
        let stub = self.metadata.clone();
        Listing::new(move |page_size, page_token| {
            let stub = stub.clone();
            async move {
                let request = pb::ListDatasetsRequest { page_size, page_token };
                let page = stub
                    .safe(request, |mut client, request| async move {
                        Ok(client.list_datasets(request).await?.into_inner())
                    })
                    .await?;
                Ok((page.datasets, page.next_page_token))
            }
        })
    }

    /// One dataset with its columns.
    ///
    /// # Errors
    /// If it does not exist.
    pub async fn dataset(&self, name: &str) -> Result<pb::Dataset> {
        let request = pb::GetDatasetRequest { name: name.to_owned() };
        let answer = self
            .metadata
            .safe(request, |mut client, request| async move {
                Ok(client.get_dataset(request).await?.into_inner())
            })
            .await?;
        self.metadata.filled(answer.dataset, "dataset")
    }

    /// Drops the dataset of a deleted source: no later snapshot shows it, and its files are deleted once nobody reads older ones.
    ///
    /// # Errors
    /// If it does not exist or is dropped already, or its source is not deleted.
    pub async fn drop_dataset(&self, name: &str) -> Result<pb::DropDatasetResponse> {
        let request = pb::DropDatasetRequest { name: name.to_owned() };
        self.metadata
            .once(request, |mut client, request| async move {
                Ok(client.drop_dataset(request).await?.into_inner())
            })
            .await
    }

    /// A dataset's schema versions, newest first.
    pub fn schema_versions(&self, dataset: &str) -> Listing<pb::SchemaVersion> {
        let stub = self.metadata.clone();
        let dataset = dataset.to_owned();
        Listing::new(move |page_size, page_token| {
            let stub = stub.clone();
            let request = pb::ListSchemaVersionsRequest { dataset: dataset.clone(), page_size, page_token };
            async move {
                let page = stub
                    .safe(request, |mut client, request| async move {
                        Ok(client.list_schema_versions(request).await?.into_inner())
                    })
                    .await?;
                Ok((page.schema_versions, page.next_page_token))
            }
        })
    }

    /// The data files that a snapshot shows; 0 means the newest when each page is asked for.
    pub fn data_files(&self, dataset: &str, snapshot: u64, layer: pb::Layer) -> Listing<pb::DataFile> {
        let stub = self.metadata.clone();
        let dataset = dataset.to_owned();
        Listing::new(move |page_size, page_token| {
            let stub = stub.clone();
            let request = pb::ListDataFilesRequest {
                dataset: dataset.clone(),
                snapshot,
                layer: layer.into(),
                page_size,
                page_token,
            };
            async move {
                let page = stub
                    .safe(request, |mut client, request| async move {
                        Ok(client.list_data_files(request).await?.into_inner())
                    })
                    .await?;
                Ok((page.data_files, page.next_page_token))
            }
        })
    }

    /// How fresh the sources are.
    pub fn freshness(&self) -> Listing<pb::Freshness> {
        let stub = self.metadata.clone();
        Listing::new(move |page_size, page_token| {
            let stub = stub.clone();
            async move {
                let request = pb::ListFreshnessRequest { page_size, page_token };
                let page = stub
                    .safe(request, |mut client, request| async move {
                        Ok(client.list_freshness(request).await?.into_inner())
                    })
                    .await?;
                Ok((page.freshness, page.next_page_token))
            }
        })
    }

    /// How fresh one source is.
    ///
    /// # Errors
    /// If it does not exist.
    pub async fn freshness_of(&self, source: &str) -> Result<pb::Freshness> {
        let request = pb::GetFreshnessRequest { source: source.to_owned() };
        let answer = self
            .metadata
            .safe(request, |mut client, request| async move {
                Ok(client.get_freshness(request).await?.into_inner())
            })
            .await?;
        self.metadata.filled(answer.freshness, "freshness")
    }
}
