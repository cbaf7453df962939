//! `rfe.metadata.v1.CatalogService`.

use std::{pin::Pin, sync::Arc};

use futures::{Stream, TryStreamExt};
use rfe_proto::metadata as pb;
use rfe_registry::CatalogStore;
use tonic::{Request, Response, Status};

use super::{required, status};
use crate::{files, scan};

/// The service.
#[derive(Debug)]
pub(crate) struct Catalog {
    pub(crate) catalog: Arc<dyn CatalogStore>,
}

#[tonic::async_trait]
impl pb::catalog_service_server::CatalogService for Catalog {
    type ScanFilesStream = Pin<Box<dyn Stream<Item = Result<pb::ScanFilesResponse, Status>> + Send>>;
    type ScanTableStream = Pin<Box<dyn Stream<Item = Result<pb::ScanTableResponse, Status>> + Send>>;

    async fn get_snapshot(
        &self,
        _request: Request<pb::GetSnapshotRequest>,
    ) -> Result<Response<pb::GetSnapshotResponse>, Status> {
        let snapshot = self.catalog.snapshot().await.map_err(status)?;
        Ok(Response::new(pb::GetSnapshotResponse { snapshot }))
    }

    async fn resolve_datasets(
        &self,
        request: Request<pb::ResolveDatasetsRequest>,
    ) -> Result<Response<pb::ResolveDatasetsResponse>, Status> {
        let request = request.into_inner();
        let resolved = self
            .catalog
            .resolve(request.snapshot, &request.datasets, request.columns_only)
            .await
            .map_err(status)?;
        Ok(Response::new(pb::ResolveDatasetsResponse {
            snapshot: resolved.snapshot,
            datasets: resolved.datasets,
        }))
    }

    async fn scan_files(
        &self,
        request: Request<pb::ScanFilesRequest>,
    ) -> Result<Response<Self::ScanFilesStream>, Status> {
        let request = request.into_inner();
        required("dataset", &request.dataset)?;
        let pieces = files::stream(self.catalog.clone(), request).await.map_err(status)?;
        let messages = pieces.map_ok(|data_files| pb::ScanFilesResponse { data_files }).map_err(status);
        Ok(Response::new(Box::pin(messages)))
    }

    async fn scan_table(
        &self,
        request: Request<pb::ScanTableRequest>,
    ) -> Result<Response<Self::ScanTableStream>, Status> {
        let table = request.into_inner().table;
        required("table", &table)?;
        let pieces = scan::stream(self.catalog.clone(), table).await.map_err(status)?;
        let messages =
            pieces.map_ok(|piece| pb::ScanTableResponse { arrow_ipc: piece.into() }).map_err(status);
        Ok(Response::new(Box::pin(messages)))
    }
}
