//! What stands before the processes of a role in production: calls go in turn to those that say they are ready.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use reqwest::Client;
use rfe_proto::ingest::ingest_service_client::IngestServiceClient;
use rfe_tests::{Platform, Role, wait};
use tokio::task::JoinHandle;
use tonic::{Status, transport::Channel};

use crate::doors::{Door, connection};

/// How often each is asked; a drain announces itself longer before it begins.
const ASKED_EVERY: Duration = Duration::from_millis(100);
const FRONTS: [Role; 3] = [Role::Edge, Role::Ingest, Role::Query];

/// A process, and whether it says that it is ready.
#[derive(Debug, Clone)]
struct Upstream {
    address: String,
    channel: Channel,
    ready: bool,
}

type Upstreams = Arc<Mutex<BTreeMap<(Role, usize), Upstream>>>;

/// The balancer. It ends when it is dropped.
#[derive(Debug)]
pub struct Balancer {
    upstreams: Upstreams,
    turn: AtomicUsize,
    http: Client,
    asking: JoinHandle<()>,
}

// === impl Balancer ===

impl Balancer {
    /// One for the roles that clients call. All of them are ready.
    pub fn over(platform: &Platform) -> Self {
        let mut upstreams = BTreeMap::new();
        for role in FRONTS {
            for replica in 0..platform.replicas(role) {
                let address = platform.address_of(role, replica);
                let channel = connection(&address).connect_lazy();
                upstreams.insert((role, replica), Upstream { address, channel, ready: true });
            }
        }
        let upstreams = Arc::new(Mutex::new(upstreams));
        let http = Client::new();
        let asking = tokio::spawn(ask(upstreams.clone(), http.clone()));
        Self { upstreams, turn: AtomicUsize::default(), http, asking }
    }

    /// Waits until a process is used again.
    pub async fn knows_again(&self, role: Role, replica: usize) {
        if FRONTS.contains(&role) {
            wait::until("the balancer uses the process again", || async {
                self.upstreams().get(&(role, replica)).is_some_and(|upstream| upstream.ready).then_some(())
            })
            .await;
        }
    }

    /// Jobs and events.
    pub fn ingest(&self) -> IngestServiceClient<Channel> {
        IngestServiceClient::new(self.next(Role::Ingest).channel)
    }

    /// The rows of a query.
    ///
    /// # Errors
    /// As the platform has it, or the connection to it.
    pub async fn query(&self, text: &str) -> Result<Vec<String>, Status> {
        let upstream = self.next(Role::Query);
        Door::new(upstream.channel.clone(), upstream.channel).query(text).await
    }

    /// Posts a webhook with an event id.
    ///
    /// # Errors
    /// Whatever is not a 200.
    pub async fn post(&self, source: &str, event_id: &str, body: Vec<u8>) -> Result<(), String> {
        let url = format!("http://{}/webhooks/{source}", self.next(Role::Edge).address);
        let request =
            self.http.post(url).header("ce-id", event_id).header("content-type", "application/json");
        let response = request.body(body).send().await.map_err(|error| format!("{error:?}"))?;
        match response.status().as_u16() {
            200 => Ok(()),
            status => Err(format!("{status} {}", response.text().await.unwrap_or_default())),
        }
    }

    /// The next one in turn that says it is ready.
    fn next(&self, role: Role) -> Upstream {
        let upstreams = self.upstreams();
        let of_role = upstreams.iter().filter(|((of, _), _)| *of == role).map(|(_, upstream)| upstream);
        let ready: Vec<&Upstream> = of_role.clone().filter(|upstream| upstream.ready).collect();
        let candidates = if ready.is_empty() { of_role.collect() } else { ready };
        candidates[self.turn.fetch_add(1, Ordering::Relaxed) % candidates.len()].clone()
    }

    fn upstreams(&self) -> std::sync::MutexGuard<'_, BTreeMap<(Role, usize), Upstream>> {
        self.upstreams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        self.asking.abort();
    }
}

async fn ask(upstreams: Upstreams, http: Client) {
    loop {
        let asked: Vec<_> = {
            let known = upstreams.lock().unwrap_or_else(PoisonError::into_inner);
            known.iter().map(|(key, upstream)| (*key, upstream.address.clone())).collect()
        };
        let answers = asked.into_iter().map(|(key, address)| {
            let request = http.get(format!("http://{address}/readyz")).timeout(5 * ASKED_EVERY).send();
            async move { (key, request.await.is_ok_and(|response| response.status().is_success())) }
        });
        for (key, ready) in futures::future::join_all(answers).await {
            let mut known = upstreams.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(upstream) = known.get_mut(&key) {
                upstream.ready = ready;
            }
        }
        tokio::time::sleep(ASKED_EVERY).await;
    }
}
