//! The mesh of all roles, each its own process, on Redis, Postgres and MinIO: what it holds while idle, and events from accepted to visible.

use std::{sync::Arc, time::Duration};

use rfe_tests::{Platform, role::Role};

use crate::{
    events,
    ground::mesh,
    memory,
    report::{Bar, figure},
};

const IDLE: Duration = Duration::from_secs(10);

pub async fn run() {
    let mut platform = Platform::prepare_on(mesh().await, crate::settings());
    platform.restart().await;
    tokio::time::sleep(IDLE).await;
    let held: f64 = Role::ALL.into_iter().map(|role| memory::proportional(platform.pid(role))).sum();
    figure("memory of all roles together, idle (PSS)", held, "MB", Bar::AtMost(400.0));
    platform.apply("version: 1\nsources:\n- {name: bulk, kind: webhook}\n").await;
    events::throughput(&Arc::new(platform), "events onto Redis, Postgres and MinIO, visible", 10_000.0).await;
}
