//! How the SDK's client is set up: address, keys, retries, timeouts.

use std::{sync::Arc, time::Duration};

use aws_sdk_s3::{
    Client, Config,
    config::{
        Builder, Credentials, Region, RequestChecksumCalculation, ResponseChecksumValidation,
        SharedHttpClient, StalledStreamProtectionConfig,
        retry::{RetryConfig, RetryPartition, TokenBucket},
        timeout::{TimeoutConfig, TimeoutConfigBuilder},
    },
};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};

use super::{
    config::S3Config,
    guard::{Guarded, Names, RefusedHosts, Resolve},
};
use crate::LakeError;

const CONNECT: Duration = Duration::from_secs(3);
/// How long one try of a request without a body may take until its answer begins.
const ATTEMPT: Duration = Duration::from_secs(20);
/// The slowest upload that is waited for.
const SLOWEST_BYTES_PER_SECOND: u64 = 128 << 10;
/// How long a body may bring nothing.
const STALLED: Duration = Duration::from_secs(20);
/// How long the first request of all may take, tries included.
const START: Duration = Duration::from_secs(15);
const FIRST_BACKOFF: Duration = Duration::from_millis(100);
const LONGEST_BACKOFF: Duration = Duration::from_secs(2);

/// How many bodies in a row may break without bringing a byte.
pub(super) const BROKEN_BODIES: u32 = 10;

/// How often a request is tried.
#[derive(Debug, Clone, Copy)]
pub(super) enum Patience {
    /// While people wait for the process to start: it says within seconds what is wrong.
    Starting,
    /// At 35 % failures, 12 tries in a row fail for 3 requests in a million.
    Working,
}

impl Patience {
    fn tries(self) -> u32 {
        match self {
            Self::Starting => 8,
            Self::Working => 12,
        }
    }

    fn timeouts(self) -> TimeoutConfigBuilder {
        match self {
            Self::Starting => timeouts(0).operation_timeout(START),
            Self::Working => timeouts(0),
        }
    }
}

/// The client of a store; it connects when it is used.
pub(super) fn client(
    config: &S3Config,
    resolver: Option<Arc<dyn Resolve>>,
    patience: Patience,
) -> Result<Client, LakeError> {
    let sdk = Config::builder()
        .region(Region::new(config.region.clone()))
        .force_path_style(config.path_style)
        .http_client(http_client(resolver))
        .retry_classifier(RefusedHosts)
        .retry_config(retries(patience))
        // The SDK's quota would end retries of all requests alike after a run of failures; the queue backs off instead.
        .retry_partition(RetryPartition::custom("rfe-lake").token_bucket(TokenBucket::unlimited()).build())
        .timeout_config(patience.timeouts().connect_timeout(CONNECT).build())
        .stalled_stream_protection(
            // What is sent lies in memory, so only its whole time can be judged.
            StalledStreamProtectionConfig::enabled().upload_enabled(false).grace_period(STALLED).build(),
        )
        // Checksums are set request by request: some servers refuse those that the SDK would add.
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired);
    let sdk = match endpoint(config)? {
        Some(endpoint) => sdk.endpoint_url(endpoint),
        None => sdk,
    };
    Ok(Client::from_conf(signed(sdk, config)?.build()))
}

fn signed(sdk: Builder, config: &S3Config) -> Result<Builder, LakeError> {
    match (&config.access_key, &config.secret_key) {
        (Some(access), Some(secret)) => {
            Ok(sdk.credentials_provider(Credentials::new(access, secret, None, None, "rfe")))
        }
        (None, None) => Ok(sdk.allow_no_auth()),
        (Some(_), None) => Err(LakeError::Setup("an access key is set and no secret key".to_owned())),
        (None, Some(_)) => Err(LakeError::Setup("a secret key is set and no access key".to_owned())),
    }
}

fn endpoint(config: &S3Config) -> Result<Option<&str>, LakeError> {
    let Some(endpoint) = &config.endpoint else { return Ok(None) };
    let url = endpoint.parse::<http::Uri>().ok();
    let usable = url.is_some_and(|url| {
        matches!(url.scheme_str(), Some("http" | "https")) && url.host().is_some_and(|host| !host.is_empty())
    });
    if usable {
        return Ok(Some(endpoint));
    }
    Err(LakeError::Setup(format!(
        "`{endpoint}` is no address of an object store: it is `http://host:port` or `https://host`"
    )))
}

fn http_client(resolver: Option<Arc<dyn Resolve>>) -> SharedHttpClient {
    let client = aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::AwsLc));
    match resolver {
        None => client.build_https(),
        Some(resolver) => {
            let client = client.build_with_resolver(Names(resolver.clone()));
            SharedHttpClient::new(Guarded { client, resolver })
        }
    }
}

fn retries(patience: Patience) -> RetryConfig {
    RetryConfig::standard()
        .with_max_attempts(patience.tries())
        .with_initial_backoff(FIRST_BACKOFF)
        .with_max_backoff(LONGEST_BACKOFF)
}

fn timeouts(bytes: u64) -> TimeoutConfigBuilder {
    let attempt = ATTEMPT + Duration::from_secs(bytes / SLOWEST_BYTES_PER_SECOND);
    TimeoutConfig::builder().operation_attempt_timeout(attempt).operation_timeout(attempt * 4)
}

/// The settings of a request that sends a body of this size.
pub(super) fn with_body(bytes: u64) -> Builder {
    Config::builder().timeout_config(timeouts(bytes).build())
}

/// Waits before a broken body is asked for again: longer each time, by chance.
pub(super) async fn pause(tries: u32) {
    let most = (FIRST_BACKOFF * 2_u32.saturating_pow(tries.min(10))).min(LONGEST_BACKOFF);
    tokio::time::sleep(most.mul_f64(fastrand::f64())).await;
}
