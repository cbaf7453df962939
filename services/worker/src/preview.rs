//! `rfe.worker.v1.PreviewService`: the first records of a source, and what a run would make of them. Nothing is landed, and no memory
//! of reads before is used or left behind.

mod answer;
mod sample;

use std::{sync::Arc, time::Duration};

use rfe_mesh::{Shutdown, fault_from_status, status_from_fault};
use rfe_model::{ErrorCode, Fault, SourceSpec, Violation, fault::reason, id, kind};
use rfe_proto::{
    ingest::Preview,
    metadata::{GetSourceRequest, ListSchemaVersionsRequest, SchemaVersion, Source},
    worker::{PreviewRequest, PreviewResponse, preview_request::Of, preview_service_server::PreviewService},
};
use rfe_sources::{NoMemory, ReadContext, ReadError, error::code};
use tokio::sync::Semaphore;
use tonic::{Request, Response, Status};

use crate::{expect, worker::Worker};
use sample::Sample;

const AT_ONCE: usize = 2;
const DEFAULT_ROWS: u32 = 10;
const MAX_ROWS: u32 = 1000;
const LIMIT: Duration = Duration::from_secs(30);
/// Small chunks: ten rows need no more.
const CHUNK_BYTES: usize = 256 << 10;

/// Who previews.
#[derive(Debug)]
pub(crate) struct Previews {
    worker: Arc<Worker>,
    places: Semaphore,
    shutdown: Shutdown,
}

// === impl Previews ===

impl Previews {
    pub fn new(worker: Arc<Worker>, shutdown: Shutdown) -> Self {
        Self { worker, places: Semaphore::new(AT_ONCE), shutdown }
    }

    async fn of(&self, request: PreviewRequest) -> Result<Preview, Fault> {
        let _place = self.places.try_acquire().map_err(|_| busy())?;
        let rows = if request.rows == 0 { DEFAULT_ROWS } else { request.rows.min(MAX_ROWS) };
        let spec = self.spec(request.of).await?;
        let schema = self.schema(&spec.name).await?;
        let sample = self.sample(&spec, schema.as_ref(), rows as usize).await?;
        let made = tokio::task::spawn_blocking(move || answer::make(&spec, schema, sample)).await;
        let made = made.map_err(|error| Fault::internal(format!("a preview broke: {error}")))?;
        made.map_err(|error| Fault::internal(format!("the rows of a preview could not be cast: {error}")))
    }

    async fn spec(&self, of: Option<Of>) -> Result<SourceSpec, Fault> {
        match of {
            Some(Of::Name(name)) => {
                let source = self.source(&name).await?;
                if source.deleted_time.is_some() {
                    let message = format!("source `{name}` was deleted; create it again to go on");
                    return Err(Fault::new(ErrorCode::FailedPrecondition, reason::SOURCE_DELETED, message)
                        .with("source", name));
                }
                SourceSpec::try_from(&source)
                    .map_err(|why| Fault::internal(format!("the registry holds an unreadable source: {why}")))
            }
            Some(Of::Source(source)) => self.check(&source).map_err(|wrong| {
                Fault::violations(wrong.into_iter().map(|one| one.below("source")).collect())
            }),
            None => Err(Fault::invalid("of", "is missing; give `name` or `source`")),
        }
    }

    fn check(&self, source: &Source) -> Result<SourceSpec, Vec<Violation>> {
        let spec = SourceSpec::try_from(source).map_err(|violation| vec![violation])?;
        kind::check(&spec, &self.worker.kinds)?;
        Ok(spec)
    }

    async fn source(&self, name: &str) -> Result<Source, Fault> {
        let request = GetSourceRequest { name: name.to_owned() };
        let answer = self.worker.registry().get_source(request).await;
        let answer = answer.map_err(|status| fault_from_status(&status))?.into_inner();
        answer.source.ok_or_else(|| Fault::internal("GetSource answered without a source"))
    }

    async fn schema(&self, dataset: &str) -> Result<Option<SchemaVersion>, Fault> {
        let request = ListSchemaVersionsRequest {
            dataset: dataset.to_owned(),
            page_size: 1,
            page_token: String::new(),
        };
        match self.worker.registry().list_schema_versions(request).await {
            Ok(answer) => Ok(answer.into_inner().schema_versions.into_iter().next()),
            Err(status) => match fault_from_status(&status) {
                fault if fault.code == ErrorCode::NotFound => Ok(None),
                fault => Err(fault),
            },
        }
    }

    // What could be read in time. A source that fails midway shows what it gave until then.
    async fn sample(
        &self,
        spec: &SourceSpec,
        schema: Option<&SchemaVersion>,
        rows: usize,
    ) -> Result<Sample, Fault> {
        let kind = self.worker.kinds.get(&spec.kind).ok_or_else(|| {
            Fault::invalid("source.kind", format!("this build reads no sources of kind `{}`", spec.kind))
        })?;
        let config = &self.worker.config;
        let scratch = tempfile::Builder::new().prefix("preview-").tempdir_in(&config.scratch);
        let scratch = scratch.map_err(|error| Fault::internal(format!("scratch: {error}")))?;
        let context = ReadContext {
            run_id: id::new(),
            expected: expect::of(spec, schema, false),
            roots: config.roots.clone(),
            allow_private_hosts: config.allow_private_hosts.clone(),
            s3: config.s3.clone().map(Arc::new),
            secrets: self.worker.secrets.clone(),
            scratch: scratch.path().to_owned(),
            chunk_bytes: CHUNK_BYTES,
            cursor: None,
            memory: Arc::new(NoMemory),
        };
        let mut sample = Sample::new(rows);
        let read = tokio::select! {
            read = tokio::time::timeout(LIMIT, sample.read(kind.as_ref(), spec, context)) => read,
            () = self.shutdown.begun() => return Err(shutting_down()),
        };
        match read {
            Ok(Err(error)) if sample.records == 0 => Err(unreadable(spec, &error)),
            Err(_) if sample.records == 0 => Err(too_slow(spec)),
            Ok(Err(error)) => {
                sample.failure = Some(error);
                Ok(sample)
            }
            Ok(Ok(())) | Err(_) => Ok(sample),
        }
    }
}

#[tonic::async_trait]
impl PreviewService for Previews {
    async fn preview(&self, request: Request<PreviewRequest>) -> Result<Response<PreviewResponse>, Status> {
        let preview = self.of(request.into_inner()).await.map_err(status_from_fault)?;
        Ok(Response::new(PreviewResponse { preview: Some(preview) }))
    }
}

fn busy() -> Fault {
    let message = format!("{AT_ONCE} previews are under way already; come again");
    Fault::new(ErrorCode::ResourceExhausted, reason::TOO_MANY_CALLS, message)
        .retry_after(Duration::from_secs(1))
}

fn shutting_down() -> Fault {
    Fault::new(ErrorCode::Unavailable, reason::SHUTTING_DOWN, "the process is shutting down; call again")
}

fn too_slow(spec: &SourceSpec) -> Fault {
    let message = format!("source `{}` gave no record within {} s", spec.name, LIMIT.as_secs());
    Fault::new(ErrorCode::DeadlineExceeded, reason::DEADLINE_EXCEEDED, message).with("source", &spec.name)
}

fn unreadable(spec: &SourceSpec, error: &ReadError) -> Fault {
    let fault = if error.code == code::KIND_MISMATCH {
        let message = format!("source `{}`: there is nothing to read: {error}", spec.name);
        Fault::new(ErrorCode::FailedPrecondition, reason::SOURCE_KIND_MISMATCH, message)
    } else {
        let message = format!("source `{}` can't be read: {}: {error}", spec.name, error.code);
        Fault::new(ErrorCode::FailedPrecondition, reason::SOURCE_UNREADABLE, message)
    };
    fault.with("source", &spec.name).with("code", error.code)
}
