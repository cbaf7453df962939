//! `rfe demo`: the demo for a mesh. One process serves what the sources read, another declares and reads them.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use clap::Subcommand;
use rfe_mesh::{Shutdown, server};
use rfe_node::demo;
use tokio::net::TcpListener;

use super::{
    fail,
    signals::Signals,
    up::{DEAD_LETTERS, verb},
};

const SOURCES: &str = "sources.yaml";
const DRAIN: Duration = Duration::from_secs(2);

/// The demo's two parts.
#[derive(Debug, Subcommand)]
pub(super) enum Demo {
    /// Writes the demo's files and serves its mock API.
    Serve {
        /// Where the files are written: the folder as the workers see it.
        #[arg(long, value_name = "DIR")]
        folder: PathBuf,
        /// Where the mock API listens.
        #[arg(long, value_name = "ADDR")]
        listen: SocketAddr,
        /// How often the sources are read.
        #[arg(long, value_name = "SECONDS", default_value_t = 60)]
        interval: u64,
    },
    /// Declares the demo's sources and reads each of them.
    Apply {
        /// Where the files are.
        #[arg(long, value_name = "DIR")]
        folder: PathBuf,
    },
}

/// Runs a part.
pub(super) async fn run(demo: Demo, url: Option<&str>) -> ExitCode {
    let done = match demo {
        Demo::Serve { folder, listen, interval } => {
            serve(&folder, listen, Duration::from_secs(interval)).await
        }
        Demo::Apply { folder } => apply(&folder, url).await,
    };
    done.map_or_else(|message| fail(&message, 1), |()| ExitCode::SUCCESS)
}

async fn serve(folder: &Path, listen: SocketAddr, interval: Duration) -> Result<(), String> {
    let mut signals = Signals::listen().map_err(|error| format!("could not listen to signals: {error}"))?;
    let listener = TcpListener::bind(listen).await.map_err(|error| format!("{listen}: {error}"))?;
    demo::write(folder, &demo::sources_yaml(folder, interval), SOURCES)
        .await
        .map_err(|error| format!("the demo files in {}: {error}", folder.display()))?;
    let shutdown = Shutdown::new();
    server::spawn(listener, rfe_demo::mock_api::router(), None, &shutdown);
    eprintln!("rfe: mock API on {listen}, demo files in {}", folder.display());
    signals.next().await;
    shutdown.begin();
    shutdown.drained(DRAIN).await;
    Ok(())
}

async fn apply(folder: &Path, url: Option<&str>) -> Result<(), String> {
    let file = folder.join(SOURCES);
    verb(url, &["apply", "-f", &file.to_string_lossy()], &[ExitCode::SUCCESS]).await?;
    for source in demo::PULLED {
        // One demo source has bad records on purpose.
        let fine = [ExitCode::SUCCESS, ExitCode::from(DEAD_LETTERS)];
        verb(url, &["ingest", source, "--wait"], &fine).await?;
    }
    Ok(())
}
