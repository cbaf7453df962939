//! `rfe migrate`: the tables of Postgres, as this version wants them.

use std::process::ExitCode;

use rfe_node::{Config, migrate::migrate};

use super::{INVALID_CONFIGURATION, fail};

/// Applies what is missing and names it.
pub(super) async fn run(config: &Config) -> ExitCode {
    match migrate(config).await {
        Ok(Some(applied)) => {
            if applied.is_empty() {
                eprintln!("rfe: the tables are up to date");
            }
            for name in applied {
                println!("{name}");
            }
            ExitCode::SUCCESS
        }
        Ok(None) => fail(
            "RFE_POSTGRES_URL is not set; an embedded registry is brought up to date by `rfe up`",
            INVALID_CONFIGURATION,
        ),
        Err(error) => fail(&error.to_string(), 1),
    }
}
