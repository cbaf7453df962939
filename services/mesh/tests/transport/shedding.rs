//! As many calls as may, and no more.

use std::{sync::Arc, time::Duration};

use rfe_mesh::{
    MeshChannel, Shutdown, fault_from_status,
    pages::Pages,
    server::{self, GrpcPort},
};
use rfe_model::{ErrorCode, fault::reason};
use rfe_proto::worker::{
    PreviewRequest, PreviewResponse,
    preview_service_client::PreviewServiceClient,
    preview_service_server::{PreviewService, PreviewServiceServer},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinSet,
};
use tonic::{Request, Response, Status, service::RoutesBuilder};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

use crate::stub::{Act, Stub, channel, submit, until};

/// Answers once it is let.
struct Held(Arc<Semaphore>);

#[tonic::async_trait]
impl PreviewService for Held {
    async fn preview(&self, _: Request<PreviewRequest>) -> Result<Response<PreviewResponse>, Status> {
        self.0.acquire().await.expect("it is never closed").forget();
        Ok(Response::new(PreviewResponse::default()))
    }
}

async fn preview(channel: MeshChannel) -> Result<Response<PreviewResponse>, Status> {
    PreviewServiceClient::new(channel).preview(PreviewRequest::default()).await
}

#[tokio::test]
async fn calls_beyond_the_limit_are_told_to_come_again_while_health_is_answered() {
    let (reporter, health) = tonic_health::server::health_reporter();
    reporter.set_serving::<PreviewServiceServer<Held>>().await;
    let held = Arc::new(Semaphore::new(0));
    let mut routes = RoutesBuilder::default();
    routes.add_service(PreviewServiceServer::new(Held(held.clone()))).add_service(health);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("its address");
    let shutdown = Shutdown::new();
    server::spawn(listener, GrpcPort::new(routes.routes(), Pages::default()).limit(2), None, &shutdown);
    let channel = channel(&format!("http://{address}"));

    let running: Vec<_> = (0..2).map(|_| tokio::spawn(preview(channel.clone()))).collect();
    let mut turned_away = None;
    until("one is turned away", async || {
        let call = tokio::time::timeout(Duration::from_millis(200), preview(channel.clone())).await;
        turned_away = call.ok().and_then(Result::err);
        turned_away.is_some()
    })
    .await;
    let fault = fault_from_status(&turned_away.expect("one was"));
    assert_eq!((fault.code, fault.reason.as_str()), (ErrorCode::ResourceExhausted, reason::OVERLOADED));
    assert!(fault.retry_after.is_some_and(|after| after > Duration::ZERO), "{fault:?}");

    HealthClient::new(channel.clone())
        .check(HealthCheckRequest::default())
        .await
        .expect("health is answered");
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await.expect("sent");
    let mut page = String::new();
    stream.read_to_string(&mut page).await.expect("the page");
    assert!(page.starts_with("HTTP/1.1 200"), "{page}");

    held.add_permits(100);
    for call in running {
        call.await.expect("the task").expect("it was let");
    }
    preview(channel).await.expect("places are free again");
}

#[tokio::test]
async fn answers_that_come_before_their_requests_are_read_do_not_end_the_connection() {
    let stub = Stub::start(Act::Answer);
    let channel = channel(&stub.url());
    let mut callers = JoinSet::new();
    for _ in 0..16 {
        let channel = channel.clone();
        callers.spawn(async move {
            for _ in 0..300 {
                submit(&channel).await.expect("an answer");
            }
        });
    }
    callers.join_all().await;
    assert_eq!(stub.calls(), 4800);
}
