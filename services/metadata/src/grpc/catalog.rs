//! `rfe.metadata.v1.CatalogService`.

use std::{pin::Pin, sync::Arc};

use futures::{Stream, TryStreamExt};
use rfe_model::{Fault, time};
use rfe_proto::metadata as pb;
use rfe_registry::{CatalogStore, UpkeepStore};
use tonic::{Request, Response, Status};

use super::{required, status};
use crate::{files, scan};

/// Nobody holds a task for longer without asking again, in seconds.
const LONGEST_HOLD: f64 = 3600.0;

/// The service.
#[derive(Debug)]
pub(crate) struct Catalog {
    pub(crate) catalog: Arc<dyn CatalogStore>,
    pub(crate) upkeep: Arc<dyn UpkeepStore>,
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
        Ok(Response::new(Box::pin(pieces.map_err(status))))
    }

    async fn list_changes(
        &self,
        request: Request<pb::ListChangesRequest>,
    ) -> Result<Response<pb::ListChangesResponse>, Status> {
        let after = request.into_inner().after_snapshot;
        let (snapshot, datasets) = self.catalog.changes(after).await.map_err(status)?;
        Ok(Response::new(pb::ListChangesResponse { snapshot, datasets }))
    }

    async fn hold_task(
        &self,
        request: Request<pb::HoldTaskRequest>,
    ) -> Result<Response<pb::HoldTaskResponse>, Status> {
        let pb::HoldTaskRequest { task, holder, seconds } = request.into_inner();
        required("task", &task)?;
        required("holder", &holder)?;
        if !(seconds > 0.0 && seconds <= LONGEST_HOLD) {
            let reason = format!("{seconds} is not above 0 and up to {LONGEST_HOLD}");
            return Err(status(Fault::invalid("seconds", reason)));
        }
        let now = time::now_micros();
        let until = now + (seconds * 1e6) as i64;
        let held = self.upkeep.hold_task(&task, &holder, now, until).await.map_err(status)?;
        Ok(Response::new(pb::HoldTaskResponse { held }))
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
