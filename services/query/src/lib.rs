#![doc = include_str!("../README.md")]

mod access;
mod cache;
mod catalog;
pub mod config;
mod duck;
mod engine;
mod error;
mod files;
mod flight;
mod gate;
mod information;
mod merge;
mod parameters;
mod prepared;
mod pruning;
mod reach;
mod recent;
mod relation;
mod rewrite;
pub mod role;
mod running;
mod statements;
mod stop;
mod stream;
mod ticket;
mod views;

pub use config::Config;
pub use role::{Deps, build};

/// The descriptors of Flight's service, for reflection.
pub const FLIGHT_DESCRIPTOR_SET: &[u8] = include_bytes!("../proto/flight.bin");
