//! Signatures as Standard Webhooks say: <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use base64::Engine as _;
use http::HeaderMap;
use rfe_model::{
    Fault,
    secret::SecretStore,
    verify::{self, Algorithm, TOLERANCE},
};

use super::{encoded::BASE64, hmac::Keyed, refused, required, when};

pub(super) const SIGNATURE: &str = "webhook-signature";
const ID: &str = "webhook-id";
const TIMESTAMP: &str = "webhook-timestamp";
const ED25519_KEY_BYTES: usize = 32;
// Each may cost a check of a public key, and anybody can send a header.
const MOST_SIGNATURES: usize = 16;

enum Key {
    /// `v1`
    Hmac(Box<Keyed>),
    /// `v1a`
    Ed25519(UnparsedPublicKey<Vec<u8>>),
}

/// Checks signatures of one source.
pub(crate) struct StandardSignature {
    keys: Vec<Key>,
    tolerance: Duration,
}

impl fmt::Debug for StandardSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StandardSignature").finish_non_exhaustive()
    }
}

// === impl StandardSignature ===

impl StandardSignature {
    pub(super) fn new(written: &verify::Standard, secrets: &dyn SecretStore) -> Result<Self, String> {
        let texts = written.secret.resolve(secrets)?;
        let keys = texts
            .iter()
            .zip(written.secret.written())
            .map(|(text, name)| key(text.trim()).map_err(|reason| format!("the secret `{name}` {reason}")));
        Ok(Self { keys: keys.collect::<Result<_, _>>()?, tolerance: written.tolerance.unwrap_or(TOLERANCE) })
    }

    pub(super) fn check_head(&self, headers: &HeaderMap, now: SystemTime) -> Result<(), Fault> {
        required(headers, SIGNATURE, "the signatures")?;
        required(headers, ID, "the message's id")?;
        when::fresh(headers, TIMESTAMP, self.tolerance, now).map(|_| ())
    }

    pub(super) fn check_body(&self, headers: &HeaderMap, body: &[u8]) -> Result<(), Fault> {
        let id = required(headers, ID, "the message's id")?;
        let timestamp = required(headers, TIMESTAMP, "the time of the signature")?;
        let mut signed = Vec::with_capacity(id.len() + timestamp.len() + body.len() + 2);
        for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
            signed.extend_from_slice(part);
        }
        let keys: Vec<Key> = self.keys.iter().map(|key| key.over(&signed)).collect();
        let sent = headers.get_all(SIGNATURE).iter().filter_map(|value| value.to_str().ok());
        let sent = sent.flat_map(str::split_whitespace).take(MOST_SIGNATURES);
        for (version, signature) in sent.filter_map(|one| one.split_once(',')) {
            if let Ok(signature) = BASE64.decode(signature)
                && keys.iter().fold(false, |good, key| key.is(version, &signature, &signed) | good)
            {
                return Ok(());
            }
        }
        Err(refused(format!("none of the signatures in `{SIGNATURE}` is that of the message")))
    }
}

fn key(text: &str) -> Result<Key, &'static str> {
    if text.starts_with("whsk_") {
        return Err("is a private key; this side needs the public one, which begins with `whpk_`");
    }
    if let Some(public) = text.strip_prefix("whpk_") {
        let bytes = BASE64.decode(public).ok().filter(|bytes| bytes.len() == ED25519_KEY_BYTES);
        let bytes = bytes.ok_or("is no public key of Ed25519 in Base64 after `whpk_`")?;
        return Ok(Key::Ed25519(UnparsedPublicKey::new(&ED25519, bytes)));
    }
    let bytes = BASE64.decode(text.strip_prefix("whsec_").unwrap_or(text));
    let bytes =
        bytes.ok().filter(|bytes| !bytes.is_empty()).ok_or("is no Base64, or nothing after `whsec_`")?;
    Keyed::new(Algorithm::Sha256, &bytes)
        .map(|keyed| Key::Hmac(Box::new(keyed)))
        .map_err(|_| "is no key of HMAC")
}

// === impl Key ===

impl Key {
    /// The key with what is signed in it.
    fn over(&self, signed: &[u8]) -> Self {
        match self {
            Self::Hmac(keyed) => {
                let mut keyed = keyed.clone();
                keyed.update(signed);
                Self::Hmac(keyed)
            }
            Self::Ed25519(public) => Self::Ed25519(public.clone()),
        }
    }

    fn is(&self, version: &str, signature: &[u8], signed: &[u8]) -> bool {
        match (self, version) {
            (Self::Hmac(keyed), "v1") => keyed.is(signature),
            (Self::Ed25519(public), "v1a") => public.verify(signed, signature).is_ok(),
            _ => false,
        }
    }
}
