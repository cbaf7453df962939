//! Sources, remembered for a second.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use rfe_mesh::{MAX_MESSAGE_BYTES, MeshChannel, fault_from_status};
use rfe_model::{ErrorCode, Fault, fault::reason, name, secret::SecretStore};
use rfe_proto::metadata::{self as pb, metadata_service_client::MetadataServiceClient};
use tonic::Request;

use crate::{Config, UnknownSources, rules::Rules};

const KIND: &str = "webhook";

/// The webhook sources of the metadata role.
#[derive(Debug)]
pub(crate) struct Sources {
    client: MetadataServiceClient<MeshChannel>,
    secrets: Arc<dyn SecretStore>,
    unknown: UnknownSources,
    max_body: u64,
    ttl: Duration,
    timeout: Duration,
    slots: Mutex<HashMap<String, Arc<Slot>>>,
}

/// One source; whoever holds `asking` asks for it.
#[derive(Debug, Default)]
struct Slot {
    known: Mutex<Option<(Instant, Arc<Rules>)>>,
    asking: tokio::sync::Mutex<()>,
}

// === impl Sources ===

impl Sources {
    pub(crate) fn new(config: &Config, metadata: MeshChannel, secrets: Arc<dyn SecretStore>) -> Self {
        Self {
            client: MetadataServiceClient::new(metadata)
                .max_decoding_message_size(MAX_MESSAGE_BYTES)
                .max_encoding_message_size(MAX_MESSAGE_BYTES),
            secrets,
            unknown: config.unknown_sources,
            max_body: config.max_body,
            ttl: config.source_ttl,
            timeout: config.deadline,
            slots: Mutex::default(),
        }
    }

    /// How webhooks of a source are taken. While the metadata role can't be reached, what was known last holds: nobody can
    /// change a source then either.
    pub(crate) async fn rules(&self, name: &str) -> Result<Arc<Rules>, Fault> {
        if let Some(rules) = self.slot(name).and_then(|slot| slot.fresh(self.ttl)) {
            return Ok(rules);
        }
        self.check_name(name)?;
        let slot = self
            .slots
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entry(name.to_owned())
            .or_default()
            .clone();
        let known = slot.known();
        let _asking = match (slot.asking.try_lock(), &known) {
            (Ok(asking), _) => asking,
            (Err(_), Some(rules)) => return Ok(rules.clone()),
            (Err(_), None) => slot.asking.lock().await,
        };
        if let Some(rules) = slot.fresh(self.ttl) {
            return Ok(rules);
        }
        match (self.ask(name).await, known) {
            (Ok(rules), _) => {
                slot.set(rules.clone());
                Ok(rules)
            }
            (Err(fault), Some(rules)) if is_unreachable(&fault) => {
                tracing::debug!(source = name, error = %fault, "the source could not be asked for; what was known holds");
                slot.set(rules.clone());
                Ok(rules)
            }
            (Err(fault), _) => {
                self.forget(name);
                Err(fault)
            }
        }
    }

    /// Asks again before the next webhook of the source.
    pub(crate) fn forget(&self, name: &str) {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
    }

    fn slot(&self, name: &str) -> Option<Arc<Slot>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    // A name that no source can have is a mistake where sources are made, and simply nowhere where they are not.
    fn check_name(&self, name: &str) -> Result<(), Fault> {
        match (name::check_source(name), self.unknown) {
            (Ok(()), _) => Ok(()),
            (Err(reason), UnknownSources::Create) => Err(Fault::invalid("source", reason)),
            (Err(_), UnknownSources::Reject) => Err(Fault::source_not_found(name)),
        }
    }

    async fn ask(&self, name: &str) -> Result<Arc<Rules>, Fault> {
        let source = match self.get(name).await {
            Err(fault) if fault.code == ErrorCode::NotFound && self.unknown == UnknownSources::Create => {
                self.create(name).await?
            }
            other => other?,
        };
        if source.deleted_time.is_some() {
            let message = format!("source `{name}` was deleted; it takes no webhooks");
            return Err(Fault::new(ErrorCode::FailedPrecondition, reason::SOURCE_DELETED, message)
                .with("source", name));
        }
        if source.kind != KIND {
            let message =
                format!("source `{name}` is of kind {}; webhooks go to sources of kind {KIND}", source.kind);
            return Err(Fault::new(ErrorCode::FailedPrecondition, reason::SOURCE_KIND_MISMATCH, message)
                .with("source", name));
        }
        Rules::read(&source, self.max_body, &*self.secrets).map(Arc::new)
    }

    async fn get(&self, name: &str) -> Result<pb::Source, Fault> {
        let request = self.request(pb::GetSourceRequest { name: name.to_owned() });
        let reply =
            self.client.clone().get_source(request).await.map_err(|status| fault_from_status(&status))?;
        reply.into_inner().source.ok_or_else(|| Fault::internal("GetSource answered without a source"))
    }

    async fn create(&self, name: &str) -> Result<pb::Source, Fault> {
        let source = pb::Source { name: name.to_owned(), kind: KIND.to_owned(), ..pb::Source::default() };
        let request = self.request(pb::CreateSourceRequest { source: Some(source), auto_created: true });
        match self.client.clone().create_source(request).await {
            Ok(reply) => {
                tracing::info!(source = name, "made by a first webhook");
                reply
                    .into_inner()
                    .source
                    .ok_or_else(|| Fault::internal("CreateSource answered without a source"))
            }
            // Another webhook was first.
            Err(status) if status.code() == tonic::Code::AlreadyExists => self.get(name).await,
            Err(status) => Err(fault_from_status(&status)),
        }
    }

    fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.set_timeout(self.timeout);
        request
    }
}

fn is_unreachable(fault: &Fault) -> bool {
    matches!(fault.code, ErrorCode::Unavailable | ErrorCode::DeadlineExceeded | ErrorCode::Cancelled)
}

// === impl Slot ===

impl Slot {
    fn known(&self) -> Option<Arc<Rules>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(|(_, rules)| rules.clone())
    }

    fn fresh(&self, ttl: Duration) -> Option<Arc<Rules>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.as_ref().filter(|(at, _)| at.elapsed() < ttl).map(|(_, rules)| rules.clone())
    }

    fn set(&self, rules: Arc<Rules>) {
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), rules));
    }
}
