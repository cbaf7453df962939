//! The store that a location is read from.

use std::sync::Arc;

use reqwest::Url;
use rfe_lake::{Buckets, Failure, FailureKind, LakeError, S3Client, S3Config};
use rfe_model::letter::Stage;

use super::{S3Access, place::Place};
use crate::{ReadContext, ReadError, error::code, http};

/// A client of the store that `access` names, or of the platform's own.
///
/// # Errors
/// Permanent if there is no store, or the bucket is one of the lake's.
pub(super) fn open(
    access: Option<&S3Access>,
    place: &Place,
    context: &ReadContext,
) -> Result<S3Client, ReadError> {
    let label = place.label(&place.key);
    let Some(access) = access else {
        let Some(own) = &context.s3 else { return Err(no_store(&label)) };
        refuse_lake(&own.buckets, place)?;
        // The operator named it, so its host is trusted.
        return S3Client::new(own, None).map_err(|error| failed(&label, error));
    };
    let config = access.resolve(context)?;
    if let Some(own) = context.s3.as_deref().filter(|own| is_same_store(own, &config)) {
        refuse_lake(&own.buckets, place)?;
    }
    let resolver = http::resolver(&context.allow_private_hosts);
    S3Client::new(&config, Some(Arc::new(resolver))).map_err(|error| failed(&label, error))
}

fn is_same_store(own: &S3Config, other: &S3Config) -> bool {
    let place = |config: &S3Config| {
        let url = config.endpoint.as_deref().map(Url::parse);
        url.map_or_else(
            || config.region.clone(),
            |url| url.map(|url| url.origin().ascii_serialization()).unwrap_or_default(),
        )
    };
    place(own) == place(other)
}

// Its listing shows files of runs that were not committed, and of some that never will be.
fn refuse_lake(buckets: &Buckets, place: &Place) -> Result<(), ReadError> {
    if ![&buckets.raw, &buckets.processed, &buckets.dead_letter].contains(&&place.bucket) {
        return Ok(());
    }
    let message = format!(
        "`{}`: the bucket `{}` is the lake's own, where files lie that no query shows; query the dataset instead, or copy \
         what is to be read to another bucket",
        place.label(&place.key),
        place.bucket
    );
    Err(ReadError::permanent(Stage::Read, code::PATH_NOT_ALLOWED, message))
}

fn no_store(label: &str) -> ReadError {
    let message = format!(
        "`{label}`: there is no store to read it from; name one in `config.s3` (endpoint, region, access_key, secret_key), or \
         start rfe with MINIO_ENDPOINT to read from the platform's own"
    );
    ReadError::permanent(Stage::Read, code::BAD_CONFIG, message)
}

/// What an error of the store means for the run. `label` is the object or the location that was asked for.
pub(super) fn failed(label: &str, error: LakeError) -> ReadError {
    let permanent = |code, message: String| ReadError::permanent(Stage::Read, code, message);
    let source = match error {
        LakeError::NotFound { .. } => {
            return permanent(code::FILE_NOT_FOUND, format!("`{label}` does not exist"));
        }
        LakeError::Changed { .. } => return changed(label),
        LakeError::Setup(reason) => return permanent(code::BAD_CONFIG, format!("`{label}`: {reason}")),
        LakeError::Key(_) | LakeError::Mismatch { .. } => {
            return permanent(code::FILE_UNREADABLE, format!("`{label}`: {error}"));
        }
        LakeError::Store { source, .. } => source,
    };
    let kind = source.downcast_ref::<Failure>().map_or(FailureKind::Other, Failure::kind);
    match kind {
        FailureKind::NoObject | FailureKind::NoBucket => {
            permanent(code::FILE_NOT_FOUND, format!("`{label}` does not exist: {source}"))
        }
        FailureKind::Changed => changed(label),
        FailureKind::HostRefused => permanent(code::HOST_NOT_ALLOWED, format!("`{label}`: {source}")),
        FailureKind::Credentials | FailureKind::Denied => permanent(
            code::AUTH_FAILED,
            format!(
                "`{label}` may not be read; check the keys, and that they may list and read the bucket: {source}"
            ),
        ),
        FailureKind::Region => permanent(
            code::BAD_CONFIG,
            format!("`{label}` lies in another region; set `config.s3.region`: {source}"),
        ),
        FailureKind::Unsupported => permanent(
            code::HTTP_STATUS,
            format!("`{label}` can't be read, the server is no S3 store: {source}"),
        ),
        FailureKind::Unreachable => ReadError::transient(
            code::CONNECT_FAILED,
            format!("`{label}` can't be read, the store did not answer: {source}"),
        ),
        _ => ReadError::transient(code::HTTP_BUSY, format!("`{label}` can't be read now: {source}")),
    }
}

/// The error of an object that is not what it was when it was found.
pub(super) fn changed(label: &str) -> ReadError {
    ReadError::transient(code::FILE_CHANGED, format!("`{label}` changed while it was read"))
}
