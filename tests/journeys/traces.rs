//! One trace from whoever sends to the commit, told to a collector.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
};

use opentelemetry_proto::tonic::{
    collector::trace::v1::{
        ExportTraceServiceRequest, ExportTraceServiceResponse,
        trace_service_server::{TraceService, TraceServiceServer},
    },
    trace::v1::Span,
};
use rfe_proto::ingest::SubmitJobRequest;
use rfe_tests::{Platform, Role, Settings, until};
use tokio::net::TcpListener;
use tonic::{Request, Response, Status, transport::Server};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";

/// A collector that keeps what it gets.
#[derive(Debug, Clone, Default)]
struct Collector(Arc<Mutex<Vec<Span>>>);

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let scopes =
            request.into_inner().resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
        let spans = scopes.flat_map(|scope| scope.spans);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(spans);
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

impl Collector {
    async fn start() -> (Self, String) {
        let collector = Self::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let incoming = tonic::transport::server::TcpIncoming::from(listener);
        let server = Server::builder()
            .add_service(TraceServiceServer::new(collector.clone()))
            .serve_with_incoming(incoming);
        tokio::spawn(server);
        (collector, url)
    }

    /// The spans of a trace by their ids.
    fn of(&self, trace: &str) -> BTreeMap<String, Span> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let ours = all.iter().filter(|span| hex::encode(&span.trace_id) == trace);
        ours.map(|span| (hex::encode(&span.span_id), span.clone())).collect()
    }

    /// The spans of a trace, once all of these are there.
    async fn told(&self, trace: &str, names: &[&str]) -> BTreeMap<String, Span> {
        until(&format!("spans {names:?} of {trace}"), || async {
            let spans = self.of(trace);
            let found: BTreeSet<&str> = spans.values().map(|span| span.name.as_str()).collect();
            names.iter().all(|name| found.contains(name)).then_some(spans)
        })
        .await
    }
}

async fn platform(url: &str) -> Platform {
    Settings::default().with("OTEL_EXPORTER_OTLP_ENDPOINT", url).start().await
}

fn named<'a>(spans: &'a BTreeMap<String, Span>, name: &str) -> &'a Span {
    spans.values().find(|span| span.name == name).unwrap_or_else(|| panic!("no span `{name}`"))
}

/// The names from a span up to the caller.
fn way_up(spans: &BTreeMap<String, Span>, from: &Span) -> Vec<String> {
    let mut way = vec![from.name.clone()];
    let mut parent = hex::encode(&from.parent_span_id);
    while parent != CALLER {
        let span =
            spans.get(&parent).unwrap_or_else(|| panic!("{way:?} leads to {parent}, which is nowhere"));
        way.push(span.name.clone());
        parent = hex::encode(&span.parent_span_id);
    }
    way
}

#[tokio::test]
async fn a_webhook_is_one_trace_from_its_sender_to_the_commit() {
    let (collector, url) = Collector::start().await;
    let platform = platform(&url).await;
    let traceparent = format!("00-{TRACE}-{CALLER}-01");
    let reply = platform.webhook("traced").header("traceparent", &traceparent).json(r#"{"id": 1}"#).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    platform.shows("SELECT id FROM traced", &["1"]).await;
    let commit = "rfe.metadata.v1.RunService/CommitRun";
    let submit = "rfe.ingest.v1.IngestService/SubmitEvents";
    let names =
        ["POST /webhooks/{source}", "group", submit, "work events", "read", "write", "commit", commit];
    let spans = collector.told(TRACE, &names).await;
    let way = [commit, "commit", "work events", submit, "group", "POST /webhooks/{source}"];
    assert_eq!(way_up(&spans, named(&spans, commit)), way);
    let told = format!("{spans:?}");
    assert!(told.contains("rfe.run_id") && told.contains("completed"), "{told}");
}

#[tokio::test]
async fn a_job_is_one_trace_from_its_caller_to_the_commit() {
    let (collector, url) = Collector::start().await;
    let platform = platform(&url).await;
    platform
        .apply("version: 1\nsources:\n- {name: made, kind: synthetic, config: {count: 3, rate: 0}}\n")
        .await;
    let mut request = Request::new(SubmitJobRequest { source: "made".to_owned(), ..Default::default() });
    let traceparent = format!("00-{TRACE}-{CALLER}-01");
    request.metadata_mut().insert("traceparent", traceparent.parse().expect("ASCII"));
    let answer = platform.ingest_service().submit_job(request).await.expect("the job is accepted");
    let job = answer.into_inner().job.expect("a job");
    platform.ended_run(&job.job_id).await;
    let commit = "rfe.metadata.v1.RunService/CommitRun";
    let submit = "rfe.ingest.v1.IngestService/SubmitJob";
    let spans = collector.told(TRACE, &[submit, "work pull", "commit", commit]).await;
    assert_eq!(way_up(&spans, named(&spans, commit)), [commit, "commit", "work pull", submit]);
}

#[tokio::test]
async fn a_caller_who_does_not_sample_is_obeyed() {
    let (collector, url) = Collector::start().await;
    let platform = platform(&url).await;
    let quiet = format!("00-{TRACE}-{CALLER}-00");
    let reply = platform.webhook("quiet").header("traceparent", &quiet).json(r#"{"id": 1}"#).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    platform.shows("SELECT id FROM quiet", &["1"]).await;
    let loud = TRACE.replace('4', "5");
    let reply = platform
        .webhook("quiet")
        .header("traceparent", &format!("00-{loud}-{CALLER}-01"))
        .json(r#"{"id": 2}"#)
        .await;
    assert_eq!(reply.status, 200, "{reply:?}");
    // Spans are told in the order of their ends.
    collector.told(&loud, &["work events"]).await;
    assert!(collector.of(TRACE).is_empty(), "{:?}", collector.of(TRACE));
}

#[tokio::test]
async fn a_collector_that_is_down_costs_spans_and_nothing_else() {
    let nobody = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", nobody.local_addr().expect("an address"));
    drop(nobody);
    let platform = platform(&url).await;
    for id in 0..20 {
        let reply = platform.webhook("alone").json(format!(r#"{{"id": {id}}}"#)).await;
        assert_eq!(reply.status, 200, "{reply:?}");
    }
    platform.shows("SELECT count(*) FROM alone", &["20"]).await;
    until("the lost spans are counted", || async {
        let page = platform.page(Role::Ingest, "/metrics").await.text;
        let failed = page.lines().find_map(|line| line.strip_prefix("rfe_trace_spans_failed_total "));
        failed.is_some_and(|count| count != "0").then_some(())
    })
    .await;
}
