//! `rfe.metadata.v1.MetadataService`.

use std::sync::Arc;

use rfe_mesh::{Scope, caller};
use rfe_model::{Fault, kind::Kinds};
use rfe_proto::metadata as pb;
use rfe_registry::{CatalogStore, RegistryError, RunFilter, RunStore, SourceStore, UpkeepStore, file_cursor};
use tonic::{Request, Response, Status};

use super::{required, status};
use crate::{declare, page::List};

const SOURCES: List = List::new("ListSources");
const RUNS: List = List::new("ListRuns");
const SCHEMAS: List = List::new("ListSchemaVersions");
const DATASETS: List = List::new("ListDatasets");
const FILES: List = List::of_files("ListDataFiles");
const FRESHNESS: List = List::new("ListFreshness");

/// The service.
#[derive(Debug)]
pub(crate) struct Metadata {
    pub(crate) sources: Arc<dyn SourceStore>,
    pub(crate) runs: Arc<dyn RunStore>,
    pub(crate) catalog: Arc<dyn CatalogStore>,
    pub(crate) upkeep: Arc<dyn UpkeepStore>,
    pub(crate) kinds: Arc<dyn Kinds>,
    pub(crate) max_auto_created: u32,
}

#[tonic::async_trait]
impl pb::metadata_service_server::MetadataService for Metadata {
    async fn create_source(
        &self,
        request: Request<pb::CreateSourceRequest>,
    ) -> Result<Response<pb::CreateSourceResponse>, Status> {
        let request = request.into_inner();
        let spec = declare::one(request.source.as_ref(), self.kinds.as_ref()).map_err(status)?;
        let limit = request.auto_created.then_some(self.max_auto_created);
        let source = self.sources.create(&spec, limit).await.map_err(status)?;
        Ok(Response::new(pb::CreateSourceResponse { source: Some(source) }))
    }

    async fn update_source(
        &self,
        request: Request<pb::UpdateSourceRequest>,
    ) -> Result<Response<pb::UpdateSourceResponse>, Status> {
        let request = request.into_inner();
        let spec = declare::one(request.source.as_ref(), self.kinds.as_ref()).map_err(status)?;
        let source = self.sources.update(&spec).await.map_err(status)?;
        Ok(Response::new(pb::UpdateSourceResponse { source: Some(source) }))
    }

    async fn apply_sources(
        &self,
        request: Request<pb::ApplySourcesRequest>,
    ) -> Result<Response<pb::ApplySourcesResponse>, Status> {
        let request = request.into_inner();
        let specs = declare::many(&request.sources, self.kinds.as_ref()).map_err(status)?;
        if request.validate_only {
            return Ok(Response::new(pb::ApplySourcesResponse::default()));
        }
        let applied = self.sources.apply(&specs, request.prune).await.map_err(status)?;
        Ok(Response::new(pb::ApplySourcesResponse { applied }))
    }

    async fn get_source(
        &self,
        request: Request<pb::GetSourceRequest>,
    ) -> Result<Response<pb::GetSourceResponse>, Status> {
        caller::check(&request, Scope::Read, &request.get_ref().name)?;
        let name = request.into_inner().name;
        required("name", &name)?;
        let source = self.sources.source(&name).await.map_err(status)?;
        let source = source.ok_or_else(|| status(Fault::source_not_found(&name)))?;
        Ok(Response::new(pb::GetSourceResponse { source: Some(source) }))
    }

    async fn list_sources(
        &self,
        request: Request<pb::ListSourcesRequest>,
    ) -> Result<Response<pb::ListSourcesResponse>, Status> {
        let reach = caller::of(&request).reach(Scope::Read);
        let request = request.into_inner();
        let asked = SOURCES.page(request.page_size, &request.page_token).map_err(status)?;
        let found = self.sources.sources(&asked.of_store(), request.show_deleted).await;
        let (found, revision) = found.map_err(status)?;
        let (mut sources, next_page_token) = asked.cut(found, |source| source.name.clone());
        sources.retain(|source| reach.has(&source.name));
        Ok(Response::new(pb::ListSourcesResponse { sources, next_page_token, revision }))
    }

    async fn delete_source(
        &self,
        request: Request<pb::DeleteSourceRequest>,
    ) -> Result<Response<pb::DeleteSourceResponse>, Status> {
        caller::check(&request, Scope::Admin, &request.get_ref().name)?;
        let request = request.into_inner();
        self.sources.delete(required("name", &request.name)?).await.map_err(status)?;
        Ok(Response::new(pb::DeleteSourceResponse {}))
    }

    async fn get_run(
        &self,
        request: Request<pb::GetRunRequest>,
    ) -> Result<Response<pb::GetRunResponse>, Status> {
        let caller = caller::of(&request);
        let id = request.into_inner().run_id;
        required("run_id", &id)?;
        let run = self.runs.run(&id).await.map_err(status)?;
        let run = run.ok_or_else(|| status(RegistryError::NotFound { what: "run", id }))?;
        caller.may_unnamed(Scope::Read, &run.source).map_err(status)?;
        Ok(Response::new(pb::GetRunResponse { run: Some(run) }))
    }

    async fn list_runs(
        &self,
        request: Request<pb::ListRunsRequest>,
    ) -> Result<Response<pb::ListRunsResponse>, Status> {
        let caller = caller::of(&request);
        let mut request = request.into_inner();
        let reach = caller.narrow(Scope::Read, &mut request.source).map_err(status)?;
        let asked = RUNS.page(request.page_size, &request.page_token).map_err(status)?;
        let filter = RunFilter {
            states: request.states().collect(),
            kinds: request.kinds().collect(),
            source: Some(request.source).filter(|source| !source.is_empty()),
        };
        let found = self.runs.runs(&filter, &asked.of_store()).await.map_err(status)?;
        let (mut runs, next_page_token) = asked.cut(found, |run| run.run_id.clone());
        runs.retain(|run| reach.has(&run.source));
        Ok(Response::new(pb::ListRunsResponse { runs, next_page_token }))
    }

    async fn list_schema_versions(
        &self,
        request: Request<pb::ListSchemaVersionsRequest>,
    ) -> Result<Response<pb::ListSchemaVersionsResponse>, Status> {
        caller::check(&request, Scope::Read, &request.get_ref().dataset)?;
        let request = request.into_inner();
        let dataset = required("dataset", &request.dataset)?;
        let asked = SCHEMAS.page(request.page_size, &request.page_token).map_err(status)?;
        let found = self.catalog.schema_versions(dataset, &asked.of_store()).await.map_err(status)?;
        let (schema_versions, next_page_token) = asked.cut(found, |version| version.version.to_string());
        Ok(Response::new(pb::ListSchemaVersionsResponse { schema_versions, next_page_token }))
    }

    async fn list_datasets(
        &self,
        request: Request<pb::ListDatasetsRequest>,
    ) -> Result<Response<pb::ListDatasetsResponse>, Status> {
        let reach = caller::of(&request).reach(Scope::Read);
        let request = request.into_inner();
        let asked = DATASETS.page(request.page_size, &request.page_token).map_err(status)?;
        let (found, _) = self.sources.sources(&asked.of_store(), true).await.map_err(status)?;
        let (sources, next_page_token) = asked.cut(found, |source| source.name.clone());
        let names = sources.into_iter().map(|source| source.name);
        let names: Vec<String> = names.filter(|name| reach.has(name)).collect();
        let datasets = if names.is_empty() { Vec::new() } else { self.datasets(&names).await? };
        Ok(Response::new(pb::ListDatasetsResponse { datasets, next_page_token }))
    }

    async fn get_dataset(
        &self,
        request: Request<pb::GetDatasetRequest>,
    ) -> Result<Response<pb::GetDatasetResponse>, Status> {
        caller::check(&request, Scope::Read, &request.get_ref().name)?;
        let id = request.into_inner().name;
        required("name", &id)?;
        let found = self.datasets(std::slice::from_ref(&id)).await?.pop();
        let dataset = found.ok_or_else(|| status(RegistryError::NotFound { what: "dataset", id }))?;
        Ok(Response::new(pb::GetDatasetResponse { dataset: Some(dataset) }))
    }

    async fn drop_dataset(
        &self,
        request: Request<pb::DropDatasetRequest>,
    ) -> Result<Response<pb::DropDatasetResponse>, Status> {
        caller::check(&request, Scope::Admin, &request.get_ref().name)?;
        let request = request.into_inner();
        let name = required("name", &request.name)?;
        let (dataset, snapshot) = self.upkeep.drop_dataset(name).await.map_err(status)?;
        tracing::info!(dataset = name, snapshot, rows = dataset.rows, "a dataset was dropped");
        Ok(Response::new(pb::DropDatasetResponse { dataset: Some(dataset), snapshot }))
    }

    async fn list_data_files(
        &self,
        request: Request<pb::ListDataFilesRequest>,
    ) -> Result<Response<pb::ListDataFilesResponse>, Status> {
        caller::check(&request, Scope::Read, &request.get_ref().dataset)?;
        let request = request.into_inner();
        let dataset = required("dataset", &request.dataset)?;
        let asked = FILES.page(request.page_size, &request.page_token).map_err(status)?;
        let found = self.catalog.files(dataset, request.snapshot, request.layer(), &asked.of_store()).await;
        let (found, snapshot) = found.map_err(status)?;
        let (data_files, next_page_token) = asked.cut(found, file_cursor);
        Ok(Response::new(pb::ListDataFilesResponse { data_files, next_page_token, snapshot }))
    }

    async fn get_freshness(
        &self,
        request: Request<pb::GetFreshnessRequest>,
    ) -> Result<Response<pb::GetFreshnessResponse>, Status> {
        caller::check(&request, Scope::Read, &request.get_ref().source)?;
        let source = request.into_inner().source;
        required("source", &source)?;
        let asked = FRESHNESS.page(1, "").map_err(status)?;
        let found = self.catalog.freshness(Some(&source), &asked.of_store()).await.map_err(status)?;
        let freshness = found.into_iter().next().ok_or_else(|| status(Fault::source_not_found(&source)))?;
        Ok(Response::new(pb::GetFreshnessResponse { freshness: Some(freshness) }))
    }

    async fn list_freshness(
        &self,
        request: Request<pb::ListFreshnessRequest>,
    ) -> Result<Response<pb::ListFreshnessResponse>, Status> {
        let reach = caller::of(&request).reach(Scope::Read);
        let request = request.into_inner();
        let asked = FRESHNESS.page(request.page_size, &request.page_token).map_err(status)?;
        let found = self.catalog.freshness(None, &asked.of_store()).await.map_err(status)?;
        let (mut freshness, next_page_token) = asked.cut(found, |fresh| fresh.source.clone());
        freshness.retain(|fresh| reach.has(&fresh.source));
        Ok(Response::new(pb::ListFreshnessResponse { freshness, next_page_token }))
    }
}

impl Metadata {
    async fn datasets(&self, names: &[String]) -> Result<Vec<pb::Dataset>, Status> {
        let resolved = self.catalog.resolve(0, names, true).await.map_err(status)?;
        Ok(resolved.datasets.into_iter().filter_map(|resolved| resolved.dataset).collect())
    }
}
