//! `rfe ready URL`: whether a process says that it is ready; for health checks of containers, which have no other program.

use std::{process::ExitCode, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::fail;

const ANSWER_WITHIN: Duration = Duration::from_secs(3);

/// Prints what `/readyz` says; 0 if the process is ready.
pub(super) async fn run(url: &str) -> ExitCode {
    let Some(address) = url.strip_prefix("http://").map(|rest| rest.trim_end_matches('/')) else {
        return fail(&format!("`{url}` is no URL like http://127.0.0.1:50051"), 2);
    };
    let answer = tokio::time::timeout(ANSWER_WITHIN, ask(address)).await;
    let answer = answer.unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()));
    match answer {
        Err(error) => fail(&format!("{url}: {error}"), 1),
        Ok(text) => {
            let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
            print!("{body}");
            if head.split_whitespace().nth(1) == Some("200") { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
    }
}

async fn ask(address: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET /readyz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}
