//! What can go wrong while reading, and what that means for the run.

use std::time::Duration;

use rfe_model::letter::Stage;

/// Why reading stopped.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct ReadError {
    /// What the run does.
    pub class: Class,
    /// Where it happened.
    pub stage: Stage,
    /// The reason as a constant, such as `FILE_NOT_FOUND`.
    pub code: &'static str,
    /// What, where, and how to mend it; never a secret.
    pub message: String,
}

/// What an error means for the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// The source is down or busy: an attempt, then again after the backoff, or after what the source asked for.
    Transient {
        /// What `Retry-After` asked for.
        retry_after: Option<Duration>,
    },
    /// Trying again can't help: a letter at once.
    Permanent,
}

impl ReadError {
    /// An error that trying again can't mend.
    pub fn permanent(stage: Stage, code: &'static str, message: impl Into<String>) -> Self {
        Self { class: Class::Permanent, stage, code, message: message.into() }
    }

    /// The source is down or busy.
    pub fn transient(code: &'static str, message: impl Into<String>) -> Self {
        Self { class: Class::Transient { retry_after: None }, stage: Stage::Read, code, message: message.into() }
    }

    /// Says when the source wants to be asked again.
    #[must_use]
    pub fn retry_after(mut self, after: Duration) -> Self {
        self.class = Class::Transient { retry_after: Some(after) };
        self
    }
}
