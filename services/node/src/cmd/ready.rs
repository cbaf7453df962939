//! `rfe ready URL`: whether a process says that it is ready; for health checks of containers, which have no other program.

use std::{future::poll_fn, path::PathBuf, pin::pin, process::ExitCode, time::Duration};

use hyper::body::Body as _;
use rfe_mesh::{MeshChannel, channel::Dial, tls::DialTls};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tonic::body::Body;
use tower::Service as _;

use super::fail;

const ANSWER_WITHIN: Duration = Duration::from_secs(3);
const PAGE: &str = "/readyz";

struct Answer {
    ready: bool,
    text: String,
}

/// Prints what `/readyz` says, on stderr if the process is not ready; 0 if it is, else 1.
pub(super) async fn run(url: &str) -> ExitCode {
    let asked = tokio::time::timeout(ANSWER_WITHIN, async {
        match url.split_once("://") {
            Some(("http", rest)) => plain(authority(rest)).await.map_err(|error| error.to_string()),
            Some(("https", rest)) => encrypted(&format!("https://{}", authority(rest))).await,
            _ => Err("it is no URL like http://127.0.0.1:50051".to_owned()),
        }
    });
    match asked.await.unwrap_or_else(|_| Err(format!("no answer within {ANSWER_WITHIN:?}"))) {
        Ok(Answer { ready: true, text }) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Ok(Answer { ready: false, text }) => {
            eprint!("{text}");
            ExitCode::FAILURE
        }
        Err(error) => fail(&format!("{url}: {error}"), 1),
    }
}

fn authority(rest: &str) -> &str {
    rest.split('/').next().unwrap_or(rest)
}

async fn plain(address: &str) -> std::io::Result<Answer> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET {PAGE} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let ready = head.split_whitespace().nth(1) == Some("200");
    Ok(Answer { ready, text: body.to_owned() })
}

// As roles call each other: with the same authorities, and the same certificate to show.
async fn encrypted(url: &str) -> Result<Answer, String> {
    let tls = DialTls {
        ca: file("RFE_TLS_CA"),
        certificate: file("RFE_TLS_CLIENT_CERT"),
        key: file("RFE_TLS_CLIENT_KEY"),
    };
    let dial = Dial { tls: Some(tls), ..Dial::default() };
    let mut channel = MeshChannel::remote(url, &dial).map_err(|error| error.to_string())?;
    let request = http::Request::get(PAGE).body(Body::empty()).map_err(|error| error.to_string())?;
    let answer = channel.call(request).await.map_err(|status| status.message().to_owned())?;
    let ready = answer.status() == http::StatusCode::OK;
    let text = String::from_utf8_lossy(&read(answer.into_body()).await?).into_owned();
    Ok(Answer { ready, text })
}

async fn read(body: Body) -> Result<Vec<u8>, String> {
    let mut body = pin!(body);
    let mut bytes = Vec::new();
    while let Some(frame) = poll_fn(|context| body.as_mut().poll_frame(context)).await {
        let frame = frame.map_err(|status| status.message().to_owned())?;
        bytes.extend_from_slice(frame.data_ref().map_or(&[][..], AsRef::as_ref));
    }
    Ok(bytes)
}

fn file(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from)
}
