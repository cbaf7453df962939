#![doc = include_str!("../README.md")]

mod attempt;
mod batch;
mod commit;
mod config;
mod count;
mod crash;
mod encode;
mod end;
mod failure;
mod land;
mod landing;
mod letters;
mod lifeline;
mod metrics;
mod observed;
mod part;
mod parts;
mod poison;
mod processed;
mod progress;
mod pull;
mod raw;
mod replay;
mod role;
mod run;
mod schema;
mod spool;
mod stage;
mod stats;
mod worker;

pub use config::Config;
pub use crash::{CrashPoint, STEPS};
pub use role::{Deps, build};
