//! Logs. Called by the binary only; a library never installs a subscriber.

use std::io::IsTerminal as _;

use tracing_subscriber::{EnvFilter, fmt, util::SubscriberInitExt as _};

/// Sends logs to stderr by a filter such as `info` or `rfe_worker=debug`.
///
/// # Errors
/// With the reason if the filter does not parse, or if logs are set up already.
pub fn init(filter: &str) -> Result<(), String> {
    let filter =
        EnvFilter::try_new(filter).map_err(|error| format!("`{filter}` is no log filter: {error}"))?;
    fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .finish()
        .try_init()
        .map_err(|error| error.to_string())
}
