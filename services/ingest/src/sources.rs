//! What is known of sources, for a second: each call needs it, and it hardly changes.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use rfe_model::{ErrorCode, Fault, duration, fault::reason, structure};
use rfe_proto::metadata as pb;
use serde_json::Value as Json;

use crate::{Config, registry::Registry};

const DEFAULT_MAX_BODY: u64 = 1 << 20;
const LARGEST_MAX_BODY: u64 = 25 << 20;

/// What this role needs to know of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Known {
    name: String,
    kind: String,
    deleted: bool,
    /// The largest event; `None` where the kind sets no bound of its own.
    pub(crate) max_body: Option<u64>,
}

/// Sources by name, as they were at most a second ago.
#[derive(Debug)]
pub(crate) struct Sources {
    registry: Registry,
    age: Duration,
    most: usize,
    known: Mutex<HashMap<String, (Instant, Arc<Known>)>>,
}

// === impl Known ===

impl Known {
    fn new(source: &pb::Source) -> Self {
        let config = source.config.as_ref().map_or(Json::Null, structure::from_struct);
        Self {
            name: source.name.clone(),
            kind: source.kind.clone(),
            deleted: source.deleted_time.is_some(),
            max_body: (source.kind == "webhook").then(|| max_body(&config)),
        }
    }

    /// Refuses a source that can't be sent events.
    pub(crate) fn takes_events(&self) -> Result<(), Fault> {
        self.is_alive()?;
        match self.kind.as_str() {
            "webhook" | "synthetic" => Ok(()),
            kind => {
                Err(self.mismatch(format!("source `{}` is of kind {kind}, which takes no events", self.name)))
            }
        }
    }

    /// Refuses a source that no job can read.
    pub(crate) fn is_pulled(&self) -> Result<(), Fault> {
        self.is_alive()?;
        match self.kind.as_str() {
            "webhook" => {
                let message = format!(
                    "source `{}` is of kind webhook, which is sent to and not read; use SubmitEvents",
                    self.name
                );
                Err(self.mismatch(message))
            }
            _ => Ok(()),
        }
    }

    /// Refuses a deleted source.
    pub(crate) fn is_alive(&self) -> Result<(), Fault> {
        if !self.deleted {
            return Ok(());
        }
        let message = format!("source `{}` was deleted; create it again to go on", self.name);
        Err(Fault::new(ErrorCode::FailedPrecondition, reason::SOURCE_DELETED, message)
            .with("source", &self.name))
    }

    fn mismatch(&self, message: String) -> Fault {
        Fault::new(ErrorCode::FailedPrecondition, reason::SOURCE_KIND_MISMATCH, message)
            .with("source", &self.name)
    }
}

// A value that is no size was refused when the source was declared.
fn max_body(config: &Json) -> u64 {
    let written = match config.get("max_body") {
        Some(Json::String(text)) => duration::parse_bytes(text).ok(),
        Some(Json::Number(number)) => number.as_u64(),
        _ => None,
    };
    written.unwrap_or(DEFAULT_MAX_BODY).min(LARGEST_MAX_BODY)
}

// === impl Sources ===

impl Sources {
    pub(crate) fn new(registry: Registry, config: &Config) -> Self {
        Self { registry, age: config.source_age, most: config.source_cache, known: Mutex::default() }
    }

    /// What is known of a source, deleted or not. That one does not exist is not remembered: it may be made at any moment.
    pub(crate) async fn get(&self, name: &str) -> Result<Arc<Known>, Fault> {
        if name.is_empty() {
            return Err(Fault::invalid("source", "is missing; name the source"));
        }
        if let Some(known) = self.remembered(name) {
            return Ok(known);
        }
        let asked = Instant::now();
        let known = Arc::new(Known::new(&self.registry.source(name).await?));
        let mut all = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= self.most {
            all.retain(|_, (at, _)| at.elapsed() < self.age);
        }
        if all.len() < self.most {
            all.insert(name.to_owned(), (asked, known.clone()));
        }
        Ok(known)
    }

    fn remembered(&self, name: &str) -> Option<Arc<Known>> {
        let all = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(name).filter(|(at, _)| at.elapsed() < self.age).map(|(_, known)| known.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn known(kind: &str) -> Known {
        Known::new(&pb::Source { name: "s".to_owned(), kind: kind.to_owned(), ..pb::Source::default() })
    }

    #[test]
    fn kinds_take_events_or_are_pulled_or_both() {
        let wrong = Some(reason::SOURCE_KIND_MISMATCH.to_owned());
        for (kind, events, pulled) in
            [("webhook", None, wrong.clone()), ("csv", wrong, None), ("synthetic", None, None)]
        {
            assert_eq!(known(kind).takes_events().err().map(|fault| fault.reason), events, "{kind}");
            assert_eq!(known(kind).is_pulled().err().map(|fault| fault.reason), pulled, "{kind}");
        }
    }

    #[test]
    fn a_deleted_source_is_refused_before_its_kind() {
        let deleted = Known { deleted: true, ..known("csv") };
        assert_eq!(
            deleted.takes_events().map_err(|fault| fault.reason),
            Err(reason::SOURCE_DELETED.to_owned())
        );
    }

    #[test]
    fn the_body_limit_has_a_default_and_a_limit_of_its_own() {
        assert_eq!(max_body(&json!({})), 1 << 20);
        assert_eq!(max_body(&json!({"max_body": "2MiB"})), 2 << 20);
        assert_eq!(max_body(&json!({"max_body": 5000})), 5000);
        assert_eq!(max_body(&json!({"max_body": "1GiB"})), 25 << 20);
        assert_eq!((known("webhook").max_body, known("synthetic").max_body), (Some(1 << 20), None));
    }
}
