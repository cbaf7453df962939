#![doc = include_str!("../README.md")]

mod cancel;
mod config;
mod control;
mod event;
mod grpc;
mod job;
mod jobs;
mod listing;
mod loss;
mod lost_batches;
mod preview;
mod queue_metrics;
mod reconcile;
mod registry;
mod role;
mod sources;
mod spool;
mod stream_events;
mod submit_events;
mod submit_job;
mod watch_job;

pub use config::Config;
pub use role::{Deps, build};
pub use spool::{SpoolConfig, SpoolError};
