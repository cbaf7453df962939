//! A signature by HMAC in one header.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use hmac::{Hmac, KeyInit as _, Mac as _};
use http::HeaderMap;
use rfe_model::{
    Fault,
    secret::SecretStore,
    verify::{self, Algorithm, Encoding, Secrets, TOLERANCE},
};
use sha1::Sha1;
use sha2::{Sha256, Sha512};

use super::{encoded, refused, when};

/// A keyed hash.
#[derive(Clone)]
pub(super) enum Keyed {
    Sha1(Hmac<Sha1>),
    Sha256(Hmac<Sha256>),
    Sha512(Hmac<Sha512>),
}

/// What a signature signs, in order.
#[derive(Debug, Clone)]
enum Part {
    Text(String),
    Timestamp,
    Body,
}

/// Checks signatures of one source.
pub(crate) struct HmacSignature {
    header: String,
    keys: Vec<Keyed>,
    encoding: Encoding,
    prefix: String,
    signed: Vec<Part>,
    timestamp: Option<(String, Duration)>,
}

impl fmt::Debug for HmacSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HmacSignature").field("header", &self.header).finish_non_exhaustive()
    }
}

// === impl HmacSignature ===

impl HmacSignature {
    pub(super) fn new(written: &verify::Hmac, secrets: &dyn SecretStore) -> Result<Self, String> {
        let name = match written.algorithm {
            Algorithm::Sha1 => "sha1=",
            Algorithm::Sha256 => "sha256=",
            Algorithm::Sha512 => "sha512=",
        };
        let timestamp = written.timestamp.as_ref();
        Ok(Self {
            header: written.header.clone(),
            keys: keys(&written.secret, written.algorithm, secrets)?,
            encoding: written.encoding,
            prefix: written.prefix.clone().unwrap_or_else(|| name.to_owned()),
            signed: parts(written.template()),
            timestamp: timestamp.map(|at| (at.header.clone(), at.tolerance.unwrap_or(TOLERANCE))),
        })
    }

    /// As GitHub signs: <https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries>.
    pub(super) fn github(secret: &Secrets, secrets: &dyn SecretStore) -> Result<Self, String> {
        Ok(Self {
            header: "x-hub-signature-256".to_owned(),
            keys: keys(secret, Algorithm::Sha256, secrets)?,
            encoding: Encoding::Hex,
            prefix: "sha256=".to_owned(),
            signed: vec![Part::Body],
            timestamp: None,
        })
    }

    pub(super) fn header(&self) -> &str {
        &self.header
    }

    pub(super) fn check_head(&self, headers: &HeaderMap, now: SystemTime) -> Result<(), Fault> {
        if !headers.contains_key(&self.header) {
            let name = &self.header;
            return Err(refused(format!("the header `{name}` with the body's signature is missing")));
        }
        match &self.timestamp {
            None => Ok(()),
            Some((name, tolerance)) => when::fresh(headers, name, *tolerance, now).map(|_| ()),
        }
    }

    pub(super) fn check_body(&self, headers: &HeaderMap, body: &[u8]) -> Result<(), Fault> {
        let timestamp = self.timestamp.as_ref().and_then(|(name, _)| headers.get(name));
        let timestamp = timestamp.map_or(&b""[..], |value| value.as_bytes());
        let signed: Vec<Keyed> = self.keys.iter().map(|key| self.sign(key, timestamp, body)).collect();
        for value in headers.get_all(&self.header) {
            if let Some(signature) = value.to_str().ok().and_then(|text| self.decode(text))
                && signed.iter().fold(false, |good, one| one.is(&signature) | good)
            {
                return Ok(());
            }
        }
        Err(refused(format!("the signature in `{}` is not that of the body", self.header)))
    }

    fn decode(&self, text: &str) -> Option<Vec<u8>> {
        let text = text.trim();
        encoded::decode(self.encoding, text.strip_prefix(&self.prefix).unwrap_or(text))
    }

    fn sign(&self, key: &Keyed, timestamp: &[u8], body: &[u8]) -> Keyed {
        let mut keyed = key.clone();
        for part in &self.signed {
            keyed.update(match part {
                Part::Text(text) => text.as_bytes(),
                Part::Timestamp => timestamp,
                Part::Body => body,
            });
        }
        keyed
    }
}

fn keys(secret: &Secrets, algorithm: Algorithm, secrets: &dyn SecretStore) -> Result<Vec<Keyed>, String> {
    secret.resolve(secrets)?.iter().map(|key| Keyed::new(algorithm, key.as_bytes())).collect()
}

fn parts(template: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut rest = template;
    while let Some(at) = rest.find('{') {
        let (text, tail) = rest.split_at(at);
        if !text.is_empty() {
            parts.push(Part::Text(text.to_owned()));
        }
        let known = [("{body}", Part::Body), ("{timestamp}", Part::Timestamp)];
        let Some((name, part)) = known.into_iter().find(|(name, _)| tail.starts_with(name)) else {
            // The registry refuses others.
            parts.push(Part::Text(tail.to_owned()));
            return parts;
        };
        parts.push(part);
        rest = &tail[name.len()..];
    }
    if !rest.is_empty() {
        parts.push(Part::Text(rest.to_owned()));
    }
    parts
}

// === impl Keyed ===

impl Keyed {
    pub(super) fn new(algorithm: Algorithm, key: &[u8]) -> Result<Self, String> {
        match algorithm {
            Algorithm::Sha1 => Hmac::new_from_slice(key).map(Self::Sha1),
            Algorithm::Sha256 => Hmac::new_from_slice(key).map(Self::Sha256),
            Algorithm::Sha512 => Hmac::new_from_slice(key).map(Self::Sha512),
        }
        .map_err(|error| error.to_string())
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha1(keyed) => keyed.update(bytes),
            Self::Sha256(keyed) => keyed.update(bytes),
            Self::Sha512(keyed) => keyed.update(bytes),
        }
    }

    // `verify_slice` compares in constant time.
    pub(super) fn is(&self, signature: &[u8]) -> bool {
        match self.clone() {
            Self::Sha1(keyed) => keyed.verify_slice(signature).is_ok(),
            Self::Sha256(keyed) => keyed.verify_slice(signature).is_ok(),
            Self::Sha512(keyed) => keyed.verify_slice(signature).is_ok(),
        }
    }
}
