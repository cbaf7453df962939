//! `rfe check`: would `rfe up` start?

use std::process::ExitCode;

use rfe_node::{Config, Node, node::Surroundings};

use super::fail;

/// Starts a node as configured, and drains it at once.
pub(super) async fn run(config: &Config) -> ExitCode {
    match Node::start(config, Surroundings::default()).await {
        Ok(node) => {
            println!("configuration: ok");
            println!("http: {}, grpc: {}", node.http(), node.grpc());
            println!("data: {}", config.data_dir.display());
            node.drain().await;
            ExitCode::SUCCESS
        }
        Err(error) => fail(&error.to_string(), 1),
    }
}
