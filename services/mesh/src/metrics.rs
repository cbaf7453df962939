//! Prometheus metrics of one process. No globals: the node makes one and hands it to its roles.

mod process;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Metric, Registry},
};

use crate::channel::Dialled;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Call {
    method: String,
    code: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Method {
    method: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Build {
    version: &'static str,
}

/// The metrics of one process. Clones are the same metrics.
#[derive(Debug, Clone)]
pub struct Metrics {
    registry: Arc<Mutex<Registry>>,
    calls: Family<Call, Counter>,
    seconds: Family<Method, Histogram>,
    in_flight: Gauge,
    dialled: Dialled,
}

/// Something that is counted as long as it lasts.
#[derive(Debug)]
pub struct InFlight(Gauge);

impl InFlight {
    /// Counts in this gauge until it is dropped.
    pub fn new(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let calls = Family::default();
        let seconds = Family::new_with_constructor(latencies as fn() -> Histogram);
        let (in_flight, dialled) = (Gauge::default(), Dialled::default());
        let metrics = Self { registry: Arc::default(), calls, seconds, in_flight, dialled };
        metrics.add("rfe_rpc", "RPCs answered", metrics.calls.clone());
        metrics.add("rfe_rpc_seconds", "Time to the first answer of an RPC", metrics.seconds.clone());
        metrics.add("rfe_rpc_in_flight", "RPCs that wait for their first answer", metrics.in_flight.clone());
        metrics.dialled.register(&metrics);
        let build: Family<Build, Gauge> = Family::default();
        build.get_or_create(&Build { version: env!("CARGO_PKG_VERSION") }).set(1);
        metrics.add("rfe_build_info", "The version of the program; always 1", build);
        metrics.lock().register_collector(Box::new(process::Process::new()));
        metrics
    }
}

/// A histogram of seconds that answers take.
pub fn latencies() -> Histogram {
    Histogram::new([0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0])
}

impl Metrics {
    /// Adds a metric under a name.
    pub fn add(&self, name: &str, help: &str, metric: impl Metric) {
        self.lock().register(name, help, metric);
    }

    /// Adds a counter under a name; the text form gets `_total` behind.
    pub fn counter(&self, name: &str, help: &str) -> Counter {
        let counter = Counter::default();
        self.add(name, help, counter.clone());
        counter
    }

    /// Adds a gauge under a name.
    pub fn gauge(&self, name: &str, help: &str) -> Gauge {
        let gauge = Gauge::default();
        self.add(name, help, gauge.clone());
        gauge
    }

    /// Adds a histogram of seconds that answers take.
    pub fn seconds(&self, name: &str, help: &str) -> Histogram {
        let histogram = latencies();
        self.add(name, help, histogram.clone());
        histogram
    }

    /// The counters of channels to other processes.
    pub fn dialled(&self) -> Dialled {
        self.dialled.clone()
    }

    /// Counts an RPC as long as it waits for its first answer.
    pub fn begun(&self) -> InFlight {
        InFlight::new(&self.in_flight)
    }

    /// Counts one answered RPC or request.
    pub fn answered(&self, method: &str, code: &str, took: Duration) {
        self.calls.get_or_create(&Call { method: method.to_owned(), code: code.to_owned() }).inc();
        self.seconds.get_or_create(&Method { method: method.to_owned() }).observe(took.as_secs_f64());
    }

    /// The text form that Prometheus reads.
    pub fn render(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.lock()).unwrap_or_else(|_| text.clear());
        text
    }

    fn lock(&self) -> MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
