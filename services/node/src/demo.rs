//! What `rfe up --demo` does: sources to read, a first query over them, and three things to try.

use std::{fmt::Write as _, net::SocketAddr, path::Path, sync::Arc, time::Duration};

use rfe_demo::{FIRST_QUERY, data, mock_api, sources};
use rfe_mesh::{Shutdown, secret::ProcessSecrets, server};
use rfe_model::secret::SecretStore;
use tokio::net::TcpListener;

/// The demo's files and its mock API, ready before the node starts.
#[derive(Debug)]
pub struct Demo {
    api: SocketAddr,
    shutdown: Shutdown,
}

/// The process's secrets, and where the mock API listens.
#[derive(Debug)]
struct DemoSecrets {
    api: SocketAddr,
}

impl SecretStore for DemoSecrets {
    fn env(&self, name: &str) -> Result<String, String> {
        match (ProcessSecrets.env(name), name) {
            (Err(_), "MOCK_API_URL") => Ok(format!("http://{}", self.api)),
            (found, _) => found,
        }
    }

    fn file(&self, path: &str) -> Result<String, String> {
        ProcessSecrets.file(path)
    }
}

impl Demo {
    /// Writes the demo's files and serves its mock API on a free port of loopback.
    ///
    /// # Errors
    /// If a file can't be written or no port is free.
    pub async fn prepare(folder: &Path) -> std::io::Result<Self> {
        let folder = folder.to_owned();
        tokio::task::spawn_blocking(move || data::write(&folder)).await.map_err(std::io::Error::other)??;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let api = listener.local_addr()?;
        let shutdown = Shutdown::new();
        server::spawn(listener, mock_api::router(), None, &shutdown);
        Ok(Self { api, shutdown })
    }

    /// References of the demo's sources resolve here.
    pub fn secrets(&self) -> Arc<dyn SecretStore> {
        Arc::new(DemoSecrets { api: self.api })
    }

    /// Stops the mock API.
    pub async fn stop(self) {
        self.shutdown.begin();
        self.shutdown.drained(Duration::from_secs(2)).await;
    }
}

/// Writes the demo's files, and its sources beside them.
///
/// # Errors
/// If a file can't be written.
pub async fn write(folder: &Path, sources: &str, name: &str) -> std::io::Result<()> {
    let (folder, sources, name) = (folder.to_owned(), sources.to_owned(), name.to_owned());
    let written = tokio::task::spawn_blocking(move || {
        data::write(&folder)?;
        std::fs::write(folder.join(name), sources)
    });
    written.await.map_err(std::io::Error::other)?
}

/// The demo's `sources.yaml`.
pub fn sources_yaml(folder: &Path, interval: Duration) -> String {
    sources::yaml(folder, interval)
}

/// Sources whose first job the demo submits.
pub const PULLED: [&str; 4] = sources::PULLED;

/// The query that the demo runs first.
pub const QUERY: &str = FIRST_QUERY;

/// Three things to try, ready to paste.
pub fn things_to_try(http: SocketAddr, grpc: SocketAddr) -> String {
    let mut text = String::new();
    let _infallible = write!(
        text,
        r#"
Three things to try:

1. Send a webhook, then see it in SQL:

   curl -X POST http://{http}/webhooks/zendesk -H 'Content-Type: application/json' \
     -d '{{"event_type":"ticket_created","data":{{"ticket_id":987,"priority":"high"}}}}'
   sleep 2   # events land in batches, a second apart
   {query} "SELECT event_type, data, _received_at FROM zendesk"

2. Ask the services:

   grpcurl -plaintext {grpc} list
   grpcurl -plaintext {grpc} rfe.metadata.v1.MetadataService/ListDatasets

3. Query from Python (pip install pyarrow):

   python3 - <<'PY'
   import pyarrow.flight as flight
   client = flight.connect("grpc://{grpc}")
   print(client.do_get(flight.Ticket("SELECT count(*) AS orders FROM orders_parquet")).read_all())
   PY
"#,
        query = command(grpc),
    );
    text
}

// The binary is rarely on the PATH of somebody who typed `make up`.
fn command(grpc: SocketAddr) -> String {
    let binary = std::env::current_exe().map_or_else(|_| "rfe".to_owned(), |path| path.display().to_string());
    if grpc.port() == 50051 && grpc.ip().is_loopback() {
        format!("{binary} query")
    } else {
        format!("{binary} --url http://{grpc} query")
    }
}
