//! A proxy before Postgres that can lose the reply to a COMMIT: the server has committed, and the client never hears of it.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};

use tokio::{
    io::{
        AsyncBufRead, AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _,
        BufReader, BufWriter,
    },
    net::{TcpListener, TcpStream},
};

use crate::outage::{Line, Outage, reset};

/// Codes of a first message that asks for encryption, by TLS or by Kerberos.
const ENCRYPTION_REQUESTS: [u32; 2] = [80_877_103, 80_877_104];
const NO_ENCRYPTION: u8 = b'N';
const COMMAND_COMPLETE: u8 = b'C';
const COMMITTED: &[u8] = b"COMMIT\0";
/// Length of a message's length.
const LENGTH: u32 = 4;
const FIRST_MESSAGE: u32 = 10_000;

/// The proxy; it ends when it is dropped.
#[derive(Debug)]
pub struct PostgresProxy {
    port: u16,
    state: Arc<State>,
    task: tokio::task::JoinHandle<()>,
}

#[derive(Debug)]
struct State {
    upstream: SocketAddr,
    line: Line,
    rng: Mutex<fastrand::Rng>,
    /// The share of replies to be lost, and how many still.
    losing: Mutex<(f64, u32)>,
    lost: AtomicU32,
}

// === impl PostgresProxy ===

impl PostgresProxy {
    /// Stands before the Postgres on this port of loopback; everything passes until told otherwise.
    ///
    /// # Panics
    /// If no port is free.
    pub async fn start(upstream: u16, seed: u64) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port is free");
        let port = listener.local_addr().expect("a bound port has an address").port();
        let state = Arc::new(State {
            upstream: (Ipv4Addr::LOCALHOST, upstream).into(),
            line: Line::new(),
            rng: Mutex::new(fastrand::Rng::with_seed(seed)),
            losing: Mutex::new((0.0, 0)),
            lost: AtomicU32::new(0),
        });
        let task = tokio::spawn(accept(listener, state.clone()));
        Self { port, state, task }
    }

    /// The URL of the same database, through the proxy.
    pub fn url(&self, url: &str) -> String {
        url.replacen(&format!(":{}/", self.state.upstream.port()), &format!(":{}/", self.port), 1)
    }

    /// Loses the replies to so many more COMMITs, each with this probability: the connection is cut after the server has
    /// committed and before the client hears of it.
    pub fn lose_commits(&self, number: u32, share: f64) {
        let mut losing = self.state.losing.lock().unwrap_or_else(PoisonError::into_inner);
        *losing = (share, losing.1 + number);
    }

    /// Replies lost so far.
    pub fn lost(&self) -> u32 {
        self.state.lost.load(Ordering::Acquire)
    }

    /// Nothing works from now on.
    pub fn fail(&self, outage: Outage) {
        self.state.line.set(Some(outage));
    }

    /// Ends the outage.
    pub fn heal(&self) {
        self.state.line.set(None);
    }
}

impl Drop for PostgresProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, state: Arc<State>) {
    loop {
        // A client that has gone before it was accepted is nobody's loss.
        let Ok((stream, _)) = listener.accept().await else { continue };
        tokio::spawn(connection(stream, state.clone()));
    }
}

async fn connection(client: TcpStream, state: Arc<State>) {
    if state.line.is_refused() {
        reset(&client);
        return;
    }
    tokio::select! {
        // Either side has gone, or a reply was lost: both connections end with this function.
        _ended = relay(client, &state) => {}
        () = state.line.broken() => {}
    }
}

async fn relay(mut client: TcpStream, state: &State) -> io::Result<()> {
    client.set_nodelay(true)?;
    let first = first_message(&mut client).await?;
    state.line.wait().await;
    let mut server = TcpStream::connect(state.upstream).await?;
    server.set_nodelay(true)?;
    server.write_all(&first).await?;
    let (from_client, to_client) = client.split();
    let (from_server, to_server) = server.split();
    tokio::select! {
        ended = requests(from_client, to_server, state) => ended,
        ended = replies(BufReader::new(from_server), BufWriter::new(to_client), state) => ended,
    }
}

/// The message that names user and database, or cancels. The client is told that there is no encryption, which would hide all
/// else.
async fn first_message(client: &mut TcpStream) -> io::Result<Vec<u8>> {
    loop {
        let (length, code) = (client.read_u32().await?, client.read_u32().await?);
        if ENCRYPTION_REQUESTS.contains(&code) {
            client.write_u8(NO_ENCRYPTION).await?;
            continue;
        }
        if !(2 * LENGTH..FIRST_MESSAGE).contains(&length) {
            return Err(io::Error::other(format!("a first message of {length} bytes is none of Postgres")));
        }
        let mut message = Vec::from(length.to_be_bytes());
        message.extend(code.to_be_bytes());
        client.take(u64::from(length - 2 * LENGTH)).read_to_end(&mut message).await?;
        return Ok(message);
    }
}

async fn requests(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    state: &State,
) -> io::Result<()> {
    let mut buffer = vec![0; 16 << 10];
    loop {
        let read = from.read(&mut buffer).await?;
        if read == 0 {
            return Ok(());
        }
        state.line.wait().await;
        to.write_all(&buffer[..read]).await?;
    }
}

async fn replies(
    mut from: impl AsyncBufRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    state: &State,
) -> io::Result<()> {
    loop {
        if from.fill_buf().await?.is_empty() {
            return Ok(());
        }
        state.line.wait().await;
        let kind = from.read_u8().await?;
        let length = from.read_u32().await?;
        let mut payload = (&mut from).take(u64::from(length.saturating_sub(LENGTH)));
        if kind == COMMAND_COMPLETE {
            let mut tag = Vec::new();
            payload.read_to_end(&mut tag).await?;
            if tag == COMMITTED && state.loses_one() {
                return Ok(());
            }
            write_head(&mut to, kind, length).await?;
            to.write_all(&tag).await?;
        } else {
            write_head(&mut to, kind, length).await?;
            tokio::io::copy_buf(&mut payload, &mut to).await?;
        }
        to.flush().await?;
    }
}

async fn write_head(to: &mut (impl AsyncWrite + Unpin), kind: u8, length: u32) -> io::Result<()> {
    to.write_u8(kind).await?;
    to.write_u32(length).await
}

// === impl State ===

impl State {
    fn loses_one(&self) -> bool {
        let mut losing = self.losing.lock().unwrap_or_else(PoisonError::into_inner);
        let drawn = self.rng.lock().unwrap_or_else(PoisonError::into_inner).f64();
        if losing.1 == 0 || drawn >= losing.0 {
            return false;
        }
        losing.1 -= 1;
        self.lost.fetch_add(1, Ordering::AcqRel);
        true
    }
}
