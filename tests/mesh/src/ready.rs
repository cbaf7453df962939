//! Asks a process whether it is ready.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// Asks `/readyz`.
///
/// # Errors
/// What it answered instead of 200, or why it did not answer.
pub(crate) async fn ask(address: SocketAddr) -> Result<(), String> {
    let answer = tokio::time::timeout(ANSWER_WITHIN, get(address)).await;
    let text = answer.map_err(|_| "no answer".to_owned())?.map_err(|error| error.to_string())?;
    match text.split_whitespace().nth(1) {
        Some("200") => Ok(()),
        _ => Err(text),
    }
}

async fn get(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET /readyz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
