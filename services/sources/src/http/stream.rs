//! Answers of any size, read while they arrive.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Version, header};
use rfe_model::letter::Stage;

use super::{Client, Guard, Request, SystemNames, builder, failed, retry_after};
use crate::{ReadError, error::code};

/// A server that sends nothing for so long has stopped.
const SILENCE: Duration = Duration::from_secs(60);

/// An answer whose body is arriving, as the server has it: nothing is decompressed.
#[derive(Debug)]
pub(crate) struct Body {
    response: reqwest::Response,
    label: String,
    /// Its length; 0 if the server does not say.
    pub(crate) bytes: u64,
    /// The etag, else the time of the last change; empty if the server says neither.
    pub(crate) version: String,
}

impl Client {
    /// A client for bodies of any size: no bound on the time for the whole, only on silence.
    pub(crate) fn for_bodies(allowed: &[String]) -> Result<Self, ReadError> {
        let guard = Arc::new(Guard::new(allowed));
        Self::built(builder(&guard, Arc::new(SystemNames)).read_timeout(SILENCE).no_gzip(), guard)
    }

    /// Asks for a file.
    ///
    /// # Errors
    /// As its status says; permanent if it is a web page, or if nobody could tell a whole body from one that was cut.
    pub(crate) async fn get(&self, request: &Request) -> Result<Body, ReadError> {
        let label = request.label.clone();
        let (_, response) = self.follow(request).await?;
        let text = |name: header::HeaderName| {
            response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
        };
        if !response.status().is_success() {
            let wait = retry_after::parse(&text(header::RETRY_AFTER), jiff::Timestamp::now());
            return Err(refused(&label, response.status(), wait));
        }
        if text(header::CONTENT_TYPE).to_ascii_lowercase().starts_with("text/html") {
            return Err(no_file(&label, "answers with a web page (text/html); is a login needed?"));
        }
        let length: Option<u64> = text(header::CONTENT_LENGTH).parse().ok();
        let is_chunked = response.headers().contains_key(header::TRANSFER_ENCODING);
        if response.version() < Version::HTTP_2 && length.is_none() && !is_chunked {
            let reason = "says neither how long the file is nor where it ends, so a part could pass for the whole; \
                          let the server send Content-Length, or download the file and read it locally";
            return Err(no_file(&label, reason));
        }
        let version = Some(text(header::ETAG)).filter(|etag| !etag.is_empty());
        let version = version.unwrap_or_else(|| text(header::LAST_MODIFIED));
        Ok(Body { response, label, bytes: length.unwrap_or(0), version })
    }
}

impl Body {
    /// The next bytes; `None` at the end.
    ///
    /// # Errors
    /// Transient if the body breaks off.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, ReadError> {
        self.response.chunk().await.map_err(|error| failed(&self.label, error))
    }
}

fn refused(label: &str, status: http::StatusCode, wait: Option<Duration>) -> ReadError {
    let message = format!("`{label}` answered {status}");
    let is_transient =
        status.is_server_error() && status.as_u16() != 501 || matches!(status.as_u16(), 408 | 425 | 429);
    if !is_transient {
        return ReadError::permanent(Stage::Read, code::HTTP_STATUS, message);
    }
    let error = ReadError::transient(code::HTTP_BUSY, message);
    match wait {
        Some(wait) => error.retry_after(wait),
        None => error,
    }
}

fn no_file(label: &str, reason: &str) -> ReadError {
    ReadError::permanent(Stage::Read, code::NOT_A_FILE, format!("`{label}` {reason}"))
}
