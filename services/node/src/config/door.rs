//! `[door]`: who is let in, and how processes speak to each other.

use std::path::PathBuf;

use rfe_mesh::{
    channel::Dial,
    tls::{DialTls, ListenTls, ServerTls},
    tokens::Tokens,
};
use serde::Deserialize;

use super::Hidden;

/// `[door]`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DoorSection {
    /// The tokens that listeners accept; unset: none is needed.
    pub tokens_file: Option<PathBuf>,
    /// The token that this process sends to other roles.
    pub token: Option<Hidden>,
    /// The certificate of listeners; unset: they speak without TLS.
    pub tls_cert: Option<PathBuf>,
    /// Its key.
    pub tls_key: Option<PathBuf>,
    /// The authorities of clients; set: a client without a certificate is not let in.
    pub tls_client_ca: Option<PathBuf>,
    /// Authorities that are trusted beside the system's when others are called.
    pub tls_ca: Option<PathBuf>,
    /// The certificate that is shown then.
    pub tls_client_cert: Option<PathBuf>,
    /// Its key.
    pub tls_client_key: Option<PathBuf>,
}

/// What the listeners of a process have at hand.
#[derive(Debug, Clone, Default)]
pub struct Keys {
    /// The tokens that they accept; `None`: none is needed.
    pub tokens: Option<Tokens>,
    /// Their TLS.
    pub tls: Option<ServerTls>,
}

// === impl DoorSection ===

impl DoorSection {
    pub(super) fn check(&self) -> Result<(), String> {
        both("RFE_TLS_CERT", self.tls_cert.is_some(), "RFE_TLS_KEY", self.tls_key.is_some())?;
        both(
            "RFE_TLS_CLIENT_CERT",
            self.tls_client_cert.is_some(),
            "RFE_TLS_CLIENT_KEY",
            self.tls_client_key.is_some(),
        )?;
        if self.tls_client_ca.is_some() && self.tls_cert.is_none() {
            return Err("RFE_TLS_CLIENT_CA is set, but RFE_TLS_CERT and RFE_TLS_KEY are not: without TLS no client can show a certificate".to_owned());
        }
        Ok(())
    }

    /// Reads the files of listeners.
    ///
    /// # Errors
    /// If one can't be read or used; the text names the variable and the file.
    pub fn keys(&self) -> Result<Keys, String> {
        let tokens = self.tokens_file.as_ref().map(Tokens::load).transpose();
        let tokens = tokens.map_err(|error| format!("RFE_TOKENS_FILE: {error}"))?;
        let tls = match (&self.tls_cert, &self.tls_key) {
            (Some(certificate), Some(key)) => {
                let (certificate, key) = (certificate.clone(), key.clone());
                let files = ListenTls { certificate, key, client_ca: self.tls_client_ca.clone() };
                Some(ServerTls::load(&files).map_err(|error| error.to_string())?)
            }
            _ => None,
        };
        Ok(Keys { tokens, tls })
    }

    /// How this process calls others.
    pub fn dial(&self) -> Dial {
        let tls = DialTls {
            ca: self.tls_ca.clone(),
            certificate: self.tls_client_cert.clone(),
            key: self.tls_client_key.clone(),
        };
        let token = self.token.as_ref().map(|token| token.expose().trim().to_owned());
        Dial { tls: Some(tls), token, ..Dial::default() }
    }

    /// The scheme of this process's own addresses.
    pub fn scheme(&self) -> &'static str {
        if self.tls_cert.is_some() { "https" } else { "http" }
    }

    /// Refuses a process that calls other ones which want a token, and has none.
    ///
    /// # Errors
    /// With what is missing, for a person.
    pub fn has_token_for_others(&self) -> Result<(), String> {
        if self.tokens_file.is_none() || self.token.is_some() {
            return Ok(());
        }
        Err("RFE_TOKENS_FILE is set, but RFE_TOKEN is not: this process calls other roles, and they want a token; `rfe token create --scope admin` makes one".to_owned())
    }
}

fn both(one: &str, has_one: bool, other: &str, has_other: bool) -> Result<(), String> {
    match (has_one, has_other) {
        (true, false) => Err(format!("{one} is set, but {other} is not; both are needed")),
        (false, true) => Err(format!("{other} is set, but {one} is not; both are needed")),
        _ => Ok(()),
    }
}
