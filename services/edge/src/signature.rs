//! Who may send to a source: checked over the raw bytes of a request, before anything reads them. Secrets are compared in constant
//! time, and an answer never says what was expected.

mod encoded;
mod hmac;
mod shown;
mod standard;
#[cfg(test)]
pub(crate) mod tests;
mod when;

use std::time::SystemTime;

use http::{HeaderMap, Uri};
use rfe_model::{
    ErrorCode, Fault,
    fault::reason,
    secret::SecretStore,
    verify::{self, Verify},
};

use self::{hmac::HmacSignature, shown::Shown, standard::StandardSignature};

/// Checks the requests to one source.
#[derive(Debug)]
pub(crate) enum Signature {
    /// A secret is shown.
    Shown(Shown),
    /// The body is signed.
    Hmac(HmacSignature),
    /// The body is signed as Standard Webhooks say.
    Standard(StandardSignature),
    /// The body is signed as GitHub does.
    Github(HmacSignature),
}

// === impl Signature ===

impl Signature {
    /// Resolves the secrets; `None` if anybody may send. The error says why a secret does not resolve, never what it is.
    pub(crate) fn new(verify: &Verify, secrets: &dyn SecretStore) -> Result<Option<Self>, String> {
        Ok(Some(match verify {
            Verify::None => return Ok(None),
            Verify::Secret(secret) => Self::Shown(Shown::secret(secret, secrets)?),
            Verify::Bearer(bearer) => Self::Shown(Shown::bearer(bearer, secrets)?),
            Verify::Basic(basic) => Self::Shown(Shown::basic(basic, secrets)?),
            Verify::Hmac(written) => Self::Hmac(HmacSignature::new(written, secrets)?),
            Verify::Standard(written) => Self::Standard(StandardSignature::new(written, secrets)?),
            Verify::Github(verify::Github { secret }) => {
                Self::Github(HmacSignature::github(secret, secrets)?)
            }
        }))
    }

    /// Refuses what its head alone shows to be not allowed, so that its body needs no room.
    pub(crate) fn check_head(&self, uri: &Uri, headers: &HeaderMap, now: SystemTime) -> Result<(), Fault> {
        match self {
            Self::Shown(shown) => shown.check(uri, headers),
            Self::Hmac(signature) | Self::Github(signature) => signature.check_head(headers, now),
            Self::Standard(signature) => signature.check_head(headers, now),
        }
    }

    /// Refuses a body that is not signed.
    pub(crate) fn check_body(&self, headers: &HeaderMap, body: &[u8]) -> Result<(), Fault> {
        match self {
            Self::Shown(_) => Ok(()),
            Self::Hmac(signature) | Self::Github(signature) => signature.check_body(headers, body),
            Self::Standard(signature) => signature.check_body(headers, body),
        }
    }

    /// The header that proves who sent, which is not kept.
    pub(crate) fn header(&self) -> Option<&str> {
        match self {
            Self::Shown(shown) => shown.header(),
            Self::Hmac(signature) | Self::Github(signature) => Some(signature.header()),
            Self::Standard(_) => Some(standard::SIGNATURE),
        }
    }

    /// The header in which such senders put an event's id.
    pub(crate) fn id_header(&self) -> Option<&'static str> {
        matches!(self, Self::Github(_)).then_some("x-github-delivery")
    }
}

fn refused(message: impl Into<String>) -> Fault {
    Fault::new(ErrorCode::Unauthenticated, reason::SIGNATURE_INVALID, message)
}

/// A header that has to be there.
fn required<'a>(headers: &'a HeaderMap, name: &str, what: &str) -> Result<&'a str, Fault> {
    let value =
        headers.get(name).ok_or_else(|| refused(format!("the header `{name}` with {what} is missing")))?;
    value.to_str().map_err(|_| refused(format!("the header `{name}` with {what} is not plain ASCII")))
}
