//! A listener's side.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use rustls::{
    RootCertStore, ServerConfig,
    server::{WebPkiClientVerifier, danger::ClientCertVerifier},
};
use tokio_rustls::TlsAcceptor;

use super::{
    ListenTls, TlsError,
    pem::{Named, Watched, provider, refused},
};

/// What a listener needs for TLS. Clones are the same.
#[derive(Clone)]
pub struct ServerTls(Arc<Inner>);

struct Inner {
    files: ListenTls,
    current: Mutex<Current>,
}

struct Current {
    config: Arc<ServerConfig>,
    watched: Watched,
}

impl fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ServerTls").field(&self.0.files).finish()
    }
}

impl ServerTls {
    /// Reads the files. Later changes are noticed within a second or two; files that are of no use then leave what was there before.
    ///
    /// # Errors
    /// If a file can't be read or used.
    pub fn load(files: &ListenTls) -> Result<Self, TlsError> {
        let watched =
            Watched::new([&files.certificate, &files.key].into_iter().chain(files.client_ca.as_ref()));
        let current = Mutex::new(Current { config: config(files)?, watched });
        Ok(Self(Arc::new(Inner { files: files.clone(), current })))
    }

    /// Does the next handshake.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        let mut current = self.0.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.watched.changed() {
            match config(&self.0.files) {
                Ok(config) => {
                    current.config = config;
                    tracing::info!("certificates of the listener read again");
                }
                Err(error) => {
                    tracing::error!(%error, "certificates changed and are of no use; the old ones stay")
                }
            }
        }
        TlsAcceptor::from(current.config.clone())
    }
}

fn config(files: &ListenTls) -> Result<Arc<ServerConfig>, TlsError> {
    let certificate = Named { setting: "RFE_TLS_CERT", path: &files.certificate };
    let key = Named { setting: "RFE_TLS_KEY", path: &files.key };
    let builder = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("the provider has cipher suites for every version");
    let builder = match &files.client_ca {
        None => builder.with_no_client_auth(),
        Some(path) => {
            builder.with_client_cert_verifier(verifier(Named { setting: "RFE_TLS_CLIENT_CA", path })?)
        }
    };
    let mut config = builder
        .with_single_cert(certificate.certificates()?, key.key()?)
        .map_err(|error| refused(certificate, key, error))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn verifier(ca: Named<'_>) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let mut roots = RootCertStore::empty();
    ca.authorities(&mut roots)?;
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider())
        .build()
        .map_err(|error| ca.unusable(error))
}
