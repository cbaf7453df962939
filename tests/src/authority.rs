//! An authority of certificates, made for a test.

use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use tempfile::TempDir;

use crate::Settings;

/// An authority, and certificates that it signed, as files that end with it.
#[derive(Debug)]
pub struct Authority {
    folder: TempDir,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key, as PEM.
#[derive(Debug, Clone)]
pub struct Signed {
    /// The file of the certificate.
    pub certificate: PathBuf,
    /// The file of its key.
    pub key: PathBuf,
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

impl Authority {
    /// A new one that nobody trusts yet.
    ///
    /// # Panics
    /// If it can't be made.
    pub fn new() -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // A certificate with the same name as its authority would pass for one that is signed by itself.
        params.distinguished_name.push(DnType::CommonName, "authority of a journey");
        let pem = params.self_signed(&key).expect("an authority").pem();
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("ca.pem"), pem).expect("a file");
        Self { folder, issuer: Issuer::new(params, key) }
    }

    /// The file of its own certificate, for whoever is to trust it.
    pub fn ca(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// A certificate for this machine, of a server or a client.
    ///
    /// # Panics
    /// If it can't be made.
    pub fn sign(&self, name: &str) -> Signed {
        let key = KeyPair::generate().expect("a key");
        let names = ["localhost", "127.0.0.1"].map(str::to_owned);
        let mut params = CertificateParams::new(names).expect("names");
        params.distinguished_name.push(DnType::CommonName, name);
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let signed = params.signed_by(&key, &self.issuer).expect("a certificate");
        let path = |ending: &str| self.folder.path().join(format!("{name}.{ending}"));
        std::fs::write(path("pem"), signed.pem()).expect("a file");
        std::fs::write(path("key"), key.serialize_pem()).expect("a file");
        Signed { certificate: path("pem"), key: path("key") }
    }
}

impl Settings {
    /// Listens with this certificate.
    #[must_use]
    pub fn with_certificate(self, server: &Signed) -> Self {
        self.with("RFE_TLS_CERT", text(&server.certificate)).with("RFE_TLS_KEY", text(&server.key))
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path is text")
}
