#![doc = include_str!("../README.md")]

mod config;
mod declare;
mod files;
mod grpc;
mod ledger;
mod page;
mod raw;
mod role;
mod scan;
mod upkeep;

pub use config::Config;
pub use role::{Deps, build};
