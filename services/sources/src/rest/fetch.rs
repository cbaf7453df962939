//! One page from the server, with what its status means.

use std::time::Duration;

use http::{StatusCode, header::AUTHORIZATION};
use rfe_model::letter::Stage;
use tokio::time::sleep;

use super::{oauth::Tokens, plan::Plan, turn::Next};
use crate::{
    ReadError,
    error::code,
    http::{Answer, Client, Request},
};

/// A server that asks for no more than this is waited for in place.
const PATIENCE: Duration = Duration::from_secs(30);
/// A server that says 0 over and over is not asked without pause.
const LEAST: Duration = Duration::from_millis(100);

/// Fetches pages.
#[derive(Debug)]
pub(super) struct Fetch {
    client: Client,
    plan: Plan,
    tokens: Option<Tokens>,
}

impl Fetch {
    pub(super) fn new(client: Client, mut plan: Plan) -> Self {
        let tokens = plan.grant.take().map(Tokens::new);
        Self { client, plan, tokens }
    }

    pub(super) fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Fetches a page; `None` if there is none and none is needed.
    pub(super) async fn page(
        &mut self,
        next: &Next,
        may_be_missing: bool,
    ) -> Result<Option<Answer>, ReadError> {
        let answer = self.authorized(self.plan.request(next)?).await?;
        if may_be_missing && answer.status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        match refused(self.plan.label(), &answer) {
            Some(error) => Err(error),
            None => Ok(Some(answer)),
        }
    }

    // A token may be revoked before it expires: one 401 is made good with a new one.
    async fn authorized(&mut self, mut request: Request) -> Result<Answer, ReadError> {
        let Some(tokens) = self.tokens.as_mut().filter(|_| self.plan.is_home(&request.url)) else {
            return ask(&self.client, &request).await;
        };
        request.headers.insert(AUTHORIZATION, tokens.header(&self.client).await?);
        let answer = ask(&self.client, &request).await?;
        if answer.status != StatusCode::UNAUTHORIZED {
            return Ok(answer);
        }
        tokens.forget();
        request.headers.insert(AUTHORIZATION, tokens.header(&self.client).await?);
        ask(&self.client, &request).await
    }
}

/// Sends a request, and again if the server is busy and says when it is not.
pub(super) async fn ask(client: &Client, request: &Request) -> Result<Answer, ReadError> {
    let mut patience = PATIENCE;
    loop {
        let answer = client.send(request).await?;
        let is_busy = matches!(answer.status.as_u16(), 429 | 503);
        match answer.retry_after.map(|wait| wait.max(LEAST)) {
            Some(wait) if is_busy && wait <= patience => {
                patience -= wait;
                sleep(wait).await;
            }
            _ => return Ok(answer),
        }
    }
}

/// An answer that another attempt may better.
pub(super) fn busy(label: &str, answer: &Answer) -> Option<ReadError> {
    let status = answer.status;
    let is_busy =
        status.is_server_error() && status.as_u16() != 501 || matches!(status.as_u16(), 408 | 425 | 429);
    let error =
        is_busy.then(|| ReadError::transient(code::HTTP_BUSY, format!("`{label}` answered {status}")))?;
    Some(match answer.retry_after {
        Some(after) => error.retry_after(after),
        None => error,
    })
}

fn refused(label: &str, answer: &Answer) -> Option<ReadError> {
    let status = answer.status;
    if status.is_success() {
        return None;
    }
    busy(label, answer).or_else(|| {
        let message = format!("`{label}` answered {status}");
        Some(ReadError::permanent(Stage::Read, code::HTTP_STATUS, message))
    })
}
