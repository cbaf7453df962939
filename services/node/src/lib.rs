#![doc = include_str!("../README.md")]

pub mod check;
pub mod config;
pub mod demo;
pub mod folder;
pub mod migrate;
pub mod node;
mod stores;
mod wiring;

pub use config::Config;
pub use node::{Node, StartError};
