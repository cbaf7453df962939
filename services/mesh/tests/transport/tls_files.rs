//! Certificates as files.

use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use rfe_mesh::tls::{DialTls, ListenTls};
use tempfile::TempDir;

/// An authority and what it signs, in a folder.
pub struct Authority {
    folder: TempDir,
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    pub fn new(name: &str) -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).expect("an authority").pem();
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("ca.pem"), &pem).expect("a file");
        Self { folder, issuer: Issuer::new(params, key), pem }
    }

    /// Its own certificate.
    pub fn ca(&self) -> PathBuf {
        self.path("ca.pem")
    }

    /// The same as text.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a certificate and its key as `NAME.pem` and `NAME.key`, valid until the end of a year.
    pub fn sign(&self, name: &str, until: i32) -> (PathBuf, PathBuf) {
        let key = KeyPair::generate().expect("a key");
        let names = ["localhost", "127.0.0.1"].map(str::to_owned);
        let mut params = CertificateParams::new(names).expect("names");
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        params.not_after = rcgen::date_time_ymd(until, 12, 31);
        let signed = params.signed_by(&key, &self.issuer).expect("a certificate");
        let (certificate, private) = (self.path(&format!("{name}.pem")), self.path(&format!("{name}.key")));
        std::fs::write(&certificate, signed.pem()).expect("a file");
        std::fs::write(&private, key.serialize_pem()).expect("a file");
        (certificate, private)
    }

    /// The files of a listener.
    pub fn listen(&self, until: i32) -> ListenTls {
        let (certificate, key) = self.sign("server", until);
        ListenTls { certificate, key, client_ca: None }
    }
}

/// A dial that trusts an authority.
pub fn trusting(ca: &Path) -> DialTls {
    DialTls { ca: Some(ca.to_owned()), ..DialTls::default() }
}
