//! The one error that crosses a door. Roles map their own errors to a [`Fault`]; `rfe-mesh` maps a fault to gRPC and HTTP.

use std::{fmt, time::Duration};

/// What class of error it is. Decides gRPC code, HTTP status and whether a retry can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// The call is wrong in itself.
    InvalidArgument,
    /// The thing named does not exist.
    NotFound,
    /// A thing of that name exists.
    AlreadyExists,
    /// The state of things does not allow the call now.
    FailedPrecondition,
    /// Somebody else was there first; read again, then retry.
    Aborted,
    /// A bound is reached.
    ResourceExhausted,
    /// No valid token.
    Unauthenticated,
    /// The token does not allow the call.
    PermissionDenied,
    /// A later version brings it.
    Unimplemented,
    /// A backend can't be reached; a retry may help.
    Unavailable,
    /// The deadline passed.
    DeadlineExceeded,
    /// The caller went away.
    Cancelled,
    /// A defect of ours.
    Internal,
}

/// A field of a request that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Path of the field, such as `sources[1].config.url`.
    pub path: String,
    /// What is wrong with it and how to mend it.
    pub reason: String,
}

impl Violation {
    /// Names a field and what is wrong with it.
    pub fn new(path: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { path: path.into(), reason: reason.into() }
    }

    /// Puts the field below `parent`.
    #[must_use]
    pub fn below(self, parent: &str) -> Self {
        let path = if self.path.is_empty() {
            parent.to_owned()
        } else if self.path.starts_with('[') {
            format!("{parent}{}", self.path)
        } else {
            format!("{parent}.{}", self.path)
        };
        Self { path, ..self }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.reason)
    }
}

/// An error as clients see it: a class, a constant reason of `proto/README.md`, a message, and details.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    /// The class.
    pub code: ErrorCode,
    /// The reason, such as `SOURCE_NOT_FOUND`.
    pub reason: String,
    /// For a person: lowercase, precise, with the value at fault.
    pub message: String,
    /// More values by name, such as `event_ids`.
    pub metadata: Vec<(String, String)>,
    /// Fields at fault.
    pub violations: Vec<Violation>,
    /// When to come again.
    pub retry_after: Option<Duration>,
}

impl Fault {
    /// Makes a fault without details.
    pub fn new(code: ErrorCode, reason: &str, message: impl Into<String>) -> Self {
        Self {
            code,
            reason: reason.to_owned(),
            message: message.into(),
            metadata: Vec::new(),
            violations: Vec::new(),
            retry_after: None,
        }
    }

    /// Adds a value by name.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<String>) -> Self {
        self.metadata.push((key.to_owned(), value.into()));
        self
    }

    /// Says when to come again.
    #[must_use]
    pub fn retry_after(mut self, after: Duration) -> Self {
        self.retry_after = Some(after);
        self
    }

    /// An INVALID_ARGUMENT of one field.
    pub fn invalid(path: &str, reason: impl Into<String>) -> Self {
        Self::violations(vec![Violation::new(path, reason)])
    }

    /// An INVALID_ARGUMENT of several fields; the message names the first.
    pub fn violations(violations: Vec<Violation>) -> Self {
        let message = violations.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        let mut fault = Self::new(ErrorCode::InvalidArgument, reason::INVALID_FIELD, message);
        fault.violations = violations;
        fault
    }

    /// A NOT_FOUND of a source.
    pub fn source_not_found(name: &str) -> Self {
        Self::new(ErrorCode::NotFound, reason::SOURCE_NOT_FOUND, format!("source `{name}` does not exist"))
            .with("source", name)
    }

    /// A defect of ours; the text stays inside, the log has it.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::Internal, reason::INTERNAL, message)
    }

    /// True if trying again can help.
    pub fn is_transient(&self) -> bool {
        matches!(
            self.code,
            ErrorCode::Unavailable | ErrorCode::DeadlineExceeded | ErrorCode::ResourceExhausted
        )
    }

    /// The value of a metadata entry.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.metadata.iter().find(|(k, _)| k == key).map(|(_, v)| v.as_str())
    }
}

/// The constants of `ErrorInfo.reason`; `proto/README.md` explains each.
pub mod reason {
    /// A field of the request is wrong; `BadRequest` names it.
    pub const INVALID_FIELD: &str = "INVALID_FIELD";
    /// No such source.
    pub const SOURCE_NOT_FOUND: &str = "SOURCE_NOT_FOUND";
    /// The source was deleted.
    pub const SOURCE_DELETED: &str = "SOURCE_DELETED";
    /// A source of that name exists.
    pub const SOURCE_EXISTS: &str = "SOURCE_EXISTS";
    /// The source's kind does not take this call.
    pub const SOURCE_KIND_MISMATCH: &str = "SOURCE_KIND_MISMATCH";
    /// No such job.
    pub const JOB_NOT_FOUND: &str = "JOB_NOT_FOUND";
    /// No such run.
    pub const RUN_NOT_FOUND: &str = "RUN_NOT_FOUND";
    /// No such dataset.
    pub const DATASET_NOT_FOUND: &str = "DATASET_NOT_FOUND";
    /// The dataset's source is not deleted.
    pub const DATASET_IN_USE: &str = "DATASET_IN_USE";
    /// The snapshot is so old that files of it were deleted.
    pub const SNAPSHOT_EXPIRED: &str = "SNAPSHOT_EXPIRED";
    /// A file that a compaction read is no longer visible.
    pub const INPUTS_CHANGED: &str = "INPUTS_CHANGED";
    /// No such schedule.
    pub const SCHEDULE_NOT_FOUND: &str = "SCHEDULE_NOT_FOUND";
    /// A schedule of that id exists.
    pub const SCHEDULE_EXISTS: &str = "SCHEDULE_EXISTS";
    /// The schedule belongs to a source's spec.
    pub const SCHEDULE_DECLARED: &str = "SCHEDULE_DECLARED";
    /// No such letter.
    pub const LETTER_NOT_FOUND: &str = "LETTER_NOT_FOUND";
    /// The letter was replayed or discarded.
    pub const LETTER_NOT_OPEN: &str = "LETTER_NOT_OPEN";
    /// The job can't be cancelled: it ended, or it is one of events.
    pub const JOB_NOT_CANCELLABLE: &str = "JOB_NOT_CANCELLABLE";
    /// The run was claimed again, failed or cancelled.
    pub const STALE_EPOCH: &str = "STALE_EPOCH";
    /// Another run of the source committed what this one read.
    pub const ALREADY_READ: &str = "ALREADY_READ";
    /// The queue lost the batch; its events come again in others.
    pub const BATCH_LOST: &str = "BATCH_LOST";
    /// The lease passed to somebody else.
    pub const STALE_LEASE: &str = "STALE_LEASE";
    /// The columns do not fit the source's `schema_policy`.
    pub const SCHEMA_POLICY_VIOLATED: &str = "SCHEMA_POLICY_VIOLATED";
    /// read ≠ landed + dead + duplicate + discarded.
    pub const COUNTERS_UNBALANCED: &str = "COUNTERS_UNBALANCED";
    /// The queue is full.
    pub const QUEUE_FULL: &str = "QUEUE_FULL";
    /// So many calls of this kind run already.
    pub const TOO_MANY_CALLS: &str = "TOO_MANY_CALLS";
    /// The process has as many calls as it may have.
    pub const OVERLOADED: &str = "OVERLOADED";
    /// The source can't be read.
    pub const SOURCE_UNREADABLE: &str = "SOURCE_UNREADABLE";
    /// Too many sources were made by first webhooks.
    pub const TOO_MANY_SOURCES: &str = "TOO_MANY_SOURCES";
    /// The body is larger than the source allows.
    pub const BODY_TOO_LARGE: &str = "BODY_TOO_LARGE";
    /// The body is not JSON.
    pub const BODY_NOT_JSON: &str = "BODY_NOT_JSON";
    /// The media type is not taken.
    pub const MEDIA_TYPE_NOT_SUPPORTED: &str = "MEDIA_TYPE_NOT_SUPPORTED";
    /// The signature or secret is missing or wrong.
    pub const SIGNATURE_INVALID: &str = "SIGNATURE_INVALID";
    /// No token, or an unknown one.
    pub const TOKEN_INVALID: &str = "TOKEN_INVALID";
    /// The token's time is over.
    pub const TOKEN_EXPIRED: &str = "TOKEN_EXPIRED";
    /// The token does not have the scope that the call needs.
    pub const SCOPE_MISSING: &str = "SCOPE_MISSING";
    /// The SQL does not parse or bind.
    pub const SQL_INVALID: &str = "SQL_INVALID";
    /// The SQL is more than a query over datasets.
    pub const SQL_NOT_ALLOWED: &str = "SQL_NOT_ALLOWED";
    /// The query needs more than it may use.
    pub const QUERY_TOO_LARGE: &str = "QUERY_TOO_LARGE";
    /// The query node's file cache has no room for a statement's data files.
    pub const CACHE_FULL: &str = "CACHE_FULL";
    /// The handle of a prepared statement is unknown.
    pub const STATEMENT_NOT_FOUND: &str = "STATEMENT_NOT_FOUND";
    /// A later version brings it.
    pub const NOT_IMPLEMENTED: &str = "NOT_IMPLEMENTED";
    /// A backend can't be reached.
    pub const BACKEND_UNAVAILABLE: &str = "BACKEND_UNAVAILABLE";
    /// The process drains.
    pub const SHUTTING_DOWN: &str = "SHUTTING_DOWN";
    /// The call took longer than its deadline.
    pub const DEADLINE_EXCEEDED: &str = "DEADLINE_EXCEEDED";
    /// The caller went away or cancelled.
    pub const CANCELLED: &str = "CANCELLED";
    /// A defect of ours; the log has more.
    pub const INTERNAL: &str = "INTERNAL";
}
