//! The role: its slots, each of which leases work and does it.

use std::{path::Path, sync::Arc, time::Duration};

use rfe_lake::Lake;
use rfe_mesh::{MAX_MESSAGE_BYTES, MeshChannel, Metrics, Role, Shutdown};
use rfe_model::{id, secret::SecretStore};
use rfe_proto::{ingest::JobKind, worker::preview_service_server::PreviewServiceServer};
use rfe_queue::{LeaseRequest, Leased, Queue};
use rfe_sources::SourceKinds;
use tracing::{Instrument as _, Span};

use crate::{
    config::Config,
    crash::CrashPoint,
    end::{End, kind_name, tell_queue},
    freeze::FreezePoint,
    lifeline::{self, Lost},
    metrics::WorkerMetrics,
    preview::Previews,
    progress::{self, Progress},
    run,
    steps::Steps,
    traced,
    worker::Worker,
};

const PULLS: [JobKind; 3] = [JobKind::Pull, JobKind::Replay, JobKind::Backfill];
const EVENTS: [JobKind; 1] = [JobKind::Events];
const COMPACTIONS: [JobKind; 1] = [JobKind::Compaction];
/// Long enough to ask seldom, short enough to drain: a lease call is never dropped, as it may hold work already.
const LEASE_WAIT: Duration = Duration::from_secs(1);
const QUEUE_PAUSE: Duration = Duration::from_secs(1);

/// What the role needs.
#[derive(Debug, Clone)]
pub struct Deps {
    /// Where work comes from.
    pub queue: Arc<dyn Queue>,
    /// Where files go.
    pub lake: Arc<dyn Lake>,
    /// The kinds that it reads.
    pub kinds: SourceKinds,
    /// The way to the metadata role.
    pub metadata: MeshChannel,
    /// Where references resolve.
    pub secrets: Arc<dyn SecretStore>,
    /// When to stop.
    pub shutdown: Shutdown,
    /// Where it counts.
    pub metrics: Metrics,
}

/// Builds the role. What an earlier process left in the scratch folder is swept.
pub fn build(config: Config, deps: Deps) -> Role {
    if let Err(error) = sweep(&config.scratch) {
        tracing::error!(folder = %config.scratch.display(), %error, "the scratch folder can't be used");
    }
    let crash = CrashPoint::parse(config.crash_point.as_deref()).unwrap_or_else(|reason| {
        tracing::error!(reason, "RFE_CRASH_POINT is ignored");
        CrashPoint::default()
    });
    let freeze = FreezePoint::parse(config.freeze_point.as_deref()).unwrap_or_else(|reason| {
        tracing::error!(reason, "RFE_FREEZE_POINT is ignored");
        FreezePoint::default()
    });
    let slots = [
        (config.pull_slots, "pull slot", &PULLS[..]),
        (config.event_slots, "event slot", &EVENTS[..]),
        (config.compaction_slots, "compaction slot", &COMPACTIONS[..]),
    ];
    let worker = Arc::new(Worker {
        id: format!("worker-{}", id::new()),
        config,
        queue: deps.queue,
        lake: deps.lake,
        kinds: deps.kinds,
        metadata: deps.metadata,
        secrets: deps.secrets,
        metrics: WorkerMetrics::new(&deps.metrics),
        crash,
        freeze,
    });
    let previews = PreviewServiceServer::new(Previews::new(worker.clone(), deps.shutdown.clone()))
        .max_decoding_message_size(MAX_MESSAGE_BYTES)
        .max_encoding_message_size(MAX_MESSAGE_BYTES);
    let mut role = Role::new("worker").service(previews);
    for (count, name, kinds) in slots {
        for _ in 0..count {
            role = role.task(name, work(worker.clone(), deps.shutdown.clone(), kinds));
        }
    }
    role
}

fn sweep(scratch: &Path) -> std::io::Result<()> {
    match std::fs::remove_dir_all(scratch) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    std::fs::create_dir_all(scratch)
}

async fn work(worker: Arc<Worker>, shutdown: Shutdown, kinds: &'static [JobKind]) {
    let request = LeaseRequest {
        worker: worker.id.clone(),
        lease: worker.config.lease,
        wait: LEASE_WAIT,
        batch_max_rows: worker.config.batch_max_rows,
        batch_max_age: worker.config.batch_max_age,
        kinds: kinds.to_vec(),
    };
    while !shutdown.has_begun() {
        match worker.queue.lease(request.clone()).await {
            Ok(Some(leased)) if shutdown.has_begun() => {
                tell_queue(&worker, &leased, &End::Release(Duration::ZERO)).await
            }
            Ok(Some(leased)) => {
                let span = traced::of_work(&leased);
                hold(&worker, leased, &shutdown).instrument(span).await;
            }
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(%error, "no work could be leased");
                shutdown.sleep(QUEUE_PAUSE).await;
            }
        }
    }
}

// Does the work while the lease is kept, and ends it.
async fn hold(worker: &Arc<Worker>, leased: Leased, shutdown: &Shutdown) {
    let leased = Arc::new(leased);
    let (progress, steps) = (Progress::default(), Steps::new(worker.clone()));
    let running = worker.metrics.began(kind_name(leased.kind), leased.expired > 0);
    let end = tokio::select! {
        lost = lifeline::keep(worker.queue.as_ref(), &leased.lease, &steps) => given_up(worker, &leased, lost),
        () = progress::report(worker, &progress, &steps) => End::Leave,
        () = drained(shutdown, worker.config.drain) => End::Release(Duration::ZERO),
        end = run::run(worker, &leased, &progress, &steps) => end,
    };
    drop(running);
    worker.metrics.ended(kind_name(leased.kind), end.outcome());
    traced::ended(&Span::current(), &end);
    tell_queue(worker, &leased, &end).await;
    steps.pass("after_complete").await;
}

fn given_up(worker: &Worker, leased: &Leased, lost: Lost) -> End {
    if lost == Lost::Lease {
        worker.metrics.lease_lost();
    }
    tracing::warn!(run = leased.lease.id, source = leased.source, ?lost, "the work is given up");
    End::Leave
}

async fn drained(shutdown: &Shutdown, limit: Duration) {
    shutdown.begun().await;
    tokio::time::sleep(limit).await;
}
