//! One connection: TCP, TLS where asked for, HTTP/2.

use std::{io, net::SocketAddr, time::Duration};

use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    sync::oneshot,
    task::JoinHandle,
};
use tonic::body::Body;

use super::target::Target;
use crate::{tls::ClientTls, wire::Overheard};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const PING_EVERY: Duration = Duration::from_secs(10);
const PING_TIMEOUT: Duration = Duration::from_secs(10);
// As the server's.
const WINDOW: u32 = 4 << 20;
const HEADERS: u32 = 32 << 10;

/// Sends requests on a connection.
pub(super) type Sender = http2::SendRequest<Body>;

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectError {
    #[error("{0}")]
    Tcp(io::Error),
    #[error("TLS: {0}")]
    Tls(io::Error),
    // In TLS 1.3 a server refuses a client's certificate when the client believes that all is well.
    #[error(
        "TLS: it ended the connection ({0}); it may want another certificate, or one at all (RFE_TLS_CLIENT_CERT)"
    )]
    Unwelcome(String),
    #[error("no answer within {CONNECT_TIMEOUT:?}")]
    Timeout,
    #[error("it speaks no HTTP/2 over TLS")]
    Protocol,
    #[error("HTTP/2: {0}")]
    Http(String),
}

/// Connects. The connection counts as made once the other side said something: a process that is frozen, or that accepts only to
/// refuse a certificate, has not.
pub(super) async fn connect(
    target: &Target,
    address: SocketAddr,
    tls: Option<&ClientTls>,
) -> Result<(Sender, JoinHandle<Option<hyper::Error>>), ConnectError> {
    let made = tokio::time::timeout(CONNECT_TIMEOUT, async {
        let stream = TcpStream::connect(address).await.map_err(ConnectError::Tcp)?;
        let _best_effort = stream.set_nodelay(true);
        match tls.filter(|_| target.secure) {
            None => handshake(stream).await,
            Some(tls) => handshake(encrypted(target, tls, stream).await?).await.map_err(unwelcome),
        }
    });
    made.await.unwrap_or(Err(ConnectError::Timeout))
}

fn unwelcome(error: ConnectError) -> ConnectError {
    match error {
        ConnectError::Http(reason) => ConnectError::Unwelcome(reason),
        other => other,
    }
}

async fn encrypted(
    target: &Target,
    tls: &ClientTls,
    stream: TcpStream,
) -> Result<tokio_rustls::client::TlsStream<TcpStream>, ConnectError> {
    let name = ServerName::try_from(target.host.clone())
        .map_err(|error| ConnectError::Tls(io::Error::new(io::ErrorKind::InvalidInput, error)))?;
    let stream = tls.connector().connect(name, stream).await.map_err(ConnectError::Tls)?;
    // A server that says nothing about protocols is believed to speak HTTP/2, as everywhere in gRPC.
    match stream.get_ref().1.alpn_protocol() {
        None | Some(b"h2") => Ok(stream),
        Some(_) => Err(ConnectError::Protocol),
    }
}

async fn handshake<I>(io: I) -> Result<(Sender, JoinHandle<Option<hyper::Error>>), ConnectError>
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (heard, first) = oneshot::channel();
    let mut heard = Some(heard);
    let tell = move |read: Result<usize, &io::Error>| {
        // An end without a byte drops the stream, and so the sender.
        let said = match read {
            Ok(0) => return,
            Ok(_) => Ok(()),
            Err(error) => Err(io::Error::new(error.kind(), error.to_string())),
        };
        if let Some(heard) = heard.take() {
            let _nobody_waits = heard.send(said);
        }
    };
    let io = TokioIo::new(Overheard { io, tell });
    let (sender, connection) = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(2 * WINDOW)
        .max_header_list_size(HEADERS)
        .keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PING_TIMEOUT)
        .keep_alive_while_idle(true)
        .handshake(io)
        .await
        .map_err(|error| ConnectError::Http(chain(&error)))?;
    // A task of its own, and hyper has another one below it: what runs on the connection goes on when the address is given up.
    let ended = tokio::spawn(async move { connection.await.err() });
    match first.await {
        Ok(Ok(())) => Ok((sender, ended)),
        Ok(Err(error)) => Err(ConnectError::Http(error.to_string())),
        Err(_) => Err(ConnectError::Http(
            ended
                .await
                .ok()
                .flatten()
                .map_or_else(|| "it was closed at once".to_owned(), |error| chain(&error)),
        )),
    }
}

/// An error with its causes in one line.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.ends_with(&next) {
            text = format!("{text}: {next}");
        }
        cause = error.source();
    }
    text
}
