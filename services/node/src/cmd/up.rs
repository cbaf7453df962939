//! `rfe up`: start, serve, drain.

use std::{process::ExitCode, time::Duration};

use clap::Parser as _;
use rfe_mesh::telemetry::Telemetry;
use rfe_node::{
    Config, Node, StartError,
    demo::{self, Demo},
    node::Surroundings,
};

use super::{
    Command, INVALID_CONFIGURATION, Rfe, fail,
    signals::{INTERRUPTED, Signals},
};

/// What a verb answers where rows became dead letters, or the awaited run failed.
pub(super) const DEAD_LETTERS: u8 = 3;
const SUCCESS: ExitCode = ExitCode::SUCCESS;

/// Runs until a signal drains it. A second signal ends it at once.
pub(super) async fn run(config: Config, telemetry: Telemetry, demo: bool) -> ExitCode {
    let code = up(config, &telemetry, demo).await;
    telemetry.stop().await;
    code
}

async fn up(config: Config, telemetry: &Telemetry, demo: bool) -> ExitCode {
    let mut signals = match Signals::listen() {
        Ok(signals) => signals,
        Err(error) => return fail(&format!("could not listen to signals: {error}"), 1),
    };
    let prepared = match prepare(&config, demo).await {
        Ok(prepared) => prepared,
        Err(message) => return fail(&message, 1),
    };
    let node = match Node::start(&config, surroundings(&config, prepared.as_ref())).await {
        Ok(node) => node,
        Err(error) => return fail(&error.to_string(), code_of(&error)),
    };
    telemetry.register(node.metrics());
    eprintln!("rfe: ready: http {}, grpc {}, data {}", node.http(), node.grpc(), config.data_dir.display());
    let failed = serve(&node, &config, demo, &mut signals).await;
    let drained = tokio::select! {
        drained = node.drain() => drained,
        () = signals.next() => return ExitCode::from(INTERRUPTED),
    };
    if !drained {
        eprintln!(
            "rfe: not everything finished within {} s; it is done again at the next start",
            config.drain_seconds
        );
    }
    if let Some(demo) = prepared {
        demo.stop().await;
    }
    failed
}

pub(super) fn code_of(error: &StartError) -> u8 {
    if matches!(error, StartError::Setting(_)) { INVALID_CONFIGURATION } else { 1 }
}

// Serves until a signal. A demo that fails is told, and the node goes on: its data and its services are worth having.
async fn serve(node: &Node, config: &Config, demo: bool, signals: &mut Signals) -> ExitCode {
    if demo {
        tokio::select! {
            shown = show(node, config) => if let Err(message) = shown {
                eprintln!("rfe: the demo failed: {message}");
            },
            () = signals.next() => {
                eprintln!("rfe: draining");
                return ExitCode::SUCCESS;
            }
        }
    }
    eprintln!("rfe: serving; Ctrl-C drains");
    signals.next().await;
    eprintln!("rfe: draining");
    ExitCode::SUCCESS
}

async fn prepare(config: &Config, demo: bool) -> Result<Option<Demo>, String> {
    if !demo {
        return Ok(None);
    }
    let folder = demo_folder(config);
    eprintln!("rfe: demo files in {}", folder.display());
    let prepared = Demo::prepare(&folder).await;
    prepared.map(Some).map_err(|error| format!("the demo files in {}: {error}", folder.display()))
}

fn surroundings(config: &Config, demo: Option<&Demo>) -> Surroundings {
    match demo {
        Some(demo) => Surroundings { secrets: demo.secrets(), roots: vec![demo_folder(config)] },
        None => Surroundings::default(),
    }
}

fn demo_folder(config: &Config) -> std::path::PathBuf {
    config.data_dir.join("demo")
}

// The demo is what a user would type, and comes in through the same door: the client verbs, over gRPC.
async fn show(node: &Node, config: &Config) -> Result<(), String> {
    let interval = Duration::from_secs_f64(config.demo.schedule_interval_seconds);
    let folder = demo_folder(config).canonicalize().map_err(|error| error.to_string())?;
    let file = folder.join("sources.yaml");
    std::fs::write(&file, demo::sources_yaml(&folder, interval)).map_err(|error| error.to_string())?;
    let url = format!("{}://{}", config.door.scheme(), node.grpc());
    verb(Some(&url), &["apply", "-f", &file.to_string_lossy()], &[SUCCESS]).await?;
    for source in demo::PULLED {
        eprintln!("rfe: reading {source}");
        // One demo source has bad records on purpose: the others of it land, and there are letters to look at.
        verb(Some(&url), &["ingest", source, "--wait"], &[SUCCESS, ExitCode::from(DEAD_LETTERS)]).await?;
    }
    eprintln!(
        "rfe: some events of synthetic_stream are broken on purpose, so that there are dead letters to look at"
    );
    println!("\nThe first query, over three of them:\n\n{}\n", demo::QUERY);
    verb(Some(&url), &["query", demo::QUERY], &[SUCCESS]).await?;
    println!("{}", demo::things_to_try(node.http(), node.grpc()));
    Ok(())
}

/// Runs a client verb in this process; any of these codes is fine.
pub(super) async fn verb(url: Option<&str>, words: &[&str], fine: &[ExitCode]) -> Result<(), String> {
    let url = url.into_iter().flat_map(|url| ["--url", url]);
    let line = ["rfe"].into_iter().chain(url).chain(words.iter().copied());
    let Rfe { global, command } = Rfe::try_parse_from(line).map_err(|error| error.to_string())?;
    let Command::Client(command) = command else { return Err(format!("`{}` is no client verb", words[0])) };
    let code = rfe_cli::run(*command, global).await;
    if fine.contains(&code) {
        return Ok(());
    }
    Err(format!("`rfe {}` failed", words[..2.min(words.len())].join(" ")))
}
