//! What every call carries.

use std::time::{Duration, Instant};

use opentelemetry::{
    Context,
    trace::{SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState},
};
use rfe_mesh::{
    MeshChannel, Shutdown,
    call::Call,
    channel::{Dial, LocalRoutes},
    fault_from_status,
    layer::deadline,
    pages::Pages,
    server::{self, GrpcPort},
};
use rfe_model::fault::reason;
use rfe_proto::{
    ingest::{WatchJobRequest, ingest_service_client::IngestServiceClient},
    worker::{
        PreviewRequest, PreviewResponse,
        preview_service_client::PreviewServiceClient,
        preview_service_server::{PreviewService, PreviewServiceServer},
    },
};
use tonic::{Request, Response, Status, service::RoutesBuilder};

use crate::stub::{Act, Stub, channel, submit};

/// A role that calls another one.
struct Between(MeshChannel);

#[tonic::async_trait]
impl PreviewService for Between {
    async fn preview(&self, _: Request<PreviewRequest>) -> Result<Response<PreviewResponse>, Status> {
        assert!(Call::current().request_id.is_some(), "the call is known");
        submit(&self.0).await?;
        Ok(Response::new(PreviewResponse::default()))
    }
}

fn left(stub: &Stub) -> Duration {
    let headers = stub.last();
    let text = headers.get("grpc-timeout").expect("a deadline").to_str().expect("text");
    deadline::parse(text).expect("a timeout")
}

fn routes(next: &Stub) -> tonic::service::Routes {
    let mut routes = RoutesBuilder::default();
    routes.add_service(PreviewServiceServer::new(Between(channel(&next.url()))));
    routes.routes()
}

async fn passed_on(client: MeshChannel, next: &Stub) {
    let mut request = Request::new(PreviewRequest::default());
    request.set_timeout(Duration::from_secs(7));
    request.metadata_mut().insert("x-request-id", "from-outside".parse().expect("a header"));
    PreviewServiceClient::new(client).preview(request).await.expect("an answer");
    assert_eq!(next.last()["x-request-id"], "from-outside");
    let left = left(next);
    assert!(left <= Duration::from_secs(7) && left > Duration::from_secs(4), "{left:?}");
}

#[tokio::test]
async fn a_call_within_a_call_has_its_id_and_the_time_that_is_left_over_the_network() {
    let next = Stub::start(Act::Answer);
    let shutdown = Shutdown::new();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("its address"));
    server::spawn(listener, GrpcPort::new(routes(&next), Pages::default()), None, &shutdown);
    passed_on(channel(&url), &next).await;
    let mut client = PreviewServiceClient::new(channel(&url));
    let answer = client.preview(PreviewRequest::default()).await.expect("an answer");
    let answered = answer.metadata().get("x-request-id").expect("an id");
    assert_eq!(answered.as_bytes(), next.last()["x-request-id"].as_bytes());
}

#[tokio::test]
async fn and_within_the_process() {
    let next = Stub::start(Act::Answer);
    let local = LocalRoutes::default();
    local.set(routes(&next));
    passed_on(MeshChannel::Local(local), &next).await;
}

#[tokio::test]
async fn a_call_without_deadline_gets_one_and_a_stream_gets_none() {
    let stub = Stub::start(Act::Answer);
    let channel = channel(&stub.url());
    submit(&channel).await.expect("an answer");
    assert!(left(&stub) > Duration::from_secs(25) && left(&stub) <= Duration::from_secs(30));
    assert_eq!(stub.last()["x-request-id"].len(), 36);
    let mut client = IngestServiceClient::new(channel);
    client.watch_job(WatchJobRequest::default()).await.expect("a stream");
    assert!(!stub.last().contains_key("grpc-timeout"));
}

#[tokio::test]
async fn a_call_that_takes_too_long_ends_with_its_deadline() {
    let stub = Stub::start(Act::Slowly(Duration::from_secs(60)));
    let mut client = PreviewServiceClient::new(channel(&stub.url()));
    let mut request = Request::new(PreviewRequest::default());
    request.set_timeout(Duration::from_millis(300));
    let begun = Instant::now();
    let fault = fault_from_status(&client.preview(request).await.expect_err("no answer"));
    assert_eq!(fault.reason, reason::DEADLINE_EXCEEDED);
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn the_token_goes_to_other_processes() {
    let stub = Stub::start(Act::Answer);
    let dial = Dial { token: Some("rfe_1_secret".to_owned()), ..Dial::default() };
    assert!(!format!("{dial:?}").contains("secret"));
    let channel = MeshChannel::remote(&stub.url(), &dial).expect("a channel");
    submit(&channel).await.expect("an answer");
    assert_eq!(stub.last()["authorization"], "Bearer rfe_1_secret");
}

#[tokio::test]
async fn a_call_goes_on_with_the_trace_that_it_is_part_of() {
    let stub = Stub::start(Act::Answer);
    let channel = channel(&stub.url());
    let trace = TraceId::from_hex("4bf92f3577b34da6a3ce929d0e0e4736").expect("an id");
    let span = SpanId::from_hex("00f067aa0ba902b7").expect("an id");
    let around = SpanContext::new(trace, span, TraceFlags::SAMPLED, true, TraceState::default());
    let _within = Context::new().with_remote_span_context(around).attach();
    submit(&channel).await.expect("an answer");
    assert_eq!(stub.last()["traceparent"], format!("00-{trace}-{span}-01"));
}
