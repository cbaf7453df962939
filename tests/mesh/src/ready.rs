//! Asks a process whether it is ready.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    process::Stdio,
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    process::Command,
};

const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// When a process is ready.
#[derive(Debug, Clone)]
pub(crate) enum Ready {
    /// It answers a path with 200.
    Http { port: u16, path: &'static str },
    /// It takes connections.
    Postgres { port: u16, pg_isready: PathBuf },
    /// It answers a ping.
    Redis { port: u16 },
    /// It has ended well.
    Done,
    /// It runs.
    Started,
}

// === impl Ready ===

impl Ready {
    /// Asks a process at this address.
    ///
    /// # Errors
    /// What it answered instead, or why it did not answer.
    pub(crate) async fn ask(&self, own: Ipv4Addr) -> Result<(), String> {
        let answer = tokio::time::timeout(ANSWER_WITHIN, self.answer(own)).await;
        let (text, well) = answer.map_err(|_| "no answer".to_owned())?.map_err(|error| error.to_string())?;
        if well { Ok(()) } else { Err(text) }
    }

    /// What it says, and whether that is well.
    async fn answer(&self, own: Ipv4Addr) -> std::io::Result<(String, bool)> {
        match self {
            Self::Http { port, path } => {
                let address = SocketAddr::from((own, *port));
                let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
                let text = exchange(address, &request).await?;
                let well = text.split_whitespace().nth(1) == Some("200");
                Ok((text, well))
            }
            Self::Redis { port } => {
                let text = exchange((own, *port).into(), "PING\r\nQUIT\r\n").await?;
                let well = text.starts_with("+PONG");
                Ok((text, well))
            }
            Self::Postgres { port, pg_isready } => {
                let mut command = Command::new(pg_isready);
                command.args(["--host", &own.to_string(), "--port", &port.to_string()]).stdin(Stdio::null());
                let output = command.output().await?;
                Ok((String::from_utf8_lossy(&output.stdout).into_owned(), output.status.success()))
            }
            Self::Done => Ok(("has not ended".to_owned(), false)),
            Self::Started => Ok((String::new(), true)),
        }
    }
}

async fn exchange(address: SocketAddr, request: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
