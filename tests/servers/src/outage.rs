//! Outages that a proxy can make.

use tokio::{net::TcpStream, sync::watch};

/// How a server is away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outage {
    /// Connections break, and new ones are reset at once: the process is gone.
    Refused,
    /// Connections stand, and nothing is answered: the network swallows all.
    Hung,
}

/// The outage of one proxy, as its connections see it.
#[derive(Debug)]
pub(crate) struct Line(watch::Sender<Option<Outage>>);

// === impl Line ===

impl Line {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(None))
    }

    pub(crate) fn set(&self, outage: Option<Outage>) {
        self.0.send_replace(outage);
    }

    pub(crate) fn is_refused(&self) -> bool {
        *self.0.borrow() == Some(Outage::Refused)
    }

    /// Resolves when connections must break.
    pub(crate) async fn broken(&self) {
        let mut outage = self.0.subscribe();
        // The proxy keeps the other side as long as its connections.
        let _open = outage.wait_for(|outage| *outage == Some(Outage::Refused)).await;
    }

    /// Waits while nothing is answered; true if it had to.
    pub(crate) async fn wait(&self) -> bool {
        let mut outage = self.0.subscribe();
        if *outage.borrow() != Some(Outage::Hung) {
            return false;
        }
        let _open = outage.wait_for(|outage| *outage != Some(Outage::Hung)).await;
        true
    }
}

/// Ends a connection as a dead peer's kernel does.
pub(crate) fn reset(stream: &TcpStream) {
    // Without it the connection is closed instead, which is a fault as well.
    let _best_effort = stream.set_zero_linger();
}
