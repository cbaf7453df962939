#![doc = include_str!("../README.md")]

pub mod config;
pub mod demo;
pub mod folder;
pub mod node;
mod wiring;

pub use config::Config;
pub use node::{Node, StartError};
