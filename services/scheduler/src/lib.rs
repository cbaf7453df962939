#![doc = include_str!("../README.md")]

mod book;
mod check;
mod clock;
mod config;
mod declared;
mod firing;
mod grpc;
mod misfire;
mod role;
mod schedules;
mod sources;
mod timing;

#[cfg(test)]
mod tests;

pub use config::Config;
pub use role::{Deps, build};
