//! What is read from files, and when to read them again.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use rustls::{
    RootCertStore,
    crypto::CryptoProvider,
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{Error, PemObject as _},
    },
};

use super::TlsError;

const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// A file and the setting that names it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Named<'a> {
    pub(super) setting: &'static str,
    pub(super) path: &'a Path,
}

impl Named<'_> {
    /// The certificates of the file, at least one.
    pub(super) fn certificates(self) -> Result<Vec<CertificateDer<'static>>, TlsError> {
        let read = CertificateDer::pem_slice_iter(&self.read()?).collect::<Result<Vec<_>, _>>();
        let found = read.map_err(|error| self.broken(error, "certificate"))?;
        if found.is_empty() { Err(self.empty("certificate")) } else { Ok(found) }
    }

    /// The first private key of the file.
    pub(super) fn key(self) -> Result<PrivateKeyDer<'static>, TlsError> {
        PrivateKeyDer::from_pem_slice(&self.read()?).map_err(|error| self.broken(error, "private key"))
    }

    /// Adds the file's certificates to the authorities.
    pub(super) fn authorities(self, roots: &mut RootCertStore) -> Result<(), TlsError> {
        for certificate in self.certificates()? {
            roots.add(certificate).map_err(|error| self.unusable(error))?;
        }
        Ok(())
    }

    /// The error of a file that is read but can't be used.
    pub(super) fn unusable(self, reason: impl std::fmt::Display) -> TlsError {
        let (setting, path) = (self.setting, self.path.to_owned());
        TlsError::Unusable { setting, path, reason: reason.to_string() }
    }

    fn read(self) -> Result<Vec<u8>, TlsError> {
        let (setting, path) = (self.setting, self.path.to_owned());
        std::fs::read(self.path).map_err(|source| TlsError::Unreadable { setting, path, source })
    }

    fn broken(self, error: Error, what: &'static str) -> TlsError {
        match error {
            Error::NoItemsFound => self.empty(what),
            other => self.unusable(other),
        }
    }

    fn empty(self, what: &'static str) -> TlsError {
        TlsError::Empty { setting: self.setting, path: self.path.to_owned(), what }
    }
}

/// The error of a certificate and key that rustls does not take.
pub(super) fn refused(certificate: Named<'_>, key: Named<'_>, error: rustls::Error) -> TlsError {
    match error {
        rustls::Error::InconsistentKeys(_) => TlsError::Mismatch {
            setting: key.setting,
            key: key.path.to_owned(),
            certificate: certificate.path.to_owned(),
        },
        rustls::Error::InvalidCertificate(_) => certificate.unusable(error),
        other => key.unusable(other),
    }
}

/// The cryptography: named, so that nothing depends on which library was first to install a default.
pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// Tells when one of some files changed.
#[derive(Debug)]
pub(super) struct Watched {
    files: Vec<PathBuf>,
    seen: Vec<Option<(SystemTime, u64)>>,
    looked: Instant,
}

impl Watched {
    /// Watches files from how they are now.
    pub(super) fn new<'a>(files: impl IntoIterator<Item = &'a PathBuf>) -> Self {
        let files: Vec<PathBuf> = files.into_iter().cloned().collect();
        let seen = files.iter().map(|file| look(file)).collect();
        Self { files, seen, looked: Instant::now() }
    }

    /// True once after a change; looks at most once a second.
    pub(super) fn changed(&mut self) -> bool {
        if self.looked.elapsed() < LOOK_AGAIN {
            return false;
        }
        self.looked = Instant::now();
        let now = self.files.iter().map(|file| look(file)).collect();
        let changed = self.seen != now;
        self.seen = now;
        changed
    }
}

fn look(file: &Path) -> Option<(SystemTime, u64)> {
    let metadata = std::fs::metadata(file).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}
