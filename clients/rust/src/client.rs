//! The client and its builder.

use std::{collections::HashMap, sync::Arc, time::Duration};

use arrow_flight::flight_service_client::FlightServiceClient;
use rfe_model::backoff::Backoff;
use rfe_proto::{
    dlq::dlq_service_client::DlqServiceClient, ingest::ingest_service_client::IngestServiceClient,
    metadata::metadata_service_client::MetadataServiceClient,
    scheduler::scheduler_service_client::SchedulerServiceClient,
};
use tonic::{
    metadata::{Ascii, MetadataValue},
    service::interceptor::InterceptedService,
    transport::{Channel, Endpoint},
};

use crate::{
    Endpoints, Error, Result, Tls,
    endpoints::check_url,
    stub::{Headers, Stub, Wire},
};

const MAX_MESSAGE_BYTES: usize = 64 << 20;
const MAX_FLIGHT_BYTES: usize = 256 << 20;
const USER_AGENT: &str = concat!("rfe-client/", env!("CARGO_PKG_VERSION"));

/// The services of one platform. Cheap to clone; clones share their connections.
#[derive(Debug, Clone)]
pub struct Client {
    pub(crate) ingest: Stub<IngestServiceClient<Wire>>,
    /// For calls of `ingest` that take as long as they take.
    pub(crate) streams: Stub<IngestServiceClient<Wire>>,
    pub(crate) metadata: Stub<MetadataServiceClient<Wire>>,
    pub(crate) scheduler: Stub<SchedulerServiceClient<Wire>>,
    pub(crate) dlq: Stub<DlqServiceClient<Wire>>,
    pub(crate) query: Stub<FlightServiceClient<Wire>>,
}

/// Settings of a client.
#[derive(Debug, Clone)]
pub struct ClientBuilder {
    endpoints: Endpoints,
    deadline: Duration,
    query_deadline: Option<Duration>,
    connect_timeout: Duration,
    backoff: Backoff,
}

impl Client {
    /// A client with the default settings. Connections are made on first use and again when they must be; call it within a
    /// Tokio runtime.
    ///
    /// # Errors
    /// If an address or the token is none, or a file of TLS can't be used.
    pub fn connect(endpoints: Endpoints) -> Result<Self> {
        Self::builder().endpoints(endpoints).build()
    }

    /// A client with other settings.
    pub fn builder() -> ClientBuilder {
        ClientBuilder {
            endpoints: Endpoints::default(),
            deadline: Duration::from_secs(30),
            query_deadline: None,
            connect_timeout: Duration::from_secs(5),
            backoff: Backoff { attempts: 4, base: Duration::from_millis(100), cap: Duration::from_secs(2) },
        }
    }
}

impl ClientBuilder {
    /// Where the services are, and the token.
    #[must_use]
    pub fn endpoints(self, endpoints: Endpoints) -> Self {
        Self { endpoints, ..self }
    }

    /// All services at one address.
    #[must_use]
    pub fn url(mut self, url: &str) -> Self {
        let Endpoints { token, tls, .. } = self.endpoints;
        self.endpoints = Endpoints { token, tls, ..Endpoints::single(url) };
        self
    }

    /// Sent as `authorization: Bearer`.
    #[must_use]
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.endpoints.token = Some(token.into());
        self
    }

    /// How `https://` addresses are spoken to.
    #[must_use]
    pub fn tls(mut self, tls: Tls) -> Self {
        self.endpoints.tls = tls;
        self
    }

    /// How long a call may take; 30 s by default.
    #[must_use]
    pub fn deadline(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    /// How long a query may take until its first rows; as long as the server lets it, by default.
    #[must_use]
    pub fn query_deadline(self, deadline: Duration) -> Self {
        Self { query_deadline: Some(deadline), ..self }
    }

    /// How long making a connection may take; 5 s by default.
    #[must_use]
    pub fn connect_timeout(self, connect_timeout: Duration) -> Self {
        Self { connect_timeout, ..self }
    }

    /// How calls that are safe to repeat are repeated; 4 attempts by default.
    #[must_use]
    pub fn retries(self, backoff: Backoff) -> Self {
        Self { backoff, ..self }
    }

    /// Makes the client.
    ///
    /// # Errors
    /// If an address or the token is none, or a file of TLS can't be used.
    pub fn build(self) -> Result<Client> {
        let mut dial = Dial {
            authorization: self.endpoints.token.as_deref().map(bearer).transpose()?,
            connect_timeout: self.connect_timeout,
            backoff: self.backoff,
            tls: self.endpoints.tls.clone(),
            channels: HashMap::new(),
        };
        let deadline = Some(self.deadline);
        let at = &self.endpoints;
        Ok(Client {
            ingest: dial.stub(&at.ingest, deadline, |wire| {
                IngestServiceClient::new(wire).max_decoding_message_size(MAX_MESSAGE_BYTES)
            })?,
            streams: dial.stub(&at.ingest, None, |wire| {
                IngestServiceClient::new(wire).max_decoding_message_size(MAX_MESSAGE_BYTES)
            })?,
            metadata: dial.stub(&at.metadata, deadline, |wire| {
                MetadataServiceClient::new(wire).max_decoding_message_size(MAX_MESSAGE_BYTES)
            })?,
            scheduler: dial.stub(&at.scheduler, deadline, |wire| {
                SchedulerServiceClient::new(wire).max_decoding_message_size(MAX_MESSAGE_BYTES)
            })?,
            dlq: dial.stub(&at.dlq, deadline, |wire| {
                DlqServiceClient::new(wire).max_decoding_message_size(MAX_MESSAGE_BYTES)
            })?,
            query: dial.stub(&at.query, self.query_deadline, |wire| {
                FlightServiceClient::new(wire).max_decoding_message_size(MAX_FLIGHT_BYTES)
            })?,
        })
    }
}

struct Dial {
    authorization: Option<MetadataValue<Ascii>>,
    connect_timeout: Duration,
    backoff: Backoff,
    tls: Tls,
    channels: HashMap<String, Channel>,
}

impl Dial {
    fn stub<C>(
        &mut self,
        url: &str,
        deadline: Option<Duration>,
        make: impl Fn(Wire) -> C,
    ) -> Result<Stub<C>> {
        let url = check_url(url)?;
        let headers = Headers { authorization: self.authorization.clone(), deadline };
        let wire = InterceptedService::new(self.channel(&url)?, headers);
        Ok(Stub { client: make(wire), url: Arc::from(url), deadline, backoff: self.backoff })
    }

    fn channel(&mut self, url: &str) -> Result<Channel> {
        if let Some(channel) = self.channels.get(url) {
            return Ok(channel.clone());
        }
        let wrong = |error: tonic::transport::Error| Error::Address {
            url: url.to_owned(),
            reason: error.to_string(),
        };
        let mut endpoint = Endpoint::from_shared(url.to_owned())
            .and_then(|endpoint| endpoint.user_agent(USER_AGENT))
            .map_err(wrong)?;
        if url.starts_with("https://") {
            endpoint = self.tls.on(&endpoint, url)?;
        }
        let channel = endpoint
            .connect_timeout(self.connect_timeout)
            .http2_keep_alive_interval(Duration::from_secs(30))
            .keep_alive_while_idle(true)
            .http2_adaptive_window(true)
            .connect_lazy();
        self.channels.insert(url.to_owned(), channel.clone());
        Ok(channel)
    }
}

fn bearer(token: &str) -> Result<MetadataValue<Ascii>> {
    let mut value: MetadataValue<Ascii> =
        format!("Bearer {}", token.trim()).parse().map_err(|_| Error::Token)?;
    value.set_sensitive(true);
    Ok(value)
}
