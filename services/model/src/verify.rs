//! `config.verify` of a webhook source: who may send. One definition for the registry, which refuses what is wrong with it, and for
//! the edge, which obeys it.

mod checks;
mod secrets;

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value as Json;

use crate::{Violation, duration, kind, name};

pub use secrets::Secrets;

/// How old or early a timestamp may be where the source does not say.
pub const TOLERANCE: Duration = Duration::from_secs(300);

const KINDS: [&str; 7] = ["none", "secret", "bearer", "basic", "hmac", "standard", "github"];

/// Who may send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verify {
    /// Anybody.
    None,
    /// Whoever shows a secret.
    Secret(SharedSecret),
    /// Whoever shows a secret as `Authorization: Bearer`.
    Bearer(Bearer),
    /// Whoever shows a name and a password as `Authorization: Basic`.
    Basic(Basic),
    /// Whoever signs the body with a secret.
    Hmac(Hmac),
    /// Whoever signs as Standard Webhooks say.
    Standard(Standard),
    /// Whoever signs as GitHub does.
    Github(Github),
}

/// Kind `secret`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SharedSecret {
    /// The secret.
    pub secret: Secrets,
    /// The header that shows it.
    pub header: Option<String>,
    /// The parameter of the URL that shows it.
    pub query: Option<String>,
}

/// Kind `bearer`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bearer {
    /// The token.
    #[serde(alias = "token")]
    pub secret: Secrets,
}

/// Kind `basic`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Basic {
    /// The name.
    #[serde(alias = "user")]
    pub username: String,
    /// The password.
    pub password: Secrets,
}

/// Kind `hmac`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hmac {
    /// The key.
    pub secret: Secrets,
    /// The header that holds the signature.
    pub header: String,
    /// The hash.
    #[serde(default)]
    pub algorithm: Algorithm,
    /// How the signature is written.
    #[serde(default)]
    pub encoding: Encoding,
    /// What stands before the signature; `sha256=` and the like are taken without being named.
    pub prefix: Option<String>,
    /// When the signature was made, so that nobody can send it again later.
    pub timestamp: Option<Timestamp>,
    /// What is signed, with `{body}` and `{timestamp}` in it.
    pub template: Option<String>,
}

/// When a signature was made.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Timestamp {
    /// The header that says it: seconds or milliseconds since 1970, or RFC 3339.
    pub header: String,
    /// How old or early it may be.
    #[serde(default, with = "duration::text")]
    pub tolerance: Option<Duration>,
}

/// A hash.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Algorithm {
    /// SHA-1.
    Sha1,
    /// SHA-256.
    #[default]
    Sha256,
    /// SHA-512.
    Sha512,
}

/// How bytes are written in a header.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// Hexadecimal digits.
    #[default]
    Hex,
    /// Base64.
    Base64,
}

/// Kind `standard`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Standard {
    /// `whsec_…` for HMAC, or `whpk_…`, a public key for Ed25519.
    pub secret: Secrets,
    /// How old or early the timestamp may be.
    #[serde(default, with = "duration::text")]
    pub tolerance: Option<Duration>,
}

/// Kind `github`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Github {
    /// The secret of the webhook at GitHub.
    pub secret: Secrets,
}

// === impl Verify ===

impl Verify {
    /// Reads what is written below `config.verify`.
    ///
    /// # Errors
    /// The field at fault, relative to `written`, with the nearest name of an unknown one.
    pub fn read(written: &Json) -> Result<Self, Violation> {
        let Json::Object(keys) = written else {
            return Err(Violation::new(
                "",
                "is no map with a key `kind`, such as `{kind: github, secret: …}`",
            ));
        };
        let mut keys = keys.clone();
        let kind = match keys.remove("kind") {
            Some(Json::String(kind)) => kind,
            Some(other) => return Err(unknown(&other.to_string())),
            None => return Err(Violation::new("", "the key `kind` is missing")),
        };
        let rest = Json::Object(keys);
        match kind.as_str() {
            "none" => kind::decode::<Nothing>(&rest).map(|Nothing {}| Self::None),
            "secret" | "shared_secret" => kind::decode(&rest).map(Self::Secret),
            "bearer" => kind::decode(&rest).map(Self::Bearer),
            "basic" => kind::decode(&rest).map(Self::Basic),
            "hmac" => kind::decode(&rest).map(Self::Hmac),
            "standard" | "standard_webhooks" => kind::decode(&rest).map(Self::Standard),
            "github" => kind::decode(&rest).map(Self::Github),
            other => Err(unknown(other)),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

fn unknown(kind: &str) -> Violation {
    let known = KINDS.join(", ");
    let reason = match name::nearest(kind, KINDS) {
        Some(nearest) => format!("`{kind}` is none of {known}; did you mean `{nearest}`?"),
        None => format!("`{kind}` is none of {known}"),
    };
    Violation::new("kind", reason)
}

// === impl Hmac ===

impl Hmac {
    /// What is signed: the body, and before it the timestamp where there is one, unless the source says otherwise.
    pub fn template(&self) -> &str {
        match (&self.template, &self.timestamp) {
            (Some(template), _) => template,
            (None, Some(_)) => "{timestamp}.{body}",
            (None, None) => "{body}",
        }
    }
}
