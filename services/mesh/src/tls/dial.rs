//! A dial's side.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;

use super::{
    DialTls, TlsError,
    pem::{Named, Watched, provider, refused},
};

/// What a dial needs for TLS. Clones are the same.
#[derive(Clone)]
pub struct ClientTls(Arc<Inner>);

struct Inner {
    files: DialTls,
    system: RootCertStore,
    current: Mutex<Current>,
}

struct Current {
    config: Arc<ClientConfig>,
    watched: Watched,
}

impl fmt::Debug for ClientTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ClientTls").field(&self.0.files).finish()
    }
}

impl ClientTls {
    /// Reads the files and the system's authorities. Later changes of the files are noticed by the next connection; files that
    /// are of no use then leave what was there before.
    ///
    /// # Errors
    /// If a file can't be read or used, or one of certificate and key is missing.
    pub fn load(files: &DialTls) -> Result<Self, TlsError> {
        let system = system();
        let named = [&files.ca, &files.certificate, &files.key];
        let watched = Watched::new(named.into_iter().filter_map(Option::as_ref));
        let current = Mutex::new(Current { config: config(files, &system)?, watched });
        Ok(Self(Arc::new(Inner { files: files.clone(), system, current })))
    }

    /// Does the next handshake.
    pub(crate) fn connector(&self) -> TlsConnector {
        let mut current = self.0.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.watched.changed() {
            match config(&self.0.files, &self.0.system) {
                Ok(config) => current.config = config,
                Err(error) => {
                    tracing::error!(%error, "certificates changed and are of no use; the old ones stay")
                }
            }
        }
        TlsConnector::from(current.config.clone())
    }
}

fn system() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(found.certs);
    roots
}

fn config(files: &DialTls, system: &RootCertStore) -> Result<Arc<ClientConfig>, TlsError> {
    const CA: &str = "RFE_TLS_CA";
    const CERTIFICATE: &str = "RFE_TLS_CLIENT_CERT";
    const KEY: &str = "RFE_TLS_CLIENT_KEY";
    let mut roots = system.clone();
    if let Some(path) = &files.ca {
        Named { setting: CA, path }.authorities(&mut roots)?;
    }
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("the provider has cipher suites for every version")
        .with_root_certificates(roots);
    let mut config = match (&files.certificate, &files.key) {
        (None, None) => builder.with_no_client_auth(),
        (Some(_), None) => return Err(TlsError::Half { given: CERTIFICATE, missing: KEY }),
        (None, Some(_)) => return Err(TlsError::Half { given: KEY, missing: CERTIFICATE }),
        (Some(certificate), Some(key)) => {
            let certificate = Named { setting: CERTIFICATE, path: certificate };
            let key = Named { setting: KEY, path: key };
            builder
                .with_client_auth_cert(certificate.certificates()?, key.key()?)
                .map_err(|error| refused(certificate, key, error))?
        }
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(Arc::new(config))
}
