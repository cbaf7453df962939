#![doc = include_str!("../README.md")]

mod client;
mod datasets;
mod endpoints;
mod error;
mod event_sender;
mod events;
mod jobs;
mod letters;
mod listing;
mod previews;
mod query;
mod runs;
mod schedules;
mod sources;
mod stub;
mod tls;

pub use client::{Client, ClientBuilder};
pub use endpoints::{DEFAULT_URL, Endpoints, check_url};
pub use error::{Error, Result};
pub use event_sender::{EventSender, Rejected, SendError, Summary};
pub use jobs::{JobWatch, Submitted, has_ended};
pub use letters::Replayed;
pub use listing::Listing;
pub use query::Rows;
pub use rfe_model::{ErrorCode, Fault, Violation};
pub use rfe_proto::{dlq, ingest, metadata, scheduler};
pub use sources::ApplyOptions;
pub use tls::Tls;
