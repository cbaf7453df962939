//! One service: token, deadline, and repetition where it is safe.

use std::{future::Future, sync::Arc, time::Duration};

use rfe_model::{ErrorCode, backoff::Backoff};
use tonic::{
    Request, Status,
    metadata::{Ascii, MetadataValue},
    service::{Interceptor, interceptor::InterceptedService},
    transport::Channel,
};

use crate::{Error, Result};

/// A channel that adds token and deadline.
pub(crate) type Wire = InterceptedService<Channel, Headers>;

/// What every call carries.
#[derive(Debug, Clone)]
pub(crate) struct Headers {
    pub(crate) authorization: Option<MetadataValue<Ascii>>,
    pub(crate) deadline: Option<Duration>,
}

impl Interceptor for Headers {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(value) = &self.authorization {
            request.metadata_mut().insert("authorization", value.clone());
        }
        if let Some(deadline) = self.deadline {
            request.set_timeout(deadline);
        }
        Ok(request)
    }
}

/// A generated client and how to call it.
#[derive(Debug, Clone)]
pub(crate) struct Stub<C> {
    pub(crate) client: C,
    pub(crate) url: Arc<str>,
    pub(crate) deadline: Option<Duration>,
    pub(crate) backoff: Backoff,
}

impl<C: Clone> Stub<C> {
    /// Calls, and calls again while the service is unavailable: for reads and calls that are idempotent.
    pub(crate) async fn safe<Q, R, F, Fut>(&self, request: Q, call: F) -> Result<R>
    where
        Q: Clone,
        F: Fn(C, Q) -> Fut,
        Fut: Future<Output = Result<R, Status>>,
    {
        let mut attempt = 1;
        loop {
            let error = match self.once(request.clone(), &call).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let Some(delay) = self.delay(&error, attempt) else { return Err(error) };
            tokio::time::sleep(delay).await;
            attempt += 1;
        }
    }

    /// Calls once.
    pub(crate) async fn once<Q, R, F, Fut>(&self, request: Q, call: F) -> Result<R>
    where
        F: Fn(C, Q) -> Fut,
        Fut: Future<Output = Result<R, Status>>,
    {
        let answer = call(self.client.clone(), request);
        let answer = match self.deadline {
            Some(deadline) => {
                tokio::time::timeout(deadline, answer).await.map_err(|_| Error::deadline(&self.url))?
            }
            None => answer.await,
        };
        answer.map_err(|status| Error::from_status(&self.url, &status))
    }

    /// The value that an answer must have.
    pub(crate) fn filled<T>(&self, value: Option<T>, name: &str) -> Result<T> {
        value.ok_or_else(|| self.broken(format!("the answer has no {name}")))
    }

    pub(crate) fn broken(&self, reason: String) -> Error {
        Error::Protocol { url: self.url.to_string(), reason }
    }

    fn delay(&self, error: &Error, attempt: u32) -> Option<Duration> {
        if error.code() != ErrorCode::Unavailable {
            return None;
        }
        let delay = self.backoff.delay(attempt, fastrand::f64())?;
        match error.retry_after() {
            Some(wanted) if wanted > self.backoff.cap => None,
            wanted => Some(delay.max(wanted.unwrap_or_default())),
        }
    }
}
