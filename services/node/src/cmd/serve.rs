//! `rfe serve`: start some roles, serve, drain.

use std::{collections::BTreeSet, process::ExitCode};

use rfe_mesh::telemetry::Telemetry;
use rfe_node::{Config, RoleName, Serving, node::Surroundings};

use super::{
    fail,
    signals::{INTERRUPTED, Signals},
    up::code_of,
};

/// Runs until a signal drains it. A second signal ends it at once.
pub(super) async fn run(config: Config, telemetry: Telemetry, roles: &[RoleName]) -> ExitCode {
    let distinct: BTreeSet<RoleName> = roles.iter().copied().collect();
    let roles: Vec<RoleName> = distinct.into_iter().collect();
    let code = serve(&config, &telemetry, &roles).await;
    telemetry.stop().await;
    code
}

async fn serve(config: &Config, telemetry: &Telemetry, roles: &[RoleName]) -> ExitCode {
    let mut signals = match Signals::listen() {
        Ok(signals) => signals,
        Err(error) => return fail(&format!("could not listen to signals: {error}"), 1),
    };
    let started = tokio::select! {
        started = Serving::start(config, roles, Surroundings::default()) => started,
        // It has taken no work yet.
        () = signals.next() => return ExitCode::SUCCESS,
    };
    let serving = match started {
        Ok(serving) => serving,
        Err(error) => return fail(&error.to_string(), code_of(&error)),
    };
    telemetry.register(serving.metrics());
    for (role, address) in serving.addresses() {
        eprintln!("rfe: {role} on {address}");
    }
    signals.next().await;
    eprintln!("rfe: draining");
    let drained = tokio::select! {
        drained = serving.drain() => drained,
        () = signals.next() => return ExitCode::from(INTERRUPTED),
    };
    if !drained {
        let seconds = config.drain_seconds;
        eprintln!("rfe: not everything finished within {seconds} s; another process does it again");
    }
    ExitCode::SUCCESS
}
