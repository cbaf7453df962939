//! Calls that last end with the token that they began with, and with no other.

use std::{process::Stdio, time::Duration};

use futures::{TryStreamExt as _, stream};
use rfe_proto::ingest::{
    Event, JobState, PauseSourceRequest, ResumeSourceRequest, StreamEventsRequest, SubmitEventsRequest,
    WatchJobRequest, WatchJobResponse,
};
use rfe_tests::{Platform, Settings, cli::finish, grpc::reason, sql, until};
use tonic::{Code, Request, Status, Streaming};

const SOURCES: &str = "version: 1\nsources:\n- {name: hooks, kind: webhook}\n";
/// More rows than anybody reads here.
const ENDLESS: &str = "SELECT range AS n FROM range(1000000000000)";
const SOON: Duration = Duration::from_secs(20);

fn with<T>(token: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    let header = format!("Bearer {token}").parse().expect("a token is a header");
    request.metadata_mut().insert("authorization", header);
    request
}

fn event(id: &str) -> Event {
    Event { event_id: id.to_owned(), payload: b"{}".to_vec(), ..Event::default() }
}

/// A platform with tokens; the token that may do everything, and the id of a job that waits.
async fn with_a_job_that_waits() -> (Platform, String, String) {
    let mut platform = Platform::prepare(Settings::default());
    let admin = platform.guard().await;
    platform.restart().await;
    platform.write("sources.yaml", SOURCES);
    let mut apply = platform.command();
    apply.env("RFE_TOKEN", &admin).args(["apply", "-f", "sources.yaml"]);
    apply.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let _applied = finish(apply, String::new()).await.ok();
    let mut ingest = platform.ingest_service();
    let pause = PauseSourceRequest { source: "hooks".to_owned() };
    ingest.pause_source(with(&admin, pause)).await.expect("paused");
    let submit = SubmitEventsRequest { source: "hooks".to_owned(), events: vec![event("1")] };
    let accepted = ingest.submit_events(with(&admin, submit)).await.expect("accepted").into_inner();
    let job_id = accepted.results[0].job_id.clone();
    (platform, admin, job_id)
}

/// Watches a job, once the token is known.
async fn watched(platform: &Platform, token: &str, job_id: &str) -> Streaming<WatchJobResponse> {
    let mut changes = until("the job can be watched", || async {
        let watch = WatchJobRequest { job_id: job_id.to_owned() };
        Some(platform.ingest_service().watch_job(with(token, watch)).await.ok()?.into_inner())
    })
    .await;
    assert_eq!(state(&mut changes).await, Some(JobState::Queued));
    changes
}

async fn state(changes: &mut Streaming<WatchJobResponse>) -> Option<JobState> {
    let change = tokio::time::timeout(SOON, changes.message()).await.expect("a change in time");
    change.expect("the watch goes on").and_then(|change| change.job).map(|job| job.state())
}

/// The error that a watch ends with.
async fn end(mut changes: Streaming<WatchJobResponse>) -> Status {
    loop {
        match changes.message().await {
            Ok(change) => assert!(change.is_some(), "the watch ends as if the job had ended"),
            Err(status) => break status,
        }
    }
}

fn is_revoked(status: &Status) {
    assert_eq!(
        (status.code(), reason(status).as_str()),
        (Code::Unauthenticated, "TOKEN_INVALID"),
        "{status}"
    );
}

#[tokio::test]
async fn a_watch_a_result_and_a_stream_of_events_end_soon_after_their_token_was_revoked() {
    let (platform, admin, job_id) = with_a_job_that_waits().await;
    let file = platform.work().join("tokens.toml");
    let token = platform.issue_token(&file, &["--scope", "read", "--scope", "ingest"]).await;
    let revoked = watched(&platform, &token, &job_id).await;
    let mut other = watched(&platform, &admin, &job_id).await;
    let mut result = until("the result begins", || async {
        let mut client = platform.flight_sql();
        client.set_token(token.clone());
        let info = client.execute(ENDLESS.to_owned(), None).await.ok()?;
        client.do_get(info.endpoint[0].ticket.clone()?).await.ok()
    })
    .await;
    assert!(result.try_next().await.expect("rows").is_some());
    // Its answer comes when the caller has sent all, which it never has.
    let first = StreamEventsRequest { source: "hooks".to_owned(), events: vec![event("2")] };
    let messages = stream::StreamExt::chain(stream::iter([first]), stream::pending());
    let mut ingest = platform.ingest_service();
    let sending = tokio::spawn({
        let request = with(&token, messages);
        async move { ingest.stream_events(request).await.map(drop) }
    });

    let id = token.split('_').nth(1).expect("an id");
    let _revoked = platform.token(&file, "revoke", &[id]).await.ok();
    is_revoked(&tokio::time::timeout(SOON, end(revoked)).await.expect("the watch ends in time"));
    let status = tokio::time::timeout(SOON, sending).await.expect("the stream of events ends in time");
    is_revoked(&status.expect("it does not panic").expect_err("nothing was answered"));
    let read_on = async {
        loop {
            match result.try_next().await {
                Ok(rows) => assert!(rows.is_some(), "the result ends as if it were whole"),
                Err(error) => break sql::status(error),
            }
        }
    };
    is_revoked(&tokio::time::timeout(SOON, read_on).await.expect("the result ends in time"));

    let resume = ResumeSourceRequest { source: "hooks".to_owned() };
    platform.ingest_service().resume_source(with(&admin, resume)).await.expect("resumed");
    let mut last = None;
    while let Some(state) = state(&mut other).await {
        last = Some(state);
    }
    assert_eq!(last, Some(JobState::Succeeded), "another token's watch goes on");
}
