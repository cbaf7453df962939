//! One page from the server, with what its status means.

use std::time::Duration;

use rfe_model::letter::Stage;
use tokio::time::sleep;

use crate::{
    ReadError,
    error::code,
    http::{Answer, Client, Request},
};

/// A server that asks for no more than this is waited for in place.
const PATIENCE: Duration = Duration::from_secs(30);

/// Fetches a page, waiting if the server asks for it.
pub(super) async fn fetch(client: &Client, request: &Request) -> Result<Answer, ReadError> {
    let mut patience = PATIENCE;
    loop {
        let answer = client.send(request).await?;
        let Some(error) = refused(&request.label, &answer) else { return Ok(answer) };
        let is_busy = matches!(answer.status.as_u16(), 429 | 503);
        match answer.retry_after {
            Some(wait) if is_busy && wait <= patience => {
                // A server that says 0 over and over must not be asked without pause.
                let wait = wait.max(Duration::from_millis(100));
                patience = patience.saturating_sub(wait);
                sleep(wait).await;
                if patience.is_zero() {
                    return Err(error);
                }
            }
            _ => return Err(error),
        }
    }
}

fn refused(label: &str, answer: &Answer) -> Option<ReadError> {
    let status = answer.status;
    if status.is_success() {
        return None;
    }
    let message = format!("`{label}` answered {status}");
    let is_transient =
        status.is_server_error() && status.as_u16() != 501 || matches!(status.as_u16(), 408 | 425 | 429);
    if !is_transient {
        return Some(ReadError::permanent(Stage::Read, code::HTTP_STATUS, message));
    }
    let error = ReadError::transient(code::HTTP_BUSY, message);
    Some(match answer.retry_after {
        Some(after) => error.retry_after(after),
        None => error,
    })
}
