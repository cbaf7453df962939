//! What crashed processes left unfinished.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_sdk_s3::{primitives::DateTime, types::MultipartUpload};

use super::{
    S3Lake,
    failure::{Failure, FailureKind},
    probe::FOLDER,
};
use crate::{Bucket, LakeError};

/// Probes are few; more than these are left to the next sweep.
const PROBES: usize = 1000;

impl S3Lake {
    /// Aborts uploads in the lake's buckets that were begun longer ago than `older_than`; says how many.
    ///
    /// # Errors
    /// [`LakeError::Store`] if the store fails or refuses.
    pub async fn abort_stale_uploads(&self, older_than: Duration) -> Result<u64, LakeError> {
        let mut aborted = 0;
        if self.capabilities.lists_uploads {
            for bucket in Bucket::ALL {
                aborted += self.abort_in(self.bucket(bucket), before(older_than)).await?;
            }
        }
        Ok(aborted)
    }

    async fn abort_in(&self, bucket: &str, before: i64) -> Result<u64, LakeError> {
        let (mut aborted, mut key, mut id) = (0, None, None);
        loop {
            let page = self.sdk.list_multipart_uploads().bucket(bucket);
            let page = page.set_key_marker(key.take()).set_upload_id_marker(id.take()).send().await;
            let page = page.map_err(|error| Failure::from(error).of_bucket(bucket, ""))?;
            for upload in page.uploads() {
                if upload.initiated().is_some_and(|begun| micros(begun) < before) {
                    aborted += self.abort(bucket, upload).await?;
                }
            }
            if page.is_truncated != Some(true) {
                return Ok(aborted);
            }
            (key, id) = (page.next_key_marker, page.next_upload_id_marker);
        }
    }

    async fn abort(&self, bucket: &str, upload: &MultipartUpload) -> Result<u64, LakeError> {
        let key = upload.key().unwrap_or_default();
        let abort = self.sdk.abort_multipart_upload().bucket(bucket).key(key);
        match abort.set_upload_id(upload.upload_id.clone()).send().await {
            Ok(_) => Ok(1),
            Err(error) => match Failure::from(error) {
                // It ended meanwhile.
                failure if failure.kind() == FailureKind::NoUpload => Ok(0),
                failure => Err(failure.of(bucket, key)),
            },
        }
    }

    /// Deletes what start-ups tried out and did not live to delete.
    pub(super) async fn delete_stale_probes(&self, older_than: Duration) -> Result<u64, LakeError> {
        let (mut deleted, before) = (0, before(older_than));
        for bucket in Bucket::ALL.map(|bucket| self.bucket(bucket)) {
            for object in self.client.list(bucket, FOLDER, None, PROBES).await? {
                if object.modified_micros < before {
                    self.client.delete(bucket, &object.key).await?;
                    deleted += 1;
                }
            }
        }
        Ok(deleted)
    }
}

// The moment that long ago, in µs since the Unix epoch.
fn before(older_than: Duration) -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.saturating_sub(older_than).as_micros()).unwrap_or(i64::MAX)
}

fn micros(at: &DateTime) -> i64 {
    at.secs() * 1_000_000 + i64::from(at.subsec_nanos() / 1000)
}
