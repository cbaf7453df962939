//! Small commits by several workers at once, as the metadata role does them: claim, columns, commit, over gRPC.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use rfe_proto::metadata::{
    ClaimRunRequest, ColumnStats, CommitRunRequest, DataFile, Layer, ObservedColumn, RegisterSchemaRequest,
    RunCounters, RunKind, run_service_client::RunServiceClient,
};
use rfe_test_servers::pgbench;
use rfe_tests::{Ground, Platform, Role};
use tonic::transport::Channel;

use crate::{
    ground::real,
    report::{Bar, beside, figure, quantile},
    scale::Scale,
};

const COMMITS: usize = 2_000;
const ROWS: i64 = 50;
const WORKERS: usize = 8;
const BARE_SECONDS: u32 = 5;
const COLUMNS: [(&str, &str); 3] = [("number", "BIGINT"), ("name", "VARCHAR"), ("amount", "DOUBLE")];

pub async fn run(scale: &Scale) {
    let (mut on_servers, mut embedded, mut bare) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..scale.times {
        embedded.push(rate(Ground::Embedded).await);
        let ground = real().await;
        on_servers.push(rate(ground.clone()).await);
        let Ground::Real(servers) = &ground else { unreachable!("the ground is real") };
        bare.push(pgbench::inserts_a_second(servers.database(), WORKERS as u32, BARE_SECONDS).await);
    }
    let [on_servers, embedded, bare] = [on_servers, embedded, bare].map(median);
    let name = format!("{COMMITS} commits of {ROWS} rows by {WORKERS} workers, Postgres");
    figure(&name, on_servers, "/s", Bar::AtLeast(200.0));
    beside("  beside the embedded registry", on_servers, "/s", ("embedded", embedded));
    beside("  beside bare transactions of one INSERT", on_servers, "/s", ("pgbench, 8 clients", bare));
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    quantile(&rates, 0.5)
}

/// Commits a second. The files that they name do not exist, so nothing may want to read them.
async fn rate(ground: Ground) -> f64 {
    let settings = crate::settings().with("RFE_COMPACT_SECONDS", "86400");
    let mut platform = Platform::prepare_on(ground, settings);
    platform.restart().await;
    platform.apply("version: 1\nsources:\n- {name: rows, kind: webhook}\n").await;
    let next = Arc::new(AtomicUsize::new(0));
    let begun = Instant::now();
    let workers: Vec<_> =
        (0..WORKERS).map(|_| tokio::spawn(work(platform.channel(Role::Metadata), next.clone()))).collect();
    for worker in workers {
        worker.await.expect("a worker does not fail");
    }
    let rate = COMMITS as f64 / begun.elapsed().as_secs_f64();
    let landed =
        "SELECT count(*), sum(rows_landed)::BIGINT FROM meta.ingestion_runs WHERE state = 'succeeded'";
    let all = format!("{COMMITS}|{}", COMMITS as i64 * ROWS);
    assert_eq!(platform.value(landed).await, all);
    rate
}

async fn work(channel: Channel, next: Arc<AtomicUsize>) {
    let mut runs = RunServiceClient::new(channel);
    let worker = uuid::Uuid::now_v7().to_string();
    while next.fetch_add(1, Ordering::AcqRel) < COMMITS {
        let run_id = uuid::Uuid::now_v7().to_string();
        let claim = ClaimRunRequest {
            run_id: run_id.clone(),
            source: "rows".to_owned(),
            kind: RunKind::Events.into(),
            worker: worker.clone(),
        };
        let run = runs.claim_run(claim).await.expect("the run is claimed").into_inner().run;
        let epoch = run.expect("a claim answers with the run").epoch;
        let columns = COLUMNS.map(|(name, kind)| ObservedColumn {
            name: name.to_owned(),
            r#type: kind.to_owned(),
            exceeds_double: false,
        });
        let columns = RegisterSchemaRequest { run_id: run_id.clone(), epoch, columns: columns.to_vec() };
        let schema =
            runs.register_schema(columns).await.expect("the columns are settled").into_inner().schema;
        let version = schema.expect("a version is the answer").version;
        let commit = commit(run_id, epoch, version);
        let run = runs.commit_run(commit).await.expect("the run is committed").into_inner().run;
        assert!(run.is_some(), "no event landed before");
    }
}

fn commit(run_id: String, epoch: u64, version: u32) -> CommitRunRequest {
    let file = |layer: Layer| DataFile {
        key: format!("rows/dt=2026-01-01/{run_id}/{epoch}-00000-0123456789abcdef.parquet"),
        layer: layer.into(),
        dataset: "rows".to_owned(),
        run_id: run_id.clone(),
        epoch,
        rows: ROWS,
        bytes: 4_096,
        sha256: "0123456789abcdef".repeat(4),
        schema_version: version,
        stats: stats(),
        ..Default::default()
    };
    CommitRunRequest {
        files: vec![file(Layer::Raw), file(Layer::Processed)],
        event_ids: (0..ROWS).map(|row| format!("{run_id}-{row}")).collect(),
        counters: Some(RunCounters { read: ROWS, landed: ROWS, ..Default::default() }),
        schema_version: version,
        run_id,
        epoch,
        ..Default::default()
    }
}

fn stats() -> Vec<ColumnStats> {
    let of = |(at, (_, kind)): (usize, &(&str, &str))| ColumnStats {
        column_id: at as u32 + 1,
        min: "1".to_owned(),
        max: "50".to_owned(),
        has_bounds: true,
        nulls: 0,
        r#type: (*kind).to_owned(),
    };
    COLUMNS.iter().enumerate().map(of).collect()
}
