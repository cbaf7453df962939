//! The way to a platform that dies and comes back elsewhere.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use arrow_flight::{flight_service_client::FlightServiceClient, sql::client::FlightSqlServiceClient};
use futures::TryStreamExt as _;
use rfe_proto::ingest::ingest_service_client::IngestServiceClient;
use rfe_tests::{Platform, Role, sql};
use tokio::sync::watch;
use tonic::{
    Status,
    transport::{Channel, Endpoint},
};

const CONNECT_WITHIN: Duration = Duration::from_secs(2);
/// Longer than any call should take; a call that meets it is repeated.
const ANSWER_WITHIN: Duration = Duration::from_secs(15);
const MAX_MESSAGE_BYTES: usize = 32 << 20;

/// Where jobs and events are taken, and where SQL is answered.
#[derive(Debug, Clone)]
pub struct Door {
    ingest: Channel,
    query: Channel,
}

// === impl Door ===

impl Door {
    /// That of the running platform.
    ///
    /// # Panics
    /// If none runs.
    pub fn of(platform: &Platform) -> Self {
        Self::new(channel(platform, Role::Ingest), channel(platform, Role::Query))
    }

    /// That of these connections.
    pub fn new(ingest: Channel, query: Channel) -> Self {
        Self { ingest, query }
    }

    /// Jobs and events.
    pub fn ingest(&self) -> IngestServiceClient<Channel> {
        IngestServiceClient::new(self.ingest.clone())
    }

    /// The rows of a query: values joined by `|`.
    ///
    /// # Errors
    /// As the platform has it, or the connection to it.
    pub async fn query(&self, text: &str) -> Result<Vec<String>, Status> {
        let inner = FlightServiceClient::new(self.query.clone()).max_decoding_message_size(MAX_MESSAGE_BYTES);
        let mut client = FlightSqlServiceClient::new_from_inner(inner);
        let info = client.execute(text.to_owned(), None).await.map_err(sql::status)?;
        let mut rows = Vec::new();
        for endpoint in info.endpoint {
            let ticket = endpoint.ticket.ok_or_else(|| Status::internal("an endpoint without ticket"))?;
            let mut stream = client.do_get(ticket).await.map_err(sql::status)?;
            while let Some(batch) = stream.try_next().await.map_err(sql::status)? {
                rows.extend(sql::rows(&batch));
            }
        }
        Ok(rows)
    }
}

/// How a process at this address is called.
///
/// # Panics
/// If it is no address.
pub fn connection(address: &str) -> Endpoint {
    let endpoint = Endpoint::from_shared(format!("http://{address}")).expect("a role has an address");
    endpoint.connect_timeout(CONNECT_WITHIN).timeout(ANSWER_WITHIN)
}

/// A connection that uses all processes of a role.
fn channel(platform: &Platform, role: Role) -> Channel {
    let endpoint = |replica| connection(&platform.address_of(role, replica));
    match platform.replicas(role) {
        1 => endpoint(0).connect_lazy(),
        replicas => Channel::balance_list((0..replicas).map(endpoint)),
    }
}

/// Tells where the platform is.
#[derive(Debug)]
pub struct Switchboard {
    tell: watch::Sender<Door>,
    changes: Arc<AtomicU64>,
}

/// Knows where the platform is.
#[derive(Debug, Clone)]
pub struct Doors {
    told: watch::Receiver<Door>,
    changes: Arc<AtomicU64>,
}

// === impl Switchboard ===

impl Switchboard {
    /// The platform runs.
    pub fn new(platform: &Platform) -> (Self, Doors) {
        let (tell, told) = watch::channel(Door::of(platform));
        let changes = Arc::<AtomicU64>::default();
        (Self { tell, changes: changes.clone() }, Doors { told, changes })
    }

    /// Kills the process and starts another.
    pub async fn kill(&self, platform: &mut Platform) {
        self.changes.fetch_add(1, Ordering::SeqCst);
        platform.kill_nine();
        platform.restart().await;
        self.tell.send_replace(Door::of(platform));
        self.changes.fetch_add(1, Ordering::SeqCst);
    }
}

// === impl Doors ===

impl Doors {
    /// The newest one.
    pub fn now(&self) -> Door {
        self.told.borrow().clone()
    }

    /// A number that is odd while the process is dead, and another one after each death.
    pub fn life(&self) -> u64 {
        self.changes.load(Ordering::SeqCst)
    }
}
