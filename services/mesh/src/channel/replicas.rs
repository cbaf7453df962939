//! The replicas of a role that are connected now, and the choice between them.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::watch;

use super::{connect::Sender, dialled::Dialled, target::Target};

/// A connected replica. Clones count as calls that run on it.
#[derive(Debug, Clone)]
pub(super) struct Replica {
    pub(super) id: u64,
    pub(super) target: Arc<Target>,
    pub(super) address: SocketAddr,
    pub(super) sender: Sender,
    load: Arc<()>,
}

impl Replica {
    fn calls(&self) -> usize {
        Arc::strong_count(&self.load)
    }
}

/// All connected replicas of one channel.
#[derive(Debug)]
pub(super) struct Replicas {
    pub(super) counters: Dialled,
    state: Mutex<State>,
    changed: watch::Sender<()>,
}

#[derive(Debug)]
struct State {
    connected: Vec<Replica>,
    next: u64,
    outage: Option<Outage>,
    told: bool,
}

/// A time without any connection.
#[derive(Debug, Clone)]
struct Outage {
    since: Instant,
    // Whether it was tried in vain to end it.
    tried: bool,
    reason: String,
}

impl Replicas {
    /// None yet; the time without any begins now.
    pub(super) fn new(counters: Dialled) -> Self {
        let outage = Some(Outage::new("not connected yet"));
        let state = State { connected: Vec::new(), next: 0, outage, told: false };
        Self { counters, state: Mutex::new(state), changed: watch::Sender::new(()) }
    }

    /// Nobody looked for any until now.
    pub(super) fn begin(&self) {
        self.lock().outage = Some(Outage::new("not connected yet"));
    }

    /// Picks one, and waits until `until` if there is none. Where there was none for longer than `patience` already, it does not
    /// wait: callers must not pile up for the length of an outage.
    pub(super) async fn pick(
        &self,
        avoid: &[u64],
        until: Instant,
        patience: Duration,
    ) -> Result<Replica, String> {
        let mut changed = self.changed.subscribe();
        loop {
            changed.mark_unchanged();
            if let Some(replica) = self.choose(avoid) {
                return Ok(replica);
            }
            let outage = self.outage();
            if outage.tried && outage.since.elapsed() > patience {
                return Err(outage.reason);
            }
            if tokio::time::timeout_at(until.into(), changed.changed()).await.is_err() {
                return Err(self.outage().reason);
            }
        }
    }

    // Of two at random the one with fewer calls: close to the best choice, and nobody runs to the same one.
    fn choose(&self, avoid: &[u64]) -> Option<Replica> {
        let mut state = self.lock();
        let before = state.connected.len();
        state.connected.retain(|replica| !replica.sender.is_closed());
        if state.connected.len() < before {
            state.note_none("the connection ended");
        }
        let fresh: Vec<&Replica> =
            state.connected.iter().filter(|replica| !avoid.contains(&replica.id)).collect();
        let among = if fresh.is_empty() { state.connected.iter().collect() } else { fresh };
        if among.is_empty() {
            return None;
        }
        let (one, other) = (among[fastrand::usize(..among.len())], among[fastrand::usize(..among.len())]);
        Some(if other.calls() < one.calls() { other.clone() } else { one.clone() })
    }

    /// Adds a connection; the id names it.
    pub(super) fn join(&self, target: &Arc<Target>, address: SocketAddr, sender: Sender) -> u64 {
        let mut state = self.lock();
        let id = state.next;
        state.next += 1;
        state.connected.push(Replica { id, target: target.clone(), address, sender, load: Arc::default() });
        state.outage = None;
        self.counters.connected.inc();
        if std::mem::take(&mut state.told) {
            tracing::info!(%target, %address, "connected again");
        }
        drop(state);
        self.changed.send_replace(());
        id
    }

    /// Removes a connection, so that no further call goes there. What runs on it goes on.
    pub(super) fn leave(&self, id: u64, reason: &str) {
        let mut state = self.lock();
        state.connected.retain(|replica| replica.id != id);
        state.note_none(reason);
    }

    /// Notes why there is no connection to somewhere.
    pub(super) fn failed(&self, reason: &str) {
        let mut state = self.lock();
        if !state.connected.is_empty() {
            return tracing::debug!(reason, "a replica can't be reached");
        }
        let since = state.outage.as_ref().map_or_else(Instant::now, |outage| outage.since);
        state.outage = Some(Outage { since, tried: true, reason: reason.to_owned() });
        if !std::mem::replace(&mut state.told, true) {
            tracing::warn!(reason, "no replica can be reached; trying on");
        }
        drop(state);
        self.changed.send_replace(());
    }

    /// True if there is no connection now.
    pub(super) fn is_empty(&self) -> bool {
        self.lock().connected.is_empty()
    }

    fn outage(&self) -> Outage {
        self.lock().outage.clone().unwrap_or_else(|| Outage::new("the connection ended"))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn note_none(&mut self, reason: &str) {
        if self.connected.is_empty() {
            self.outage.get_or_insert_with(|| Outage::new(reason));
        }
    }
}

impl Outage {
    fn new(reason: &str) -> Self {
        Self { since: Instant::now(), tried: false, reason: reason.to_owned() }
    }
}
