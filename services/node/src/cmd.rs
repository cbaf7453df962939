//! The command line: `up`, `check` and `migrate` here, the client verbs from `clients/cli`.

mod check;
mod demo;
mod migrate;
mod ready;
mod serve;
mod signals;
mod token;
mod up;

use std::{
    path::PathBuf,
    process::{ExitCode, Termination as _},
};

use clap::{Parser, Subcommand};
use rfe_mesh::telemetry::{Telemetry, TelemetryConfig};
use rfe_node::{
    RoleName,
    config::{self, Flags, Loaded},
};

/// Invalid configuration, as sysexits.h numbers it.
const INVALID_CONFIGURATION: u8 = 78;

/// Read From Everywhere: reads files, APIs, streams and webhooks, lands Parquet, answers SQL.
#[derive(Debug, Parser)]
#[command(name = "rfe", version, arg_required_else_help = true)]
struct Rfe {
    #[command(flatten)]
    global: rfe_cli::Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Starts every role in this process, on embedded storage or on the backends that are configured.
    Up {
        /// Reads the demo sources, runs a first query and says what to try.
        #[arg(long)]
        demo: bool,
        /// Where registry, queue and lake are kept.
        #[arg(long, value_name = "DIR")]
        data: Option<PathBuf>,
    },
    /// Starts some roles in this process, each on a port of its own, over Postgres, Redis and S3.
    Serve {
        /// By comma: edge, ingest, worker, scheduler, metadata, dlq, query.
        #[arg(long, value_delimiter = ',', required = true, value_name = "ROLES")]
        roles: Vec<RoleName>,
        /// What this process keeps on disk; no other one may use it.
        #[arg(long, value_name = "DIR")]
        data: Option<PathBuf>,
    },
    /// Validates the configuration and each backend, says what is wrong, and exits.
    Check {
        /// As `rfe serve` would start them: by comma; without it, as `rfe up` starts all of them.
        #[arg(long, value_delimiter = ',', value_name = "ROLES")]
        roles: Option<Vec<RoleName>>,
        /// Where registry, queue and lake are kept.
        #[arg(long, value_name = "DIR")]
        data: Option<PathBuf>,
    },
    /// Brings the tables of Postgres (RFE_POSTGRES_URL) up to date, says what it did, and exits.
    Migrate,
    /// Says whether the process at an address is ready
    #[command(hide = true)]
    Ready {
        /// Such as http://127.0.0.1:50051.
        url: String,
    },
    /// What `docker compose up` reads first
    #[command(subcommand, hide = true)]
    Demo(demo::Demo),
    /// Makes, lists and revokes the tokens that servers accept
    #[command(subcommand)]
    Token(token::Token),
    #[command(flatten)]
    Client(Box<rfe_cli::Command>),
}

/// Runs the command that the arguments name.
pub(crate) fn main() -> ExitCode {
    let rfe = Rfe::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format!("could not start: {error}"), 1),
    };
    let code = runtime.block_on(run(rfe));
    // A reader that blocks in a system call must not hold up the exit.
    runtime.shutdown_background();
    code
}

async fn run(rfe: Rfe) -> ExitCode {
    match rfe.command {
        Command::Up { demo, data } => match prepare(data, "") {
            Ok((config, telemetry)) => up::run(config, telemetry, demo).await,
            Err(code) => code,
        },
        Command::Serve { roles, data } => match prepare(data, &named(&roles)) {
            Ok((config, telemetry)) => serve::run(config, telemetry, &roles).await,
            Err(code) => code,
        },
        Command::Check { roles, data } => match prepare(data, "") {
            Ok((config, _)) => check::run(&config, roles.as_deref()).await,
            Err(code) => code,
        },
        Command::Migrate => match prepare(None, "") {
            Ok((config, _)) => migrate::run(&config).await,
            Err(code) => code,
        },
        Command::Demo(part) => demo::run(part, rfe.global.url.as_deref()).await,
        Command::Ready { url } => ready::run(&url).await,
        Command::Token(command) => token::run(command, rfe.global.json),
        Command::Client(command) => rfe_cli::run(*command, rfe.global).await,
    }
}

fn prepare(data_dir: Option<PathBuf>, role: &str) -> Result<(config::Config, Telemetry), ExitCode> {
    let variables = std::env::vars_os().filter_map(|(name, value)| {
        // What is no Unicode can't be one of ours.
        Some((name.into_string().ok()?, value.into_string().ok()?))
    });
    let Loaded { config, warnings } = config::load(variables, &Flags { data_dir })
        .map_err(|error| fail(&error.to_string(), INVALID_CONFIGURATION))?;
    let telemetry = Telemetry::start(TelemetryConfig {
        filter: config.log.clone(),
        format: config.log_format,
        otlp: config.otlp_endpoint.clone(),
        role: role.to_owned(),
    })
    .map_err(|error| fail(&error, INVALID_CONFIGURATION))?;
    for warning in warnings {
        eprintln!("rfe: warning: {warning}");
    }
    Ok((config, telemetry))
}

fn named(roles: &[RoleName]) -> String {
    roles.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(",")
}

fn fail(message: &str, code: u8) -> ExitCode {
    eprintln!("rfe: {message}");
    ExitCode::from(code).report()
}
