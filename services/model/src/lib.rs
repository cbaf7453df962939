#![doc = include_str!("../README.md")]

pub mod backoff;
pub mod cron;
pub mod duration;
pub mod fault;
pub mod id;
pub mod key;
pub mod kind;
pub mod letter;
pub mod name;
pub mod redact;
pub mod schema;
pub mod secret;
pub mod source;
pub mod sql_type;
pub mod structure;
pub mod time;
pub mod verify;

pub use fault::{ErrorCode, Fault, Violation};
pub use source::SourceSpec;
pub use sql_type::SqlType;
