//! TLS by files: of listeners and of dials. Files that change are read again, so that a certificate is renewed without a restart.

mod dial;
mod listen;
mod pem;

use std::path::PathBuf;

pub use dial::ClientTls;
pub use listen::ServerTls;

/// The files of a listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenTls {
    /// The certificate and the ones that lead to its authority, PEM (`RFE_TLS_CERT`).
    pub certificate: PathBuf,
    /// Its private key, PEM (`RFE_TLS_KEY`).
    pub key: PathBuf,
    /// The authorities of clients, PEM; with them a client without a certificate is refused (`RFE_TLS_CLIENT_CA`).
    pub client_ca: Option<PathBuf>,
}

/// The files of a dial. Without any, the system's authorities are trusted and no certificate is shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DialTls {
    /// Authorities that are trusted beside the system's, PEM (`RFE_TLS_CA`).
    pub ca: Option<PathBuf>,
    /// The certificate to show, PEM (`RFE_TLS_CLIENT_CERT`).
    pub certificate: Option<PathBuf>,
    /// Its private key, PEM (`RFE_TLS_CLIENT_KEY`).
    pub key: Option<PathBuf>,
}

/// Why files are of no use for TLS. The text begins with the setting and the file at fault.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file can't be read.
    #[error("{setting}: {}: {source}", path.display())]
    Unreadable {
        /// The setting that names the file.
        setting: &'static str,
        /// The file.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// A file holds nothing of what it is for.
    #[error("{setting}: {} holds no {what}", path.display())]
    Empty {
        /// The setting that names the file.
        setting: &'static str,
        /// The file.
        path: PathBuf,
        /// What it should hold.
        what: &'static str,
    },
    /// A file is broken, or holds what can't be used.
    #[error("{setting}: {}: {reason}", path.display())]
    Unusable {
        /// The setting that names the file.
        setting: &'static str,
        /// The file.
        path: PathBuf,
        /// The reason.
        reason: String,
    },
    /// A key is another certificate's.
    #[error("{setting}: {} is not the key of {}", key.display(), certificate.display())]
    Mismatch {
        /// The setting that names the key.
        setting: &'static str,
        /// The key.
        key: PathBuf,
        /// The certificate.
        certificate: PathBuf,
    },
    /// One of a pair is missing.
    #[error("{given} is set and {missing} is not; a certificate and its key belong together")]
    Half {
        /// The setting that is there.
        given: &'static str,
        /// The one that is not.
        missing: &'static str,
    },
}
