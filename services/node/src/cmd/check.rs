//! `rfe check`: would `rfe up` start, or `rfe serve`?

use std::process::ExitCode;

use rfe_node::{Config, RoleName, check};

/// Prints a line for each part: what is well on stdout, what is wrong on stderr.
pub(super) async fn run(config: &Config, roles: Option<&[RoleName]>) -> ExitCode {
    println!("configuration: ok");
    let mut code = ExitCode::SUCCESS;
    for check::Finding { part, found } in check::check(config, roles).await {
        match found {
            Ok(place) => println!("{part}: ok, {place}"),
            Err(error) => {
                eprintln!("rfe: {part}: {error}");
                code = ExitCode::FAILURE;
            }
        }
    }
    code
}
