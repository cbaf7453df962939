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
            Self::Client(error) => match mend(error) {
                Some(how) => note(&format!("error: {self}; {how}")),
                None => note(&format!("error: {self}")),
            },
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

// What to do about an error of which it is known.
fn mend(error: &Error) -> Option<&'static str> {
    match error {
        Error::Unreachable { reason, .. } if reason.contains("certificate") => Some(
            "RFE_TLS_CA names the file of the authority to trust, RFE_TLS_CLIENT_CERT and RFE_TLS_CLIENT_KEY the certificate to show",
        ),
        Error::Unreachable { .. } => Some("is `rfe up` running?"),
        Error::Refused(fault) if fault.code == ErrorCode::Unauthenticated => {
            Some("set RFE_TOKEN (or --token) to a token that `rfe token create` printed")
        }
        Error::Refused(fault) if fault.code == ErrorCode::PermissionDenied => {
            Some("use a token that has it: `rfe token create --scope …` makes one")
        }
        _ => None,
    }
}

fn of_client(error: &Error) -> u8 {
    match error {
        Error::Address { .. } | Error::Tls { .. } | Error::Token => INVALID_CONFIGURATION,
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
            (refused(ErrorCode::PermissionDenied), 1),
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
    fn who_is_not_let_in_is_told_how() {
        let how = |code| match refused(code) {
            CliError::Client(error) => mend(&error),
            other => panic!("{other:?}"),
        };
        assert!(how(ErrorCode::Unauthenticated).is_some_and(|how| how.contains("RFE_TOKEN")));
        assert!(how(ErrorCode::PermissionDenied).is_some_and(|how| how.contains("rfe token create")));
        assert_eq!(how(ErrorCode::NotFound), None);
    }

    #[test]
    fn a_reader_that_leaves_is_no_failure() {
        assert_eq!(CliError::Output(io::Error::from(io::ErrorKind::BrokenPipe)).exit_code(), 0);
        assert_eq!(CliError::Output(io::Error::from(io::ErrorKind::StorageFull)).exit_code(), 1);
    }
}
