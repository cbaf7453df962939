//! Errors as `application/problem+json` (RFC 9457).

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use rfe_mesh::status::http_status;
use rfe_model::{ErrorCode, Fault, fault::reason};
use serde::Serialize;

const ROUTE_NOT_FOUND: &str = "ROUTE_NOT_FOUND";
const METHOD_NOT_ALLOWED: &str = "METHOD_NOT_ALLOWED";
const DEFAULT_RETRY_AFTER: Duration = Duration::from_secs(1);

/// An error as HTTP clients see it.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    fault: Fault,
}

#[derive(Serialize)]
struct Document<'a> {
    r#type: String,
    title: String,
    status: u16,
    detail: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    violations: Vec<FieldViolation<'a>>,
}

#[derive(Serialize)]
struct FieldViolation<'a> {
    path: &'a str,
    reason: &'a str,
}

// === impl Problem ===

impl Problem {
    /// For a path that nobody serves.
    pub(crate) fn route_not_found(path: &str) -> Self {
        let message = format!("nothing is served at `{path}`; `/openapi.json` lists what is");
        Self {
            status: StatusCode::NOT_FOUND,
            fault: Fault::new(ErrorCode::NotFound, ROUTE_NOT_FOUND, message),
        }
    }

    /// For a method that a path does not take; the router adds `Allow`.
    pub(crate) fn method_not_allowed(method: &http::Method, path: &str) -> Self {
        let message = format!("`{path}` does not take {method}; `Allow` names what it takes");
        let fault = Fault::new(ErrorCode::Unimplemented, METHOD_NOT_ALLOWED, message);
        Self { status: StatusCode::METHOD_NOT_ALLOWED, fault }
    }

    // A webhook's signature is refused with 401 too, but no token would help.
    fn wants_token(&self) -> bool {
        matches!(self.fault.reason.as_str(), reason::TOKEN_INVALID | reason::TOKEN_EXPIRED)
    }

    fn retry_after(&self) -> Option<u64> {
        let busy = matches!(self.status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
        let after = self.fault.retry_after.or(busy.then_some(DEFAULT_RETRY_AFTER))?;
        Some(after.as_secs_f64().ceil().max(1.0) as u64)
    }
}

impl From<Fault> for Problem {
    fn from(mut fault: Fault) -> Self {
        if fault.code == ErrorCode::Internal {
            tracing::error!(error = %fault.message, "internal error");
            fault.message = "internal error; the log has more".to_owned();
        }
        Self { status: http_status(&fault), fault }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let document = Document {
            r#type: format!("urn:rfe:{}", self.fault.reason),
            title: title(&self.fault.reason),
            status: self.status.as_u16(),
            detail: &self.fault.message,
            violations: self
                .fault
                .violations
                .iter()
                .map(|violation| FieldViolation { path: &violation.path, reason: &violation.reason })
                .collect(),
        };
        let body = serde_json::to_vec(&document).expect("a document of texts and numbers has a JSON form");
        let mut response = (self.status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if self.wants_token() {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"rfe\""));
        }
        if let Some(seconds) = self.retry_after() {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

// SOURCE_NOT_FOUND reads "Source not found".
fn title(reason: &str) -> String {
    let mut title = reason.to_lowercase().replace('_', " ");
    if let Some(first) = title.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    title
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(fault: Fault) -> (u16, Option<String>) {
        let response = Problem::from(fault).into_response();
        let after =
            response.headers().get(header::RETRY_AFTER).map(|value| value.to_str().expect("text").to_owned());
        (response.status().as_u16(), after)
    }

    #[test]
    fn a_full_queue_and_a_missing_backend_say_when_to_come_again() {
        let full = Fault::new(ErrorCode::ResourceExhausted, reason::QUEUE_FULL, "full")
            .retry_after(Duration::from_millis(2500));
        assert_eq!(head(full), (429, Some("3".to_owned())));
        let gone = Fault::new(ErrorCode::Unavailable, reason::BACKEND_UNAVAILABLE, "gone");
        assert_eq!(head(gone), (503, Some("1".to_owned())));
        assert_eq!(head(Fault::source_not_found("a")), (404, None));
    }

    #[test]
    fn a_title_is_the_reason_in_words() {
        assert_eq!(title(reason::SOURCE_NOT_FOUND), "Source not found");
    }
}
