//! Logs and traces of one process. Started by the binary only; a library never installs a subscriber.

mod export;
mod line;
pub mod trace;

use std::io::IsTerminal as _;

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_subscriber::{
    EnvFilter, Layer as _,
    filter::{FilterExt as _, LevelFilter, filter_fn},
    fmt,
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

use self::export::Exported;
use crate::Metrics;

/// How a line of the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// What a process tells about itself, and where.
#[derive(Debug, Clone, Default)]
pub struct TelemetryConfig {
    /// What is logged, such as `info` or `rfe_worker=debug`.
    pub filter: String,
    /// How it is written.
    pub format: LogFormat,
    /// The OTLP gRPC endpoint that gets the spans, such as `http://collector:4317`. Without one, traces are handed on and not told.
    pub otlp: Option<String>,
    /// The roles of the process, such as `worker` or `edge,ingest`; empty for one with all of them.
    pub role: String,
}

/// The running telemetry of a process.
#[derive(Debug)]
pub struct Telemetry {
    provider: SdkTracerProvider,
    exported: Exported,
}

impl Telemetry {
    /// Sends logs to stderr, and spans to the collector if there is one. To be called within the runtime.
    ///
    /// # Errors
    /// With the reason if the filter or the endpoint does not parse, or if logs are set up already.
    pub fn start(config: TelemetryConfig) -> Result<Self, String> {
        let shown = EnvFilter::try_new(&config.filter)
            .map_err(|error| format!("`{}` is no log filter: {error}", config.filter))?;
        let exported = Exported::default();
        let provider = export::provider(&config, &exported)?;
        let spans = tracing_opentelemetry::layer()
            .with_tracer(provider.tracer("rfe"))
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            // What only the trace wants is no line of the log, and lines of the log are not copied into spans.
            .with_filter(filter_fn(trace::is_span).with_max_level_hint(LevelFilter::INFO));
        let lines = fmt::layer()
            .with_ansi(config.format == LogFormat::Text && std::io::stderr().is_terminal())
            .event_format(line::Line::new(config.format, config.role))
            .with_writer(std::io::stderr)
            .with_filter(shown.and(filter_fn(|metadata| !trace::is_span(metadata))));
        tracing_subscriber::registry()
            .with(spans)
            .with(lines)
            .try_init()
            .map_err(|error| error.to_string())?;
        Ok(Self { provider, exported })
    }

    /// Shows in these metrics what became of the spans.
    pub fn register(&self, metrics: &Metrics) {
        self.exported.register(metrics);
    }

    /// Sends what waits to the collector, for at most five seconds.
    pub async fn stop(self) {
        // It waits for a thread that needs this runtime.
        let stopped = tokio::task::spawn_blocking(move || self.provider.shutdown()).await;
        if let Ok(Err(error)) = stopped {
            tracing::debug!(%error, "the last spans were not sent");
        }
    }
}
