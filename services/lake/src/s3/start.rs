//! Start-up: buckets are made, and what is wrong is said so that it can be mended.

use std::sync::Arc;

use aws_sdk_s3::types::{BucketLocationConstraint, CreateBucketConfiguration};
use futures::future::try_join_all;
use tokio::sync::Semaphore;

use super::{
    S3Lake,
    client::S3Client,
    config::S3Config,
    failure::{Failure, FailureKind},
    probe::{self, Capabilities},
    sdk::{self, Patience},
    upload::MEMORY,
};
use crate::{Bucket, LakeError};

/// The region whose buckets are made without naming it.
const UNNAMED_REGION: &str = "us-east-1";
/// How often a bucket may be neither there nor makeable, while another process makes it.
const RACES: u32 = 5;

pub(super) async fn connect(config: S3Config) -> Result<S3Lake, LakeError> {
    let first = S3Client::of(sdk::client(&config, None, Patience::Starting)?);
    let client = S3Client::new(&config, None)?;
    let store = Store { config: &config, client: &client };
    store.check_names()?;
    store.reach(&first).await?;
    for bucket in Bucket::ALL {
        store.make(bucket).await?;
    }
    let probes = Bucket::ALL.map(|bucket| store.probe(bucket));
    let capabilities = try_join_all(probes).await?.into_iter().fold(Capabilities::ALL, Capabilities::and);
    tracing::info!(
        store = config.place(),
        region = config.region,
        ?capabilities,
        "the object store can be used"
    );
    let memory = Arc::new(Semaphore::new(MEMORY as usize));
    Ok(S3Lake { sdk: client.sdk().clone(), client, capabilities, memory, config })
}

struct Store<'a> {
    config: &'a S3Config,
    client: &'a S3Client,
}

impl Store<'_> {
    fn check_names(&self) -> Result<(), LakeError> {
        let [raw, processed, letters] = Bucket::ALL.map(|bucket| self.name(bucket));
        if raw == processed || raw == letters || processed == letters {
            return Err(LakeError::Setup(format!(
                "the buckets `{raw}`, `{processed}` and `{letters}` must be three \
                 (MINIO_BUCKET_RAW, MINIO_BUCKET_PROCESSED, MINIO_BUCKET_DEAD_LETTER)"
            )));
        }
        Ok(())
    }

    // With less patience than later: somebody may be waiting to hear that the address is wrong.
    async fn reach(&self, client: &S3Client) -> Result<(), LakeError> {
        match look(client, self.name(Bucket::Raw)).await {
            Err(failure) if is_missing(&failure) => Ok(()),
            looked => looked.map_err(|failure| self.explain(Bucket::Raw, &failure)),
        }
    }

    // A bucket that somebody makes at the same time is as good.
    async fn make(&self, bucket: Bucket) -> Result<(), LakeError> {
        let name = self.name(bucket);
        let mut races = 0;
        loop {
            match look(self.client, name).await {
                Ok(()) => return Ok(()),
                Err(failure) if !is_missing(&failure) => return Err(self.explain(bucket, &failure)),
                Err(_) => {}
            }
            match self.create(name).await {
                Ok(()) => tracing::info!(bucket = name, "made the bucket"),
                Err(failure) if failure.kind() == FailureKind::Conflict && races < RACES => {
                    sdk::pause(races).await;
                    races += 1;
                }
                Err(failure) => return Err(self.explain(bucket, &failure)),
            }
        }
    }

    async fn create(&self, name: &str) -> Result<(), Failure> {
        let region = self.config.region.as_str();
        let place = (region != UNNAMED_REGION).then(|| {
            CreateBucketConfiguration::builder()
                .location_constraint(BucketLocationConstraint::from(region))
                .build()
        });
        let made = self.client.sdk().create_bucket().bucket(name).set_create_bucket_configuration(place);
        made.send().await?;
        Ok(())
    }

    async fn probe(&self, bucket: Bucket) -> Result<Capabilities, LakeError> {
        let name = self.name(bucket);
        probe::probe(self.client, name).await.map_err(|wrong| match wrong {
            probe::Wrong::Failed(what, failure) if failure.kind() == FailureKind::Denied => {
                LakeError::Setup(format!("{}, when {what} was tried", self.explain(bucket, &failure)))
            }
            wrong => LakeError::Setup(format!(
                "the bucket `{name}` of {} is no place for a lake: {wrong}",
                self.config.place()
            )),
        })
    }

    fn name(&self, bucket: Bucket) -> &str {
        self.config.buckets.name(bucket)
    }

    fn explain(&self, bucket: Bucket, failure: &Failure) -> LakeError {
        let place = self.config.place();
        let (name, variable) = (self.name(bucket), variable(bucket));
        LakeError::Setup(match failure.kind() {
            FailureKind::Unreachable => format!(
                "the object store at {place} (MINIO_ENDPOINT) can't be reached: {failure}; start it, or correct the address"
            ),
            FailureKind::Credentials => format!(
                "the object store at {place} does not know these keys (MINIO_ACCESS_KEY, MINIO_SECRET_KEY): {failure}"
            ),
            FailureKind::Denied => format!(
                "the keys (MINIO_ACCESS_KEY) may not use the bucket `{name}` ({variable}) of {place}: {failure}; \
                 allow them to, or, if the bucket is somebody else's, name another"
            ),
            FailureKind::Clock => format!(
                "the clocks of this machine and of the object store at {place} differ too much, set them: {failure}"
            ),
            FailureKind::Region => format!(
                "the bucket `{name}` ({variable}) is not in the region `{}` (RFE_S3_REGION): {failure}",
                self.config.region
            ),
            FailureKind::Conflict => format!(
                "the bucket `{name}` ({variable}) of {place} belongs to somebody else, name another: {failure}"
            ),
            _ => format!("the bucket `{name}` ({variable}) of {place} can't be used: {failure}"),
        })
    }
}

fn variable(bucket: Bucket) -> &'static str {
    match bucket {
        Bucket::Raw => "MINIO_BUCKET_RAW",
        Bucket::Processed => "MINIO_BUCKET_PROCESSED",
        Bucket::DeadLetter => "MINIO_BUCKET_DEAD_LETTER",
    }
}

// Asks for a listing, since the answer to HEAD can't say why it is no.
async fn look(client: &S3Client, bucket: &str) -> Result<(), Failure> {
    client.sdk().list_objects_v2().bucket(bucket).max_keys(1).send().await?;
    Ok(())
}

fn is_missing(failure: &Failure) -> bool {
    matches!(failure.kind(), FailureKind::NoBucket | FailureKind::NoObject)
}
