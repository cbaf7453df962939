#![doc = include_str!("../README.md")]

pub mod check;
pub mod config;
pub mod demo;
pub mod folder;
pub mod migrate;
pub mod node;
mod roles;
pub mod serve;
mod stores;
mod waiting;
mod wiring;

pub use config::Config;
pub use node::{Node, StartError};
pub use roles::{RoleName, UnknownRole};
pub use serve::Serving;
