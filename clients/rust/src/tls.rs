//! TLS of `https://` addresses: whom to trust, and what to show.

use std::{
    fs,
    path::{Path, PathBuf},
};

use tonic::transport::{Certificate, ClientTlsConfig, Endpoint, Identity};

use crate::{Error, Result};

/// Files for `https://` addresses, all PEM. Without any, the authorities of the system are trusted and no certificate is shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tls {
    /// Authorities that are trusted beside the system's (`RFE_TLS_CA`).
    pub ca: Option<PathBuf>,
    /// The certificate to show, where a server wants one (`RFE_TLS_CLIENT_CERT`).
    pub certificate: Option<PathBuf>,
    /// Its private key (`RFE_TLS_CLIENT_KEY`).
    pub key: Option<PathBuf>,
}

impl Tls {
    /// An endpoint that speaks TLS with these files.
    pub(crate) fn on(&self, endpoint: &Endpoint, url: &str) -> Result<Endpoint> {
        let own = self.own()?;
        match endpoint.clone().tls_config(own.clone().with_native_roots()) {
            // A system without authorities of its own, such as a small container, is no obstacle where others are named.
            Err(_) if self.ca.is_some() => endpoint.clone().tls_config(own),
            tried => tried,
        }
        .map_err(|error| Error::Address { url: url.to_owned(), reason: told(&error) })
    }

    fn own(&self) -> Result<ClientTlsConfig> {
        let mut config = ClientTlsConfig::new();
        if let Some(path) = &self.ca {
            let pem = read("RFE_TLS_CA", path)?;
            if !pem.windows(BEGIN.len()).any(|window| window == BEGIN) {
                return Err(wrong("RFE_TLS_CA", path, "holds no certificate in PEM form"));
            }
            config = config.ca_certificate(Certificate::from_pem(pem));
        }
        match (&self.certificate, &self.key) {
            (Some(certificate), Some(key)) => {
                let certificate = read("RFE_TLS_CLIENT_CERT", certificate)?;
                Ok(config.identity(Identity::from_pem(certificate, read("RFE_TLS_CLIENT_KEY", key)?)))
            }
            (None, None) => Ok(config),
            (Some(path), None) => {
                Err(wrong("RFE_TLS_CLIENT_CERT", path, "needs RFE_TLS_CLIENT_KEY beside it"))
            }
            (None, Some(path)) => {
                Err(wrong("RFE_TLS_CLIENT_KEY", path, "needs RFE_TLS_CLIENT_CERT beside it"))
            }
        }
    }
}

const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";

fn read(setting: &'static str, path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(|error| wrong(setting, path, &error.to_string()))
}

fn wrong(setting: &'static str, path: &Path, reason: &str) -> Error {
    Error::Tls { setting, path: path.to_owned(), reason: reason.to_owned() }
}

fn told(error: &(dyn std::error::Error + 'static)) -> String {
    std::iter::successors(Some(error), |error| error.source())
        .last()
        .map_or_else(String::new, ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(tls: &Tls) -> String {
        let endpoint = Endpoint::from_static("https://127.0.0.1:1");
        tls.on(&endpoint, "https://127.0.0.1:1").expect_err("it is wrong").to_string()
    }

    #[test]
    fn a_file_that_can_not_serve_is_named_with_its_setting() {
        let missing = Tls { ca: Some("/nowhere/ca.pem".into()), ..Tls::default() };
        let text = refused(&missing);
        assert!(text.contains("RFE_TLS_CA") && text.contains("/nowhere/ca.pem"), "{text}");
        let half = Tls { certificate: Some("/nowhere/me.pem".into()), ..Tls::default() };
        assert!(refused(&half).contains("RFE_TLS_CLIENT_KEY"), "{}", refused(&half));
        let half = Tls { key: Some("/nowhere/me.key".into()), ..Tls::default() };
        assert!(refused(&half).contains("RFE_TLS_CLIENT_CERT"), "{}", refused(&half));
        let other =
            Tls { ca: Some(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml").into()), ..Tls::default() };
        assert!(refused(&other).contains("no certificate"), "{}", refused(&other));
    }
}
