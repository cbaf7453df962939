#![doc = include_str!("../README.md")]

mod bulk;
mod config;
mod grpc;
mod letters;
mod redact;
mod replay;
mod role;

pub use config::Config;
pub use role::{Deps, build};
