//! Keeps a channel connected: asks again what its names mean, and holds one connection to every address.

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    connect::{chain, connect},
    replicas::Replicas,
    resolve::Resolve,
    target::Target,
};
use crate::tls::ClientTls;

const RESOLVE_EVERY: Duration = Duration::from_secs(3);
// While nothing is connected: whoever restarts may come back under another address.
const RESOLVE_SOON: Duration = Duration::from_millis(500);
const RESOLVE_TIMEOUT: Duration = Duration::from_secs(5);
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
// A connection that did not live so long counts as one more that failed.
const LIVED: Duration = Duration::from_secs(1);

/// What a keeper needs to know.
#[derive(Debug, Clone)]
pub(super) struct Keeper {
    pub(super) targets: Vec<Arc<Target>>,
    pub(super) tls: Option<ClientTls>,
    pub(super) resolver: Arc<dyn Resolve>,
    pub(super) replicas: Arc<Replicas>,
}

impl Keeper {
    /// Works until it is told to stop. Connections with running calls outlive it until these are done.
    pub(super) async fn run(self, stop: CancellationToken) {
        let mut kept: Vec<HashMap<SocketAddr, DropGuard>> =
            self.targets.iter().map(|_| HashMap::new()).collect();
        loop {
            for (target, kept) in self.targets.iter().zip(&mut kept) {
                tokio::select! {
                    addresses = self.resolve(target) => self.adapt(target, addresses, kept),
                    () = stop.cancelled() => return,
                }
            }
            let pause = if self.replicas.is_empty() { RESOLVE_SOON } else { RESOLVE_EVERY };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = stop.cancelled() => return,
            }
        }
    }

    async fn resolve(&self, target: &Target) -> io::Result<Vec<SocketAddr>> {
        let answer = tokio::time::timeout(RESOLVE_TIMEOUT, self.resolver.resolve(&target.host, target.port));
        let addresses = answer.await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))?;
        if addresses.is_empty() { Err(io::Error::other("the name has no address")) } else { Ok(addresses) }
    }

    fn adapt(
        &self,
        target: &Arc<Target>,
        addresses: io::Result<Vec<SocketAddr>>,
        kept: &mut HashMap<SocketAddr, DropGuard>,
    ) {
        match addresses {
            // A name server that is down says nothing about the replicas.
            Err(error) => self.replicas.failed(&format!("{target}: {error}")),
            Ok(addresses) => {
                kept.retain(|address, _| addresses.contains(address));
                for address in addresses {
                    kept.entry(address).or_insert_with(|| self.hold(target.clone(), address));
                }
            }
        }
    }

    fn hold(&self, target: Arc<Target>, address: SocketAddr) -> DropGuard {
        let stop = CancellationToken::new();
        let (tls, replicas, stopped) = (self.tls.clone(), self.replicas.clone(), stop.clone());
        tokio::spawn(async move {
            stopped.run_until_cancelled(keep(&target, address, tls.as_ref(), &replicas)).await;
        });
        stop.drop_guard()
    }
}

async fn keep(target: &Arc<Target>, address: SocketAddr, tls: Option<&ClientTls>, replicas: &Arc<Replicas>) {
    let mut pause = FIRST_PAUSE;
    loop {
        match connect(target, address, tls).await {
            Err(error) => replicas.failed(&format!("{target} at {address}: {error}")),
            Ok((sender, ended)) => {
                let begun = Instant::now();
                let place = Place { id: replicas.join(target, address, sender), replicas };
                let why = ended
                    .await
                    .ok()
                    .flatten()
                    .map_or_else(|| "it was closed".to_owned(), |error| chain(&error));
                place.replicas.leave(place.id, &format!("{target} at {address}: {why}"));
                if begun.elapsed() > LIVED {
                    pause = FIRST_PAUSE;
                    continue;
                }
            }
        }
        tokio::time::sleep(pause.mul_f64(0.5 + fastrand::f64() / 2.0)).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

// A connection that ended, or whose address the name no longer has, gets no further calls.
struct Place<'a> {
    id: u64,
    replicas: &'a Replicas,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.replicas.counters.disconnected.inc();
        self.replicas.leave(self.id, "its name no longer has this address");
    }
}
