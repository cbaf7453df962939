#![doc = include_str!("../README.md")]

mod cancel;
mod config;
mod control;
mod event;
mod grpc;
mod job;
mod jobs;
mod listing;
mod preview;
mod reconcile;
mod registry;
mod role;
mod sources;
mod stream_events;
mod submit_events;
mod submit_job;
mod watch_job;

pub use config::Config;
pub use role::{Deps, build};
