//! Which addresses may be connected to, where users name the host.

use std::{error::Error, fmt, io, net::IpAddr, sync::Arc};

use async_trait::async_trait;
use aws_sdk_s3::config::{
    HttpClient, RuntimeComponents, SharedHttpClient,
    interceptors::InterceptorContext,
    retry::{ClassifyRetry, RetryAction},
};
use aws_smithy_runtime_api::client::{
    dns::{DnsFuture, ResolveDns, ResolveDnsError},
    http::{HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
    orchestrator::HttpRequest,
    result::ConnectorError,
};

/// Finds the addresses of a host, and refuses hosts that may not be reached.
#[async_trait]
pub trait Resolve: Send + Sync + fmt::Debug {
    /// The addresses to connect to. `host` may be an address already; it is then reached only if it is among the answers.
    /// An error of the kind [`io::ErrorKind::PermissionDenied`] says that the host may not be reached, and ends the request
    /// at once; others are tried again.
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>>;
}

/// A resolver as the SDK's HTTP client asks for one.
#[derive(Debug, Clone)]
pub(super) struct Names(pub Arc<dyn Resolve>);

impl ResolveDns for Names {
    fn resolve_dns<'a>(&'a self, name: &'a str) -> DnsFuture<'a> {
        DnsFuture::new(async move { self.0.resolve(name).await.map_err(ResolveDnsError::new) })
    }
}

/// An HTTP client that shows addresses to the resolver as well: below it, only names are resolved.
#[derive(Debug)]
pub(super) struct Guarded {
    pub client: SharedHttpClient,
    pub resolver: Arc<dyn Resolve>,
}

impl HttpClient for Guarded {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(GuardedConnector {
            connector: self.client.http_connector(settings, components),
            resolver: self.resolver.clone(),
        })
    }
}

#[derive(Debug)]
struct GuardedConnector {
    connector: SharedHttpConnector,
    resolver: Arc<dyn Resolve>,
}

impl HttpConnector for GuardedConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (connector, resolver) = (self.connector.clone(), self.resolver.clone());
        HttpConnectorFuture::new(async move {
            check(&*resolver, request.uri()).await.map_err(|error| ConnectorError::user(error.into()))?;
            connector.call(request).await
        })
    }
}

async fn check(resolver: &dyn Resolve, uri: &str) -> io::Result<()> {
    let uri: http::Uri = uri.parse().map_err(io::Error::other)?;
    let host = uri.host().unwrap_or_default();
    let Ok(address) = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() else {
        return Ok(());
    };
    if resolver.resolve(host).await?.contains(&address) {
        return Ok(());
    }
    Err(io::Error::new(io::ErrorKind::PermissionDenied, format!("the host `{host}` may not be reached")))
}

/// Ends a request to a host that may not be reached, which looks like any failure to connect otherwise.
#[derive(Debug)]
pub(super) struct RefusedHosts;

impl ClassifyRetry for RefusedHosts {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let failed = context.output_or_error().and_then(Result::err);
        match failed.and_then(|failed| failed.as_connector_error()) {
            Some(error) if is_refused(error) => RetryAction::RetryForbidden,
            _ => RetryAction::NoActionIndicated,
        }
    }

    fn name(&self) -> &'static str {
        "hosts that may not be reached"
    }
}

/// True if a host was refused, as far as an error's causes tell.
pub(super) fn is_refused(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        let error_of_io = error.downcast_ref::<io::Error>();
        if error_of_io.is_some_and(|error| error.kind() == io::ErrorKind::PermissionDenied) {
            return true;
        }
        next = error.source();
    }
    false
}
