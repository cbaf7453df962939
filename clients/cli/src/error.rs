//! What can go wrong, and the exit codes.

use std::{io, path::PathBuf};

use rfe_client::{Error, ErrorCode};

use crate::out::note;

const FAILED: u8 = 1;
const USAGE: u8 = 2;
const AWAITED: u8 = 3;
const NOT_FOUND: u8 = 4;
const UNREACHABLE: u8 = 5;
const INVALID_CONFIGURATION: u8 = 78;

/// Why a verb failed.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// A call failed.
    #[error("{0}")]
    Client(#[from] Error),
    /// `sources.yaml` has mistakes; each has its place.
    #[error("{}", .0.join("\n"))]
    Invalid(Vec<String>),
    /// The run that was waited for failed or dead-lettered rows.
    #[error("{0}")]
    Awaited(String),
    /// The command line asks for what can't be.
    #[error("{0}")]
    Usage(String),
    /// A file can't be read or written.
    #[error("can't {verb} {}: {source}", path.display())]
    File {
        /// `read` or `write`.
        verb: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Stdout can't be written.
    #[error("can't write the result: {0}")]
    Output(io::Error),
    /// A row can't be written in the format.
    #[error("can't write the rows: {0}")]
    Rows(String),
    /// Anything else.
    #[error("{0}")]
    Failed(String),
}

impl CliError {
    /// The exit code of the contract.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Client(error) => of_client(error),
            Self::Invalid(_) => INVALID_CONFIGURATION,
            Self::Awaited(_) => AWAITED,
            Self::Usage(_) => USAGE,
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => 0,
            Self::File { .. } | Self::Output(_) | Self::Rows(_) | Self::Failed(_) => FAILED,
        }
    }

    pub(crate) fn print(&self) {
        match self {
            Self::Invalid(lines) => lines.iter().for_each(|line| note(line)),
            Self::Client(Error::Unreachable { .. }) => note(&format!("error: {self}; is `rfe up` running?")),
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
            _ => note(&format!("error: {self}")),
        }
    }

    pub(crate) fn read(path: impl Into<PathBuf>, source: io::Error) -> Self {
        Self::File { verb: "read", path: path.into(), source }
    }

    pub(crate) fn write(path: impl Into<PathBuf>, source: io::Error) -> Self {
        Self::File { verb: "write", path: path.into(), source }
    }
}

fn of_client(error: &Error) -> u8 {
    match error {
        Error::Address { .. } | Error::Token => INVALID_CONFIGURATION,
        _ => match error.code() {
            ErrorCode::NotFound => NOT_FOUND,
            ErrorCode::Unavailable => UNREACHABLE,
            _ => FAILED,
        },
    }
}

#[cfg(test)]
mod tests {
    use rfe_client::Fault;

    use super::*;

    fn refused(code: ErrorCode) -> CliError {
        Error::Refused(Box::new(Fault::new(code, "REASON", "message"))).into()
    }

    #[test]
    fn exit_codes_are_those_of_the_contract() {
        let unreachable = Error::Unreachable { url: "http://a".to_owned(), reason: "refused".to_owned() };
        let address = Error::Address { url: "x".to_owned(), reason: "y".to_owned() };
        for (error, code) in [
            (refused(ErrorCode::InvalidArgument), 1),
            (refused(ErrorCode::Unauthenticated), 1),
            (CliError::Failed("x".to_owned()), 1),
            (CliError::Usage("x".to_owned()), 2),
            (CliError::Awaited("x".to_owned()), 3),
            (refused(ErrorCode::NotFound), 4),
            (unreachable.into(), 5),
            (refused(ErrorCode::Unavailable), 5),
            (address.into(), 78),
            (CliError::Invalid(vec!["x".to_owned()]), 78),
        ] {
            assert_eq!(error.exit_code(), code, "{error:?}");
        }
    }

    #[test]
    fn a_reader_that_leaves_is_no_failure() {
        assert_eq!(CliError::Output(io::Error::from(io::ErrorKind::BrokenPipe)).exit_code(), 0);
        assert_eq!(CliError::Output(io::Error::from(io::ErrorKind::StorageFull)).exit_code(), 1);
    }
}
