//! What a host name means now.

use std::{fmt, io, net::SocketAddr};

/// Turns a host name into addresses. A channel asks again every few seconds, so replicas come and go.
#[async_trait::async_trait]
pub trait Resolve: fmt::Debug + Send + Sync {
    /// All addresses of a host at a port.
    ///
    /// # Errors
    /// If the name can't be resolved now; the channel then keeps the addresses that it has.
    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>>;
}

/// The resolver of the system: DNS, and what else it is told to ask.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemNames;

#[async_trait::async_trait]
impl Resolve for SystemNames {
    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        Ok(tokio::net::lookup_host((host, port)).await?.collect())
    }
}
