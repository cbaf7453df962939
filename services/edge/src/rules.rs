//! What a webhook source's `config` says.

use rfe_model::{Fault, Violation, duration, kind, secret::SecretStore, structure, verify::Verify};
use rfe_proto::metadata as pb;
use serde::Deserialize;

use crate::signature::Signature;

/// No source takes more, whatever it says.
pub(crate) const MAX_BODY: u64 = 25 << 20;

/// Where an event's id stands.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum IdRule {
    /// In this header.
    Header(String),
    /// In the body, at this JSON pointer.
    Pointer(String),
}

/// How webhooks of one source are taken.
#[derive(Debug)]
pub(crate) struct Rules {
    pub(crate) event_id: Option<IdRule>,
    pub(crate) max_body: u64,
    /// `None`: anybody may send. An error: nobody may, until the reason is mended.
    pub(crate) signature: Option<Result<Signature, String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Written {
    event_id: Option<IdRule>,
    verify: Option<serde_json::Value>,
    #[serde(deserialize_with = "duration::deserialize_bytes")]
    max_body: Option<u64>,
}

// === impl Rules ===

impl Rules {
    /// Reads a source's config; keys that other roles need are theirs to check.
    pub(crate) fn read(source: &pb::Source, max_body: u64, secrets: &dyn SecretStore) -> Result<Self, Fault> {
        let config =
            source.config.as_ref().map(structure::from_struct).unwrap_or_else(|| serde_json::json!({}));
        let written: Written =
            kind::decode(&config).map_err(|violation| unreadable(&source.name, &violation))?;
        let verify = written.verify.as_ref().map_or(Ok(Verify::None), Verify::read);
        let verify = verify.map_err(|violation| unreadable(&source.name, &violation.below("verify")))?;
        let signature = Signature::new(&verify, secrets).transpose();
        if let Some(Err(reason)) = &signature {
            tracing::warn!(source = %source.name, %reason, "webhooks are refused: their signatures can't be checked");
        }
        let id_header = signature.as_ref().and_then(|one| one.as_ref().ok()?.id_header());
        Ok(Self {
            event_id: written.event_id.or_else(|| id_header.map(|name| IdRule::Header(name.to_owned()))),
            max_body: written.max_body.unwrap_or(max_body).min(MAX_BODY),
            signature,
        })
    }
}

// The registry refuses such a config; one that got in must not open the door.
fn unreadable(source: &str, violation: &Violation) -> Fault {
    Fault::internal(format!("source `{source}`: config.{violation}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature::tests::Fixed;
    use serde_json::json;

    fn read(config: serde_json::Value) -> Result<Rules, Fault> {
        let source = pb::Source {
            name: "a".to_owned(),
            config: Some(structure::to_struct(&config)),
            ..pb::Source::default()
        };
        Rules::read(&source, 1 << 20, &Fixed)
    }

    #[test]
    fn a_config_reads_as_the_contract_writes_it() {
        let rules = read(json!({
            "event_id": {"header": "X-Request-Id"}, "max_body": "2MiB", "paths": {"city": "/a"},
            "verify": {"kind": "hmac", "secret": "${env:KEY}", "header": "X-Signature", "algorithm": "sha256", "encoding": "base64"},
        }))
        .expect("rules");
        assert_eq!(rules.event_id, Some(IdRule::Header("X-Request-Id".to_owned())));
        assert_eq!(rules.max_body, 2 << 20);
        assert!(matches!(rules.signature, Some(Ok(_))));
    }

    #[test]
    fn no_source_takes_more_than_the_door_does() {
        assert_eq!(read(json!({"max_body": "1GiB"})).expect("rules").max_body, MAX_BODY);
        assert_eq!(read(json!({})).expect("rules").max_body, 1 << 20);
    }

    #[test]
    fn a_kind_of_verify_that_this_build_does_not_know_opens_nothing() {
        assert!(read(json!({"verify": {"kind": "magic"}})).is_err());
        assert!(read(json!({"verify": {"kind": "hmac", "secret": "a", "headr": "b"}})).is_err());
        assert!(read(json!({"verify": {"kind": "none"}})).expect("rules").signature.is_none());
    }

    #[test]
    fn deliveries_of_github_bring_their_own_id_unless_the_source_says_otherwise() {
        let github = json!({"kind": "github", "secret": "${env:KEY}"});
        let rules = read(json!({"verify": github})).expect("rules");
        assert_eq!(rules.event_id, Some(IdRule::Header("x-github-delivery".to_owned())));
        let rules = read(json!({"verify": github, "event_id": {"pointer": "/id"}})).expect("rules");
        assert_eq!(rules.event_id, Some(IdRule::Pointer("/id".to_owned())));
    }

    #[test]
    fn a_secret_that_does_not_resolve_opens_nothing() {
        let rules =
            read(json!({"verify": {"kind": "hmac", "secret": "${env:NONE}", "header": "X-Signature"}}))
                .expect("rules");
        assert!(matches!(rules.signature, Some(Err(_))));
    }
}
