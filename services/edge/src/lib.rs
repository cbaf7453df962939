#![doc = include_str!("../README.md")]

mod body;
mod config;
mod event_id;
mod groups;
mod kept_headers;
mod lane;
mod media_type;
mod observed;
mod openapi;
mod outcomes;
mod pointer;
mod problem;
mod replay;
mod role;
mod rules;
mod signature;
mod sources;
mod webhook;

pub use config::{Config, UnknownSources};
pub use role::{Deps, service};
