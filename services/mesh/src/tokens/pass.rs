//! The token of a call that lasts.

use std::time::Duration;

use jiff::Timestamp;
use rfe_model::Fault;

use super::{Tokens, secret::Secret};

/// As often as the file is looked at.
const EVERY: Duration = Duration::from_secs(1);

/// A token that let a call pass, and that may be revoked or expire while the call runs.
#[derive(Debug, Clone)]
pub struct Pass {
    tokens: Tokens,
    secret: Secret,
}

// === impl Pass ===

impl Pass {
    pub(super) fn new(tokens: Tokens, secret: Secret) -> Self {
        Self { tokens, secret }
    }

    /// Resolves once the token is no longer valid, within two seconds: UNAUTHENTICATED with the reason.
    pub async fn ended(self) -> Fault {
        loop {
            tokio::time::sleep(EVERY).await;
            if let Err(fault) = self.tokens.0.known().check(&self.secret, Timestamp::now()) {
                tracing::info!(
                    token_id = self.secret.id(),
                    reason = fault.reason,
                    "a call ends with its token"
                );
                return fault;
            }
        }
    }
}
