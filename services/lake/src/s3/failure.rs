//! How a request to a store failed, told apart by what mends it.

use std::{error::Error, fmt, io, path::Path};

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};

use super::guard::is_refused;
use crate::LakeError;

/// What kind of failure it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// No such object.
    NoObject,
    /// No such bucket.
    NoBucket,
    /// The upload is over or was aborted.
    NoUpload,
    /// The object is another than the one asked for.
    Changed,
    /// The bucket is there already, or somebody is making it.
    Conflict,
    /// The keys are unknown, wrong or expired.
    Credentials,
    /// The keys are not allowed to do this.
    Denied,
    /// The clocks of client and server are too far apart.
    Clock,
    /// The bucket lies in another region.
    Region,
    /// The server does not know what it was asked.
    Unsupported,
    /// No connection, or no answer in time.
    Unreachable,
    /// The resolver does not allow the host.
    HostRefused,
    /// A file on this side.
    Local,
    /// Anything else; often it passes.
    Other,
}

/// How a request to a store failed.
#[derive(Debug)]
pub struct Failure {
    kind: FailureKind,
    message: String,
    // What a file on this side said: whoever gave it may make room on a full disk.
    local: Option<io::Error>,
}

impl Failure {
    pub(crate) fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), local: None }
    }

    /// A body that broke, or an answer that can't be right.
    pub(crate) fn broken(message: impl Into<String>) -> Self {
        Self::new(FailureKind::Other, message)
    }

    /// A local file that could not be read or written.
    pub(crate) fn local(path: &Path, error: &io::Error) -> Self {
        let message = format!("the local file `{}`: {error}", path.display());
        Self { local: Some(error.kind().into()), ..Self::new(FailureKind::Local, message) }
    }

    /// Its kind.
    pub fn kind(&self) -> FailureKind {
        self.kind
    }

    /// The error of an object.
    pub(crate) fn of(self, bucket: &str, key: &str) -> LakeError {
        let (bucket, key) = (bucket.to_owned(), key.to_owned());
        match self.kind {
            FailureKind::NoObject => LakeError::NotFound { bucket, key },
            FailureKind::Changed => LakeError::Changed { bucket, key },
            _ => LakeError::Store { key: format!("{bucket}/{key}"), source: Box::new(self) },
        }
    }
}

impl Failure {
    /// The error of a bucket, or of the keys that begin so.
    pub(crate) fn of_bucket(self, bucket: &str, prefix: &str) -> LakeError {
        LakeError::Store { key: format!("{bucket}/{prefix}"), source: Box::new(self) }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.local.as_ref().map(|error| error as &(dyn Error + 'static))
    }
}

impl<E: ProvideErrorMetadata + Error + 'static> From<SdkError<E>> for Failure {
    fn from(error: SdkError<E>) -> Self {
        let status = error.raw_response().map(|response| response.status().as_u16());
        let code = error.code().map(str::to_owned);
        let kind = match &error {
            SdkError::DispatchFailure(failed)
                if failed.as_connector_error().is_some_and(|it| is_refused(it)) =>
            {
                FailureKind::HostRefused
            }
            SdkError::DispatchFailure(_) | SdkError::TimeoutError(_) => FailureKind::Unreachable,
            _ => kind(status, code.as_deref().unwrap_or_default()),
        };
        Self { kind, message: message(&error, status, code.as_deref()), local: None }
    }
}

fn kind(status: Option<u16>, code: &str) -> FailureKind {
    match code {
        "NoSuchBucket" => FailureKind::NoBucket,
        "NoSuchUpload" => FailureKind::NoUpload,
        "NoSuchKey" | "NotFound" => FailureKind::NoObject,
        "PreconditionFailed" => FailureKind::Changed,
        "BucketAlreadyExists" | "BucketAlreadyOwnedByYou" | "OperationAborted" => FailureKind::Conflict,
        "InvalidAccessKeyId" | "SignatureDoesNotMatch" | "InvalidToken" | "ExpiredToken"
        // The Versity gateway's word for an access key that it does not know.
        | "XAdminUserNotFound" => FailureKind::Credentials,
        "RequestTimeTooSkewed" | "RequestExpired" => FailureKind::Clock,
        "PermanentRedirect" | "TemporaryRedirect" | "AuthorizationHeaderMalformed" => FailureKind::Region,
        "IllegalLocationConstraintException" | "InvalidRegion" => FailureKind::Region,
        "NotImplemented" | "MethodNotAllowed" => FailureKind::Unsupported,
        _ => of_status(status.unwrap_or_default()),
    }
}

fn of_status(status: u16) -> FailureKind {
    match status {
        301 | 307 => FailureKind::Region,
        401 => FailureKind::Credentials,
        403 => FailureKind::Denied,
        404 => FailureKind::NoObject,
        405 | 501 => FailureKind::Unsupported,
        412 => FailureKind::Changed,
        _ => FailureKind::Other,
    }
}

// What the server said, or why it said nothing.
fn message<E: ProvideErrorMetadata + Error + 'static>(
    error: &SdkError<E>,
    status: Option<u16>,
    code: Option<&str>,
) -> String {
    let status = status.map(|status| format!(" ({status})")).unwrap_or_default();
    match (code, error.message()) {
        (Some(code), Some(said)) => format!("{code}{status}: {}", said.trim_end_matches('.')),
        (Some(code), None) => format!("{code}{status}"),
        // The SDK's own words for it come first and say little.
        (None, _) => format!("{}{status}", error.source().map_or_else(|| error.to_string(), causes)),
    }
}

/// An error and its causes in one line, each said once.
pub(crate) fn causes(error: &dyn Error) -> String {
    let mut said: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let text = error.to_string();
        if said.last().is_none_or(|last| !last.contains(&text)) {
            said.push(text);
        }
        next = error.source();
    }
    said.join(": ")
}
