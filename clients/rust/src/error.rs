//! What can go wrong, so that a caller can tell the cases apart.

use std::{error::Error as _, time::Duration};

use arrow_flight::error::FlightError;
use rfe_model::{ErrorCode, Fault, Violation, fault::reason};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a call failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// No connection, or it broke.
    #[error("{url} can't be reached: {reason}")]
    Unreachable {
        /// The service's address.
        url: String,
        /// What the network said.
        reason: String,
    },
    /// The service answered with an error.
    #[error("{0}")]
    Refused(Box<Fault>),
    /// An address is none.
    #[error("`{url}` is no address of a service: {reason}")]
    Address {
        /// As given.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A file of TLS can't be used.
    #[error("{setting}: {}: {reason}", path.display())]
    Tls {
        /// The variable that names it.
        setting: &'static str,
        /// The file.
        path: std::path::PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The token can't be a header.
    #[error("the token can't be sent: it has characters that a header can't have")]
    Token,
    /// The answer is not what the protocol promises.
    #[error("{url} answered outside the protocol: {reason}")]
    Protocol {
        /// The service's address.
        url: String,
        /// What is wrong.
        reason: String,
    },
}

impl Error {
    /// The class of the error.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Unreachable { .. } => ErrorCode::Unavailable,
            Self::Refused(fault) => fault.code,
            Self::Address { .. } | Self::Tls { .. } | Self::Token => ErrorCode::InvalidArgument,
            Self::Protocol { .. } => ErrorCode::Internal,
        }
    }

    /// What the service said, with reason, metadata and fields at fault.
    pub fn fault(&self) -> Option<&Fault> {
        match self {
            Self::Refused(fault) => Some(fault),
            _ => None,
        }
    }

    /// The constant reason, such as `SOURCE_NOT_FOUND`.
    pub fn reason(&self) -> Option<&str> {
        self.fault().map(|fault| fault.reason.as_str())
    }

    /// The fields at fault.
    pub fn violations(&self) -> &[Violation] {
        self.fault().map_or(&[], |fault| &fault.violations)
    }

    /// When the service wants to be asked again.
    pub fn retry_after(&self) -> Option<Duration> {
        self.fault().and_then(|fault| fault.retry_after)
    }

    /// Of a stream of events that broke off: how many of them, from the first one, are answered for good.
    pub fn processed(&self) -> Option<u64> {
        self.fault()?.get("processed")?.parse().ok()
    }

    /// True if the same call may succeed later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Refused(fault) => fault.is_transient(),
            _ => false,
        }
    }

    pub(crate) fn from_status(url: &str, status: &Status) -> Self {
        match status.source() {
            // Only a status made on this side has a source: the connection failed, not the call.
            Some(source) if status.code() != Code::DeadlineExceeded && !is_timeout(source) => {
                Self::Unreachable { url: url.to_owned(), reason: innermost(source) }
            }
            Some(_) => Self::deadline(url),
            None => Self::Refused(Box::new(fault(status))),
        }
    }

    pub(crate) fn from_flight(url: &str, error: FlightError) -> Self {
        match error {
            FlightError::Tonic(status) => Self::from_status(url, &status),
            other => Self::Protocol { url: url.to_owned(), reason: other.to_string() },
        }
    }

    pub(crate) fn deadline(url: &str) -> Self {
        let message = format!("{url} did not answer before the deadline");
        Self::Refused(Box::new(Fault::new(ErrorCode::DeadlineExceeded, reason::DEADLINE_EXCEEDED, message)))
    }
}

fn is_timeout(error: &(dyn std::error::Error + 'static)) -> bool {
    chain(error).any(|error| error.is::<tonic::TimeoutExpired>())
}

fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    chain(error).last().map_or_else(String::new, ToString::to_string)
}

fn chain<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error), |error: &&'a (dyn std::error::Error + 'static)| (*error).source())
}

fn fault(status: &Status) -> Fault {
    let details = status.get_error_details();
    let code = class(status.code());
    let mut fault = Fault::new(code, default_reason(code), status.message());
    if let Some(info) = details.error_info() {
        fault.reason.clone_from(&info.reason);
        fault.metadata = info.metadata.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
        fault.metadata.sort();
    }
    if let Some(bad) = details.bad_request() {
        let violations = bad.field_violations.iter();
        fault.violations = violations.map(|one| Violation::new(&one.field, &one.description)).collect();
    }
    fault.retry_after = details.retry_info().and_then(|info| info.retry_delay);
    fault
}

fn class(code: Code) -> ErrorCode {
    match code {
        Code::InvalidArgument | Code::OutOfRange => ErrorCode::InvalidArgument,
        Code::NotFound => ErrorCode::NotFound,
        Code::AlreadyExists => ErrorCode::AlreadyExists,
        Code::FailedPrecondition => ErrorCode::FailedPrecondition,
        Code::Aborted => ErrorCode::Aborted,
        Code::ResourceExhausted => ErrorCode::ResourceExhausted,
        Code::Unauthenticated => ErrorCode::Unauthenticated,
        Code::PermissionDenied => ErrorCode::PermissionDenied,
        Code::Unimplemented => ErrorCode::Unimplemented,
        Code::Unavailable => ErrorCode::Unavailable,
        Code::DeadlineExceeded => ErrorCode::DeadlineExceeded,
        Code::Cancelled => ErrorCode::Cancelled,
        Code::Ok | Code::Unknown | Code::Internal | Code::DataLoss => ErrorCode::Internal,
    }
}

// A service of `rfe` always names its reason; a proxy between does not.
fn default_reason(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::Unavailable => reason::BACKEND_UNAVAILABLE,
        ErrorCode::DeadlineExceeded => reason::DEADLINE_EXCEEDED,
        ErrorCode::Cancelled => reason::CANCELLED,
        ErrorCode::Unimplemented => reason::NOT_IMPLEMENTED,
        ErrorCode::Unauthenticated | ErrorCode::PermissionDenied => reason::TOKEN_INVALID,
        _ => reason::INTERNAL,
    }
}

#[cfg(test)]
mod tests {
    use tonic_types::{ErrorDetails, FieldViolation};

    use super::*;

    #[test]
    fn the_details_of_a_status_become_fields() {
        let mut details = ErrorDetails::new();
        details.set_error_info("QUEUE_FULL", "rfe.dev", [("source".to_owned(), "clicks".to_owned())]);
        details.set_bad_request(vec![FieldViolation::new("events", "too many")]);
        details.set_retry_info(Some(Duration::from_secs(3)));
        let status = Status::with_error_details(Code::ResourceExhausted, "the queue is full", details);

        let error = Error::from_status("http://a", &status);

        assert_eq!(error.to_string(), "the queue is full");
        assert_eq!(error.reason(), Some("QUEUE_FULL"));
        assert_eq!(error.fault().and_then(|fault| fault.get("source")), Some("clicks"));
        assert_eq!(error.violations(), [Violation::new("events", "too many")]);
        assert_eq!(error.retry_after(), Some(Duration::from_secs(3)));
        assert!(error.is_transient());
    }

    #[test]
    fn an_error_of_the_connection_is_not_one_of_the_service() {
        let mut status = Status::unavailable("transport error");
        status.set_source(std::sync::Arc::new(std::io::Error::other("connection refused")));
        let error = Error::from_status("http://a", &status);
        assert_eq!(error.to_string(), "http://a can't be reached: connection refused");
        let said_by_the_service = Error::from_status("http://a", &Status::unavailable("redis is down"));
        assert!(matches!(said_by_the_service, Error::Refused(_)));
    }
}
