//! Why a query was not answered, and how a client reads it.

use std::time::Duration;

use rfe_model::{ErrorCode, Fault, fault::reason};

use crate::{cache::NoRoom, duck::DuckError};

/// Why a query was not answered.
#[derive(Debug, Clone, thiserror::Error)]
pub enum QueryError {
    /// It does not parse, bind or compute.
    #[error("{0}")]
    Invalid(String),
    /// It is more than a query over datasets.
    #[error("{0}")]
    NotAllowed(String),
    /// It needs more memory or scratch than it may use.
    #[error("the query needs more memory than it may use; select fewer columns or rows, or aggregate: {0}")]
    TooLarge(String),
    /// Its data files do not fit into the file cache.
    #[error("{0}")]
    NoRoom(#[from] NoRoom),
    /// Too many run and wait.
    #[error("too many queries run and wait; try again")]
    Busy,
    /// The process stops.
    #[error("the process is stopping; try another one")]
    ShuttingDown,
    /// Its client cancelled it or went away.
    #[error("the query was cancelled")]
    Cancelled,
    /// It ran out of time.
    #[error("the query took longer than its deadline of {0:?}")]
    Deadline(Duration),
    /// The handle is none of ours.
    #[error("the handle is of no prepared statement of this service; prepare it again")]
    StatementNotFound,
    /// A request that this service does not take.
    #[error("{0}")]
    Unsupported(String),
    /// A field of the request is wrong.
    #[error("{0}: {1}")]
    Field(&'static str, String),
    /// The metadata role said no.
    #[error("{0}")]
    Catalog(Fault),
    /// The caller's token does not reach a table.
    #[error("{0}")]
    Denied(Fault),
    /// A data file can't be read.
    #[error("{0}")]
    Lake(String),
    /// A defect of ours.
    #[error("{0}")]
    Internal(String),
}

impl From<QueryError> for Fault {
    fn from(error: QueryError) -> Self {
        let text = error.to_string();
        match error {
            QueryError::Invalid(_) => Self::new(ErrorCode::InvalidArgument, reason::SQL_INVALID, text),
            QueryError::NotAllowed(_) => Self::new(ErrorCode::InvalidArgument, reason::SQL_NOT_ALLOWED, text),
            QueryError::TooLarge(_) => Self::new(ErrorCode::ResourceExhausted, reason::QUERY_TOO_LARGE, text),
            QueryError::NoRoom(room) => room.fault(text),
            QueryError::Busy => Self::new(ErrorCode::ResourceExhausted, reason::QUEUE_FULL, text)
                .retry_after(Duration::from_secs(1)),
            QueryError::ShuttingDown => Self::new(ErrorCode::Unavailable, reason::SHUTTING_DOWN, text),
            QueryError::Cancelled => Self::new(ErrorCode::Cancelled, reason::CANCELLED, text),
            QueryError::Deadline(_) => {
                Self::new(ErrorCode::DeadlineExceeded, reason::DEADLINE_EXCEEDED, text)
            }
            QueryError::StatementNotFound => {
                Self::new(ErrorCode::NotFound, reason::STATEMENT_NOT_FOUND, text)
            }
            QueryError::Unsupported(_) => Self::new(ErrorCode::Unimplemented, reason::NOT_IMPLEMENTED, text),
            QueryError::Field(path, why) => Self::invalid(path, why),
            QueryError::Catalog(fault) | QueryError::Denied(fault) => fault,
            QueryError::Lake(_) => Self::new(ErrorCode::Unavailable, reason::BACKEND_UNAVAILABLE, text),
            QueryError::Internal(_) => Self::internal(text),
        }
    }
}

impl From<QueryError> for tonic::Status {
    fn from(error: QueryError) -> Self {
        rfe_mesh::status_from_fault(error.into())
    }
}

/// True if the engine can't be used after this.
pub fn is_fatal(error: &DuckError) -> bool {
    error.0.starts_with("FATAL")
        || error.0.starts_with("INTERNAL")
        || error.0.contains("database has been invalidated")
}

/// Reads what DuckDB said; `roots` are folders whose paths stay inside.
pub fn from_duck(error: &DuckError, roots: &[String]) -> QueryError {
    let text = without_paths(&error.0, roots);
    let kind = text.split_once(" Error").map_or("", |(kind, _)| kind);
    match kind {
        "INTERRUPT" => QueryError::Cancelled,
        "Out of Memory" => QueryError::TooLarge(first_line(&text)),
        "Permission" => QueryError::NotAllowed(first_line(&text)),
        "IO" => QueryError::Lake(format!("a data file could not be read: {}", first_line(&text))),
        "INTERNAL" | "FATAL" | "TransactionContext" => QueryError::Internal(text),
        _ => QueryError::Invalid(text),
    }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

fn without_paths(text: &str, roots: &[String]) -> String {
    let mut text = text.to_owned();
    for root in roots.iter().filter(|root| root.len() > 1) {
        while let Some(at) = text.find(root.as_str()) {
            let rest = &text[at..];
            let end = rest
                .find(|c: char| c == '"' || c == '\'' || c == ',' || c.is_whitespace())
                .unwrap_or(rest.len());
            text.replace_range(at..at + end, "a data file");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_the_lake_stay_inside() {
        let error =
            DuckError("Conversion Error: reading file \"/srv/lake/processed/a/1.parquet\": no".to_owned());
        let QueryError::Invalid(text) = from_duck(&error, &["/srv/lake/processed".to_owned()]) else {
            panic!("kind")
        };
        assert_eq!(text, "Conversion Error: reading file \"a data file\": no");
    }

    #[test]
    fn kinds_of_errors_read_as_clients_need_them() {
        let read = |text: &str| Fault::from(from_duck(&DuckError(text.to_owned()), &[])).reason;
        assert_eq!(read("Out of Memory Error: could not allocate"), reason::QUERY_TOO_LARGE);
        assert_eq!(read("Binder Error: no such column"), reason::SQL_INVALID);
        assert_eq!(read("INTERRUPT Error: Interrupted!"), reason::CANCELLED);
        assert_eq!(read("Permission Error: no"), reason::SQL_NOT_ALLOWED);
    }
}
