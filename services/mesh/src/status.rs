//! [`Fault`] to and from gRPC, and its HTTP status. The only place that maps errors at a door.

use std::collections::HashMap;

use rfe_model::{ErrorCode, Fault, Violation, fault::reason};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt};

/// `ErrorInfo.domain` of every error.
pub const DOMAIN: &str = "rfe.dev";

/// The gRPC status of a fault, with `google.rpc` details. An internal fault is logged here, once, and leaves without its text.
pub fn status_from_fault(fault: Fault) -> Status {
    let mut details = ErrorDetails::new();
    details.set_error_info(
        fault.reason.clone(),
        DOMAIN,
        fault.metadata.iter().cloned().collect::<HashMap<_, _>>(),
    );
    if !fault.violations.is_empty() {
        details.set_bad_request(
            fault
                .violations
                .iter()
                .map(|violation| FieldViolation::new(violation.path.clone(), violation.reason.clone()))
                .collect::<Vec<_>>(),
        );
    }
    if let Some(after) = fault.retry_after {
        details.set_retry_info(Some(after));
    }
    let message = if fault.code == ErrorCode::Internal {
        tracing::error!(error = %fault.message, "internal error");
        "internal error; the log has more".to_owned()
    } else {
        fault.message
    };
    Status::with_error_details(grpc_code(fault.code), message, details)
}

/// The fault of a gRPC status, with its details.
pub fn fault_from_status(status: &Status) -> Fault {
    let details = status.get_error_details();
    let code = code_from_grpc(status.code());
    let mut fault = Fault::new(code, default_reason(code), status.message());
    if let Some(info) = details.error_info() {
        fault.reason = info.reason.clone();
        fault.metadata = info.metadata.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
    }
    if let Some(bad) = details.bad_request() {
        fault.violations = bad
            .field_violations
            .iter()
            .map(|violation| Violation::new(violation.field.clone(), violation.description.clone()))
            .collect();
    }
    fault.retry_after = details.retry_info().and_then(|info| info.retry_delay);
    fault
}

/// The gRPC code of an error code.
pub fn grpc_code(code: ErrorCode) -> Code {
    match code {
        ErrorCode::InvalidArgument => Code::InvalidArgument,
        ErrorCode::NotFound => Code::NotFound,
        ErrorCode::AlreadyExists => Code::AlreadyExists,
        ErrorCode::FailedPrecondition => Code::FailedPrecondition,
        ErrorCode::Aborted => Code::Aborted,
        ErrorCode::ResourceExhausted => Code::ResourceExhausted,
        ErrorCode::Unauthenticated => Code::Unauthenticated,
        ErrorCode::PermissionDenied => Code::PermissionDenied,
        ErrorCode::Unimplemented => Code::Unimplemented,
        ErrorCode::Unavailable => Code::Unavailable,
        ErrorCode::DeadlineExceeded => Code::DeadlineExceeded,
        ErrorCode::Cancelled => Code::Cancelled,
        ErrorCode::Internal => Code::Internal,
    }
}

fn code_from_grpc(code: Code) -> ErrorCode {
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

fn default_reason(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::Unavailable => reason::BACKEND_UNAVAILABLE,
        ErrorCode::DeadlineExceeded => reason::DEADLINE_EXCEEDED,
        ErrorCode::Cancelled => reason::CANCELLED,
        ErrorCode::Unimplemented => reason::NOT_IMPLEMENTED,
        _ => reason::INTERNAL,
    }
}

/// The HTTP status of a fault (CONTRACT §6).
pub fn http_status(fault: &Fault) -> http::StatusCode {
    use http::StatusCode as S;
    match fault.reason.as_str() {
        reason::BODY_TOO_LARGE => return S::PAYLOAD_TOO_LARGE,
        reason::MEDIA_TYPE_NOT_SUPPORTED => return S::UNSUPPORTED_MEDIA_TYPE,
        reason::SOURCE_DELETED => return S::GONE,
        reason::SOURCE_KIND_MISMATCH => return S::CONFLICT,
        _ => {}
    }
    match fault.code {
        ErrorCode::InvalidArgument => S::BAD_REQUEST,
        ErrorCode::NotFound => S::NOT_FOUND,
        ErrorCode::AlreadyExists | ErrorCode::FailedPrecondition | ErrorCode::Aborted => S::CONFLICT,
        ErrorCode::ResourceExhausted => S::TOO_MANY_REQUESTS,
        ErrorCode::Unauthenticated => S::UNAUTHORIZED,
        ErrorCode::PermissionDenied => S::FORBIDDEN,
        ErrorCode::Unimplemented => S::NOT_IMPLEMENTED,
        ErrorCode::Unavailable | ErrorCode::Cancelled => S::SERVICE_UNAVAILABLE,
        ErrorCode::DeadlineExceeded => S::GATEWAY_TIMEOUT,
        ErrorCode::Internal => S::INTERNAL_SERVER_ERROR,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_survives_the_wire() {
        let fault = Fault::invalid("sources[1].config.url", "is missing")
            .with("source", "a")
            .retry_after(std::time::Duration::from_secs(3));
        assert_eq!(fault_from_status(&status_from_fault(fault.clone())), fault);
    }

    #[test]
    fn an_internal_fault_leaves_without_its_text() {
        let status = status_from_fault(Fault::internal("the password is x"));
        assert!(!status.message().contains("password"));
    }
}
