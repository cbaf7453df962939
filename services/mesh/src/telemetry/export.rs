//! Spans on their way to a collector. Work never waits for it: what does not fit into the queue is dropped, and counted.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::{SpanExporter as OtlpExporter, WithTonicConfig as _};
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    trace::{
        BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracerProvider, Span, SpanData, SpanExporter,
        SpanProcessor,
    },
};
use prometheus_client::metrics::counter::Counter;
use tonic::transport::{Channel, ClientTlsConfig, Endpoint};

use super::TelemetryConfig;
use crate::Metrics;

const QUEUE: usize = 8192;
const BATCH: usize = 512;
const DELAY: Duration = Duration::from_secs(1);
const EXPORT_TIMEOUT: Duration = Duration::from_secs(10);

/// What became of the spans.
#[derive(Debug, Clone, Default)]
pub(super) struct Exported {
    sent: Counter,
    failed: Counter,
    dropped: Counter,
    waiting: Arc<AtomicUsize>,
}

impl Exported {
    pub(super) fn register(&self, metrics: &Metrics) {
        metrics.add("rfe_trace_spans_sent", "Spans that the collector took", self.sent.clone());
        metrics.add("rfe_trace_spans_failed", "Spans that the collector did not take", self.failed.clone());
        metrics.add(
            "rfe_trace_spans_dropped",
            "Spans that were dropped because the collector was too slow",
            self.dropped.clone(),
        );
    }
}

/// Makes what makes spans. Their ids exist without a collector too.
pub(super) fn provider(config: &TelemetryConfig, exported: &Exported) -> Result<SdkTracerProvider, String> {
    let builder = SdkTracerProvider::builder().with_resource(resource(&config.role));
    let Some(url) = &config.otlp else {
        return Ok(builder.with_sampler(Sampler::ParentBased(Box::new(Sampler::AlwaysOff))).build());
    };
    let exporter = OtlpExporter::builder()
        .with_tonic()
        .with_channel(channel(url)?)
        .build()
        .map_err(|error| format!("`{url}` is no OTLP endpoint: {error}"))?;
    let batch = BatchConfigBuilder::default()
        // The bound of `Counting`, twice: its own is never met, as it would not be counted.
        .with_max_queue_size(2 * QUEUE)
        .with_max_export_batch_size(BATCH)
        .with_scheduled_delay(DELAY)
        .build();
    let exporter = Telling { exporter, exported: exported.clone() };
    let inner = BatchSpanProcessor::builder(exporter).with_batch_config(batch).build();
    Ok(builder.with_span_processor(Counting { inner, exported: exported.clone() }).build())
}

fn channel(url: &str) -> Result<Channel, String> {
    let wrong = |error: tonic::transport::Error| format!("`{url}` is no OTLP endpoint: {error}");
    let endpoint = Endpoint::from_shared(url.to_owned()).map_err(wrong)?;
    let secure = match endpoint.uri().scheme_str() {
        Some("http") => false,
        Some("https") => true,
        _ => return Err(format!("`{url}` is no OTLP endpoint: it begins with neither http:// nor https://")),
    };
    let endpoint = endpoint.timeout(EXPORT_TIMEOUT).connect_timeout(EXPORT_TIMEOUT);
    if !secure {
        return Ok(endpoint.connect_lazy());
    }
    let tls = ClientTlsConfig::new().with_native_roots();
    Ok(endpoint.tls_config(tls).map_err(wrong)?.connect_lazy())
}

fn resource(role: &str) -> Resource {
    let mut resource = Resource::builder();
    if std::env::var_os("OTEL_SERVICE_NAME").is_none() {
        let name = if role.is_empty() { "rfe".to_owned() } else { format!("rfe-{}", role.replace(',', "-")) };
        resource = resource.with_service_name(name);
    }
    resource
        .with_attributes([
            KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
            KeyValue::new("process.pid", i64::from(std::process::id())),
        ])
        .build()
}

/// Takes spans while there is room for them.
#[derive(Debug)]
struct Counting {
    inner: BatchSpanProcessor,
    exported: Exported,
}

impl SpanProcessor for Counting {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.inner.on_start(span, context);
    }

    fn on_end(&self, span: SpanData) {
        if self.exported.waiting.fetch_add(1, Ordering::Relaxed) < QUEUE {
            self.inner.on_end(span);
        } else {
            self.exported.waiting.fetch_sub(1, Ordering::Relaxed);
            self.exported.dropped.inc();
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

/// Sends spans and counts what became of them.
#[derive(Debug)]
struct Telling {
    exporter: OtlpExporter,
    exported: Exported,
}

impl SpanExporter for Telling {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        let result = self.exporter.export(batch).await;
        self.exported.waiting.fetch_sub(spans, Ordering::Relaxed);
        let counter = if result.is_ok() { &self.exported.sent } else { &self.exported.failed };
        counter.inc_by(spans as u64);
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_endpoint_that_is_none_is_named() {
        for url in ["collector", "ftp://collector:4317", "http://"] {
            let config = TelemetryConfig { otlp: Some(url.to_owned()), ..TelemetryConfig::default() };
            let error = provider(&config, &Exported::default()).expect_err("no endpoint");
            assert!(error.starts_with(&format!("`{url}` is no OTLP endpoint")), "{error}");
        }
    }
}
