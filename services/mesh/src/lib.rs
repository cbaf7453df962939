#![doc = include_str!("../README.md")]

pub mod call;
pub mod caller;
pub mod channel;
pub mod health;
pub mod layer;
pub mod metrics;
pub mod pages;
pub mod retry;
pub mod role;
pub mod scope;
pub mod secret;
pub mod server;
pub mod shutdown;
pub mod status;
pub mod telemetry;
pub mod tls;
pub mod tokens;
mod wire;

pub use caller::Caller;
pub use channel::MeshChannel;
pub use metrics::Metrics;
pub use role::Role;
pub use scope::Scope;
pub use shutdown::Shutdown;
pub use status::{fault_from_status, status_from_fault};

/// The largest gRPC message that any role takes: a webhook of 25 MiB and its envelope.
pub const MAX_MESSAGE_BYTES: usize = 32 << 20;
