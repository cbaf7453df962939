//! The way of a statement: gate, catalog, views, engine. Knows nothing of Flight.

mod admission;
mod counted;
mod resolve;
mod timed;

use std::{sync::Arc, time::Duration};

use arrow_schema::{DataType, SchemaRef};
use rfe_lake::Lake;
use rfe_mesh::{Caller, MeshChannel, Metrics, Shutdown};

pub use self::timed::Binding;
use self::{
    admission::Admission,
    counted::FilesCounted,
    resolve::{Need, Resolved},
    timed::Timed,
};
use crate::{
    access::Access,
    cache::prefetch::Queried,
    catalog::Catalog,
    config::Config,
    engine::{Engine, Relations, on_large_stack},
    error::QueryError,
    gate::{Gate, Gated},
    parameters::Parameters,
    pruning::Zone,
    reach,
    recent::Recent,
    running::Running,
    stop::Stop,
    stream::{self, Batches, Job},
    ticket::Pinned,
};

const RECENT: usize = 512;

/// What a statement answers with, known without running it.
#[derive(Debug, Clone, PartialEq)]
pub struct Description {
    /// Its columns; `None` while they hang on parameters.
    pub schema: Option<SchemaRef>,
    /// Name and type of each parameter, as far as known.
    pub parameters: Vec<(String, Option<DataType>)>,
}

/// Runs statements.
#[derive(Debug, Clone)]
pub struct Statements(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    engine: Arc<Engine>,
    gate: Arc<Gate>,
    catalog: Catalog,
    access: Access,
    queried: Queried,
    running: Running,
    admission: Admission,
    gated: Recent<String, Arc<Gated>>,
    described: Recent<(String, Relations), Description>,
    files: FilesCounted,
    timed: Timed,
    zone: Zone,
    max_runtime: Duration,
}

impl Statements {
    /// Statements over this lake's files, as this metadata role shows them.
    pub fn open(
        config: &Config,
        metadata: MeshChannel,
        lake: Arc<dyn Lake>,
        shutdown: Shutdown,
        metrics: &Metrics,
    ) -> Result<Self, QueryError> {
        let zone = Zone::named(&config.time_zone);
        let access = Access::open(config, lake, metrics)?;
        Ok(Self(Arc::new(Inner {
            engine: Arc::new(Engine::open(config, &access.folders())?),
            gate: Arc::new(Gate::new(Engine::sandbox(config)?, config.max_sql_bytes, zone)),
            catalog: Catalog::new(metadata),
            access,
            queried: Queried::default(),
            running: Running::default(),
            admission: Admission::new(config.max_running, config.max_waiting, shutdown),
            gated: Recent::new(RECENT),
            described: Recent::new(RECENT),
            files: FilesCounted::new(metrics),
            timed: Timed::new(metrics),
            zone,
            max_runtime: config.max_runtime,
        })))
    }

    /// The statements that run.
    pub fn running(&self) -> &Running {
        &self.0.running
    }

    /// How data files are reached.
    pub fn access(&self) -> &Access {
        &self.0.access
    }

    /// Which datasets were queried.
    pub fn queried(&self) -> &Queried {
        &self.0.queried
    }

    /// The catalog, for what is asked of it besides statements.
    pub fn catalog(&self) -> &Catalog {
        &self.0.catalog
    }

    /// Columns and parameters of a statement at the newest snapshot, and that snapshot.
    pub async fn describe(&self, sql: &str, caller: &Caller) -> Result<(Description, u64), QueryError> {
        let gated = match self.0.gated.get(&sql.to_owned()) {
            Some(known) => known,
            None => {
                let _place = self.0.admission.enter().await?;
                self.gate(sql).await?
            }
        };
        reach::check(caller, &gated)?;
        let resolved = self.resolve(&gated, 0, Need::Columns).await?;
        let key = (gated.sql.clone(), resolved.relations.clone());
        // The columns of `meta` belong to the metadata role, which may be of another version a moment later.
        let lasting = resolved.relations.filled.is_empty();
        if let Some(known) = lasting.then(|| self.0.described.get(&key)).flatten() {
            return Ok((known, resolved.snapshot));
        }
        let _place = self.0.admission.enter().await?;
        let attached = self.attach(&resolved, false, caller).await?;
        let engine = Arc::clone(&self.0.engine);
        let description = on_large_stack("describe", move || {
            let failed = |error| engine.failed(&error);
            let session = attached.session().map_err(failed)?;
            let prepared = session.prepare(&gated.sql).map_err(failed)?;
            Ok(Description {
                schema: prepared.schema().map_err(failed)?,
                parameters: prepared.parameters().map_err(failed)?,
            })
        })
        .await?;
        if lasting {
            self.0.described.put(key, description.clone(), 1);
        }
        Ok((description, resolved.snapshot))
    }

    /// Columns of queries of our own, such as empty relations.
    pub async fn columns_of(&self, queries: Vec<String>) -> Result<Vec<SchemaRef>, QueryError> {
        let attached = self.attach(&Resolved::default(), false, &Caller::within()).await?;
        let engine = Arc::clone(&self.0.engine);
        on_large_stack("describe", move || {
            let failed = |error| engine.failed(&error);
            let session = attached.session().map_err(failed)?;
            let schema =
                |sql: &String| session.prepare(sql).and_then(|prepared| prepared.schema()).map_err(failed);
            queries
                .iter()
                .map(|sql| schema(sql)?.ok_or_else(|| QueryError::Internal(format!("no columns: {sql}"))))
                .collect()
        })
        .await
    }

    /// Runs a statement at its snapshot; `limit` is what its client has time for.
    pub async fn run(
        &self,
        pinned: Pinned,
        limit: Option<Duration>,
        caller: &Caller,
    ) -> Result<Batches, QueryError> {
        let limit = limit.unwrap_or(self.0.max_runtime).min(self.0.max_runtime);
        let stop = Stop::default();
        // Dropped with this future or with the stream: either way the client has gone.
        let guard = stop.guard();
        let started = self.start(pinned, stop.clone(), limit, caller);
        tokio::select! {
            started = tokio::time::timeout(limit, started) => {
                let job = started.map_err(|_| QueryError::Deadline(limit))??;
                stream::start(job, guard).await
            }
            () = stop.ended() => Err(stop.check().err().unwrap_or(QueryError::Cancelled)),
        }
    }

    async fn start(
        &self,
        pinned: Pinned,
        stop: Stop,
        limit: Duration,
        caller: &Caller,
    ) -> Result<Job, QueryError> {
        let entry = self.0.running.enter(&pinned.id, &stop);
        let place = self.0.admission.enter().await?;
        let gated = self.gate(&pinned.sql).await?;
        // Whoever made the ticket: it opens nothing that its bearer may not see.
        reach::check(caller, &gated)?;
        let parameters = Parameters::decode(&pinned.parameters)?;
        let resolved = self.resolve(&gated, pinned.snapshot, Need::Rows(&parameters)).await?;
        let binding = self.0.timed.resolved(resolved.took);
        let attached = self.attach(&resolved, true, caller).await?;
        stop.watch(limit);
        Ok(Job {
            engine: Arc::clone(&self.0.engine),
            attached,
            held: resolved.held,
            sql: gated.sql.clone(),
            parameters,
            binding,
            stop,
            place: (place, entry),
        })
    }

    async fn gate(&self, sql: &str) -> Result<Arc<Gated>, QueryError> {
        let sql = sql.to_owned();
        if let Some(known) = self.0.gated.get(&sql) {
            return Ok(known);
        }
        let gate = Arc::clone(&self.0.gate);
        let text = sql.clone();
        let gated = Arc::new(on_large_stack("gate", move || gate.check(&text)).await?);
        self.0.gated.put(sql, Arc::clone(&gated), 1);
        Ok(gated)
    }
}
