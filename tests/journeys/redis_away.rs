//! Redis is away, and comes back without what it had: whoever sends events need not know.

use std::sync::Arc;

use rfe_proto::ingest::{
    Event, GetJobRequest, GetQueueStatsRequest, JobState, ListJobsRequest, PauseSourceRequest,
    SubmitEventsRequest, WatchJobRequest,
};
use rfe_test_servers::Redis;
use rfe_tests::{Ground, Platform, Settings, until};

const SOURCES: &str = "version: 1\nsources:\n\
    - {name: hooks, kind: webhook, columns: {n: BIGINT}}\n\
    - {name: quiet, kind: webhook}\n\
    - {name: lines, kind: csv, config: {location: lines.csv}}\n";

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.expect("it does not panic")
}

async fn start() -> (Arc<Redis>, Platform) {
    let redis = Arc::new(blocking(Redis::start).await);
    let settings = Settings::default().with("RFE_REDIS_URL", redis.url());
    let mut platform = Platform::prepare_on(Ground::Embedded, settings);
    platform.restart().await;
    platform.write("lines.csv", "id,name\n1,a\n2,b\n");
    platform.apply(SOURCES).await;
    (redis, platform)
}

async fn send(platform: &Platform, source: &str, n: u32) -> String {
    let event = Event {
        event_id: format!("e{n}"),
        payload: format!("{{\"n\": {n}}}").into_bytes(),
        ..Event::default()
    };
    let request = SubmitEventsRequest { source: source.to_owned(), events: vec![event] };
    let answer = platform.ingest_service().submit_events(request).await.expect("accepted").into_inner();
    answer.results[0].job_id.clone()
}

#[tokio::test]
async fn events_are_accepted_and_their_jobs_known_while_redis_is_away() {
    let (redis, mut platform) = start().await;
    let server = redis.clone();
    blocking(move || server.stop_hard()).await;
    assert_eq!(platform.webhook("hooks").json("{\"n\": 1}").await.status, 200);
    let job_id = send(&platform, "hooks", 2).await;
    let pull = platform.submit("lines").await;

    let get = GetJobRequest { job_id: job_id.clone() };
    let job = platform.ingest_service().get_job(get.clone()).await.expect("it is known").into_inner().job;
    let job = job.expect("a job");
    assert_eq!((job.state(), job.events, job.source.as_str()), (JobState::Queued, 1, "hooks"));
    let listed = platform.ingest_service().list_jobs(ListJobsRequest::default()).await.expect("listed");
    let listed: Vec<String> = listed.into_inner().jobs.into_iter().map(|job| job.job_id).collect();
    assert!(listed.contains(&job_id) && listed.contains(&pull), "{listed:?}");

    // What was accepted survives the process too.
    platform.kill_nine();
    platform.restart().await;
    let watch = WatchJobRequest { job_id: job_id.clone() };
    let mut changes = platform.ingest_service().watch_job(watch).await.expect("watched").into_inner();
    let first = changes.message().await.expect("a change").and_then(|change| change.job).expect("a job");
    assert_eq!(first.state(), JobState::Queued);
    let server = redis.clone();
    blocking(move || server.start_again()).await;
    let mut last = first;
    while let Some(change) = changes.message().await.expect("a change") {
        last = change.job.expect("a job");
    }
    assert_eq!((last.job_id.as_str(), last.state()), (job_id.as_str(), JobState::Succeeded));
    platform.shows("SELECT n FROM hooks ORDER BY n", &["1", "2"]).await;
    platform.shows("SELECT count(*) FROM lines", &["2"]).await;
}

#[tokio::test]
async fn a_redis_that_forgot_everything_is_told_again() {
    let (redis, platform) = start().await;
    let pause = PauseSourceRequest { source: "quiet".to_owned() };
    platform.ingest_service().pause_source(pause).await.expect("paused");
    let waiting = send(&platform, "quiet", 1).await;
    let landed = send(&platform, "hooks", 2).await;
    platform.shows("SELECT n FROM hooks", &["2"]).await;
    assert_eq!(redis.cli(&["FLUSHALL"]), "OK");
    until("the job that waits is known again", || async {
        let get = GetJobRequest { job_id: waiting.clone() };
        let job = platform.ingest_service().get_job(get).await.ok()?.into_inner().job?;
        (job.state() == JobState::Queued).then_some(())
    })
    .await;
    until("the source is paused again", || async {
        let stats = platform.ingest_service().get_queue_stats(GetQueueStatsRequest::default()).await.ok()?;
        stats.into_inner().sources.iter().any(|of| of.source == "quiet" && of.paused).then_some(())
    })
    .await;
    // What had landed comes again too, as a duplicate.
    until("the job that landed is done again", || async {
        let get = GetJobRequest { job_id: landed.clone() };
        let job = platform.ingest_service().get_job(get).await.ok()?.into_inner().job?;
        (job.state() == JobState::Succeeded).then_some(())
    })
    .await;
    platform.shows("SELECT n FROM hooks", &["2"]).await;
    platform.shows("SELECT count(*) FROM quiet", &["0"]).await;
}
