//! Names become addresses only through the guard: what is connected to is what was checked, so that a name which changes its
//! address between the check and the connection gains nothing.

use std::{
    error::Error,
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use async_trait::async_trait;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::guard::{Blocked, Guard};

/// Where names have their addresses from.
#[async_trait]
pub(super) trait Names: Send + Sync + std::fmt::Debug {
    /// All addresses of a host; the port is of no account.
    async fn lookup(&self, host: &str) -> io::Result<Vec<SocketAddr>>;
}

/// The names that the operating system knows.
#[derive(Debug)]
pub(super) struct SystemNames;

#[async_trait]
impl Names for SystemNames {
    async fn lookup(&self, host: &str) -> io::Result<Vec<SocketAddr>> {
        Ok(tokio::net::lookup_host((host, 0)).await?.collect())
    }
}

/// Resolves names to those of their addresses that may be reached.
#[derive(Debug, Clone)]
pub(crate) struct Resolver {
    guard: Arc<Guard>,
    names: Arc<dyn Names>,
}

impl Resolver {
    pub(super) fn new(guard: Arc<Guard>, names: Arc<dyn Names>) -> Self {
        Self { guard, names }
    }

    /// The addresses of a host that may be reached.
    ///
    /// # Errors
    /// [`Blocked`] if it has others only, or that of the lookup.
    async fn lookup(&self, host: &str) -> Result<Vec<SocketAddr>, Box<dyn Error + Send + Sync>> {
        let found = self.names.lookup(host).await?;
        let allowed: Vec<SocketAddr> =
            found.into_iter().filter(|at| self.guard.allows(host, at.ip())).collect();
        if allowed.is_empty() {
            return Err(Blocked::Host(host.to_owned()).into());
        }
        Ok(allowed)
    }
}

#[async_trait]
impl rfe_lake::Resolve for Resolver {
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        // An address in a URL has brackets if it is of version 6; its lookup gives itself.
        let host = host.trim_start_matches('[').trim_end_matches(']');
        match self.lookup(host).await {
            Ok(allowed) => Ok(allowed.into_iter().map(|at| at.ip()).collect()),
            Err(error) => Err(match error.downcast::<Blocked>() {
                Ok(blocked) => io::Error::new(io::ErrorKind::PermissionDenied, blocked),
                Err(error) => io::Error::other(error),
            }),
        }
    }
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let resolver = self.clone();
        Box::pin(async move {
            let allowed = resolver.lookup(name.as_str()).await?;
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}
