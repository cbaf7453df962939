//! Names become addresses only through the guard: what is connected to is what was checked, so that a name which changes its
//! address between the check and the connection gains nothing.

use std::{io, net::SocketAddr, sync::Arc};

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
pub(super) struct Resolver {
    guard: Arc<Guard>,
    names: Arc<dyn Names>,
}

impl Resolver {
    pub(super) fn new(guard: Arc<Guard>, names: Arc<dyn Names>) -> Self {
        Self { guard, names }
    }
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let Self { guard, names } = self.clone();
        Box::pin(async move {
            let host = name.as_str().to_owned();
            let found = names.lookup(&host).await?;
            let allowed: Vec<SocketAddr> =
                found.into_iter().filter(|at| guard.allows(&host, at.ip())).collect();
            if allowed.is_empty() {
                return Err(Blocked::Host(host).into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}
