//! Why work on a lease stopped, and what that means.

use std::time::Duration;

use polars::prelude::PolarsError;
use rfe_lake::LakeError;
use rfe_mesh::fault_from_status;
use rfe_model::{
    ErrorCode,
    fault::reason,
    letter::{BadRecord, Stage},
};
use rfe_sources::{
    ReadError,
    error::{Class, code},
};
use tonic::Status;

/// Why work stopped before its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Stop {
    /// One of our own backends is down: the work is released and no attempt burnt.
    #[error("a backend can't be used: {0}")]
    Backend(String),
    /// The run or its lease passed to somebody else, or the run was cancelled.
    #[error("the run has passed on: {0}")]
    Fenced(String),
    /// The run failed.
    #[error("{0}")]
    Failed(Failed),
}

/// How a run failed.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Failed {
    pub stage: Stage,
    pub code: String,
    pub message: String,
    /// The field at fault, where one record is.
    pub field_path: String,
    /// Trying again can't help.
    pub permanent: bool,
    pub retry_after: Option<Duration>,
}

/// A worker died over the work, or froze.
pub(crate) const WORKER_LOST: &str = "WORKER_LOST";
/// More records were bad than the source's `on_bad_row` allows.
pub(crate) const TOO_MANY_BAD_ROWS: &str = "TOO_MANY_BAD_ROWS";
/// Values do not fit the types that were settled while the run read.
pub(crate) const TYPES_CHANGED: &str = "TYPES_CHANGED";
/// A data file could not be made of what was read.
pub(crate) const WRITE_FAILED: &str = "WRITE_FAILED";
/// The code that takes records apart gave up.
pub(crate) const DECODER_PANICKED: &str = "DECODER_PANICKED";
/// A record has no key to be merged by.
pub(crate) const MERGE_KEY_MISSING: &str = "MERGE_KEY_MISSING";
/// The registry shows a data file that is not in the lake.
pub(crate) const INPUT_MISSING: &str = "INPUT_MISSING";
/// A data file in the lake is not what was written.
pub(crate) const INPUT_DAMAGED: &str = "INPUT_DAMAGED";
/// A compaction would change what the dataset shows.
pub(crate) const COMPACTION_UNSOUND: &str = "COMPACTION_UNSOUND";
/// This build does not know the source's kind.
pub(crate) const KIND_UNKNOWN: &str = "KIND_UNKNOWN";

impl Failed {
    pub fn permanent(stage: Stage, code: &str, message: impl Into<String>) -> Self {
        Self {
            stage,
            code: code.to_owned(),
            message: message.into(),
            field_path: String::new(),
            permanent: true,
            retry_after: None,
        }
    }

    pub fn transient(stage: Stage, code: &str, message: impl Into<String>) -> Self {
        Self { permanent: false, ..Self::permanent(stage, code, message) }
    }
}

impl From<BadRecord> for Failed {
    fn from(bad: BadRecord) -> Self {
        Self { field_path: bad.field_path, ..Self::permanent(bad.stage, bad.code, bad.message) }
    }
}

impl From<Failed> for Stop {
    fn from(failed: Failed) -> Self {
        Self::Failed(failed)
    }
}

impl From<ReadError> for Stop {
    fn from(error: ReadError) -> Self {
        // It is our registry or lake that is down, not the source.
        if error.code == code::MEMORY_UNAVAILABLE {
            return Self::Backend(error.message);
        }
        let (permanent, retry_after) = match error.class {
            Class::Permanent => (true, None),
            Class::Transient { retry_after } => (false, retry_after),
        };
        Failed { permanent, retry_after, ..Failed::permanent(error.stage, error.code, error.message) }.into()
    }
}

impl From<Status> for Stop {
    fn from(status: Status) -> Self {
        let fault = fault_from_status(&status);
        match fault.reason.as_str() {
            reason::STALE_EPOCH => return Self::Fenced(fault.message),
            reason::SCHEMA_POLICY_VIOLATED => {
                return Failed::permanent(Stage::Contract, &fault.reason, fault.message).into();
            }
            reason::SOURCE_NOT_FOUND | reason::SOURCE_DELETED => {
                return Failed::permanent(Stage::Read, &fault.reason, fault.message).into();
            }
            _ => {}
        }
        match fault.code {
            // The reply is lost, not the call: whoever cares asks again.
            ErrorCode::Unavailable
            | ErrorCode::DeadlineExceeded
            | ErrorCode::ResourceExhausted
            | ErrorCode::Cancelled => Self::Backend(fault.message),
            ErrorCode::Unauthenticated | ErrorCode::PermissionDenied => Self::Backend(fault.message),
            ErrorCode::Internal | ErrorCode::Aborted => {
                Failed::transient(Stage::Write, &fault.reason, fault.message).into()
            }
            _ => Failed::permanent(Stage::Write, &fault.reason, fault.message).into(),
        }
    }
}

impl From<LakeError> for Stop {
    fn from(error: LakeError) -> Self {
        match error {
            LakeError::Key(_) => Failed::permanent(Stage::Write, WRITE_FAILED, error.to_string()).into(),
            LakeError::Store { ref source, .. } => Self::Backend(format!("{error}: {source}")),
            LakeError::NotFound { .. }
            | LakeError::Mismatch { .. }
            | LakeError::Changed { .. }
            | LakeError::Setup(_) => Self::Backend(error.to_string()),
        }
    }
}

impl From<PolarsError> for Stop {
    fn from(error: PolarsError) -> Self {
        match error {
            // A full or broken disk of this worker; not the source's fault.
            PolarsError::IO { .. } => Self::Backend(format!("scratch: {error}")),
            error => Failed::transient(
                Stage::Write,
                WRITE_FAILED,
                format!("a data file could not be written: {error}"),
            )
            .into(),
        }
    }
}

impl From<std::io::Error> for Stop {
    fn from(error: std::io::Error) -> Self {
        Self::Backend(format!("scratch: {error}"))
    }
}

/// Runs work that keeps a processor busy where it holds up nobody.
pub(crate) async fn busy<T: Send + 'static>(
    stage: Stage,
    work: impl FnOnce() -> Result<T, Stop> + Send + 'static,
) -> Result<T, Stop> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) if error.is_panic() => Err(Failed::permanent(
            stage,
            DECODER_PANICKED,
            "the worker met a defect of its own; the log has more",
        )
        .into()),
        Err(_) => Err(Stop::Backend("the process is ending".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use rfe_mesh::status_from_fault;
    use rfe_model::Fault;

    use super::*;

    #[test]
    fn own_backends_burn_no_attempt_and_sources_do() {
        let down = Fault::new(ErrorCode::Unavailable, reason::BACKEND_UNAVAILABLE, "down");
        assert!(matches!(Stop::from(status_from_fault(down)), Stop::Backend(_)));
        let stale = Fault::new(ErrorCode::Aborted, reason::STALE_EPOCH, "epoch 1 is stale");
        assert!(matches!(Stop::from(status_from_fault(stale)), Stop::Fenced(_)));
        let read = ReadError::transient("HTTP_503", "the API is down").retry_after(Duration::from_secs(3));
        let Stop::Failed(failed) = Stop::from(read) else { panic!("an attempt") };
        assert!(!failed.permanent);
        assert_eq!(failed.retry_after, Some(Duration::from_secs(3)));
    }

    #[test]
    fn a_frozen_schema_is_permanent() {
        let frozen =
            Fault::new(ErrorCode::FailedPrecondition, reason::SCHEMA_POLICY_VIOLATED, "columns changed: x");
        let Stop::Failed(failed) = Stop::from(status_from_fault(frozen)) else { panic!("a failure") };
        assert!(failed.permanent);
        assert_eq!((failed.stage, failed.message.as_str()), (Stage::Contract, "columns changed: x"));
    }
}
