//! A job is watched instead of asked for.

use std::time::Duration;

use rfe_proto::ingest::{self, Job, JobState, WatchJobResponse};
use rfe_tests::{MockApi, Platform, Role, grpc::reason, mock_api::Mood, until};
use tonic::{Code, Status, Streaming};

async fn watch(platform: &Platform, job_id: &str) -> Result<Streaming<WatchJobResponse>, Status> {
    let request = ingest::WatchJobRequest { job_id: job_id.to_owned() };
    Ok(platform.ingest_service().watch_job(request).await?.into_inner())
}

async fn next(watch: &mut Streaming<WatchJobResponse>) -> Option<Job> {
    let next = tokio::time::timeout(Duration::from_secs(30), watch.message());
    next.await
        .expect("a change within 30 s")
        .expect("the watch goes on")
        .map(|change| change.job.expect("a job"))
}

// All changes until the end, without repeats.
async fn states(watch: &mut Streaming<WatchJobResponse>) -> Vec<JobState> {
    let mut states = Vec::new();
    while let Some(job) = next(watch).await {
        states.push(job.state());
    }
    states.dedup();
    states
}

fn paged(api: &MockApi) -> String {
    format!(
        "version: 1\nsources:\n- {{name: slow, kind: rest, retry: {{attempts: 5, base: 2s, cap: 2s}}, config: {{url: {}/customers, \
         records: /data, pagination: {{kind: page, page_param: page, limit_param: limit, limit: 10}}}}}}\n",
        api.url
    )
}

#[tokio::test]
async fn a_watch_tells_each_state_until_the_job_has_ended() {
    let api = MockApi::start(30).await;
    let platform = Platform::start().await;
    platform.apply(&paged(&api)).await;
    let request = ingest::PauseSourceRequest { source: "slow".to_owned() };
    platform.ingest_service().pause_source(request).await.expect("paused");
    let job_id = platform.submit("slow").await;
    let mut watched = watch(&platform, &job_id).await.expect("it can be watched");
    assert_eq!(next(&mut watched).await.expect("the state now").state(), JobState::Queued);

    api.be(Mood::Stuck);
    let request = ingest::ResumeSourceRequest { source: "slow".to_owned() };
    platform.ingest_service().resume_source(request).await.expect("resumed");
    assert_eq!(next(&mut watched).await.expect("a change").state(), JobState::Running);
    api.be(Mood::Failing(503));
    let retrying = next(&mut watched).await.expect("a change");
    assert_eq!(retrying.state(), JobState::Retrying);
    assert!(!retrying.error.is_empty() && retrying.next_attempt_time.is_some(), "{retrying:?}");
    api.be(Mood::Well);
    let rest = states(&mut watched).await;
    assert_eq!(rest.last(), Some(&JobState::Succeeded), "{rest:?}");

    let mut again = watch(&platform, &job_id).await.expect("an ended job can be watched");
    let ended = next(&mut again).await.expect("one answer");
    assert_eq!((ended.state(), ended.rows_landed), (JobState::Succeeded, 30));
    assert_eq!(next(&mut again).await, None, "and no second one");
}

#[tokio::test]
async fn a_job_of_events_is_watched_until_it_has_landed() {
    let platform = Platform::start().await;
    platform.apply("version: 1\nsources:\n- {name: hooks, kind: webhook}\n").await;
    let results =
        platform.send_events("hooks", "e", &["{}".to_owned(), "{}".to_owned()]).await.expect("accepted");
    let mut watched = watch(&platform, &results[0].job_id).await.expect("it can be watched");
    let mut last = None;
    while let Some(job) = next(&mut watched).await {
        last = Some(job);
    }
    let last = last.expect("at least one state");
    assert_eq!((last.state(), last.rows_landed), (JobState::Succeeded, 2));
}

#[tokio::test]
async fn a_job_that_nobody_knows_is_not_found() {
    let platform = Platform::start().await;
    for (job_id, code, expected) in [
        ("0190b0c0-0000-7000-8000-000000000000", Code::NotFound, "JOB_NOT_FOUND"),
        ("", Code::InvalidArgument, "INVALID_FIELD"),
    ] {
        let status = watch(&platform, job_id).await.expect_err("there is none");
        assert_eq!((status.code(), reason(&status).as_str()), (code, expected));
    }
}

#[tokio::test]
async fn a_watch_does_not_hold_up_the_end_of_the_process_and_the_client_goes_on_after_it() {
    let mut platform = Platform::start().await;
    platform.write("late.csv", "id\n1\n");
    platform.apply("version: 1\nsources:\n- {name: late, kind: csv, config: {location: late.csv}}\n").await;
    let request = ingest::PauseSourceRequest { source: "late".to_owned() };
    platform.ingest_service().pause_source(request).await.expect("paused");
    let job_id = platform.submit("late").await;
    let mut watched = watch(&platform, &job_id).await.expect("it can be watched");
    assert!(next(&mut watched).await.is_some());
    let begun = std::time::Instant::now();
    platform.stop().await;
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    let status = watched.message().await.expect_err("the watch ends");
    assert_eq!((status.code(), reason(&status).as_str()), (Code::Unavailable, "SHUTTING_DOWN"));

    platform.restart().await;
    let request = ingest::ResumeSourceRequest { source: "late".to_owned() };
    platform.ingest_service().resume_source(request).await.expect("resumed");
    let mut watched = watch(&platform, &job_id).await.expect("it can be watched again");
    assert_eq!(states(&mut watched).await.last(), Some(&JobState::Succeeded));
}

#[tokio::test]
async fn a_watch_that_nobody_reads_holds_up_nothing_and_shows_the_end() {
    let platform = Platform::start().await;
    platform.apply("version: 1\nsources:\n- {name: clicks, kind: synthetic, config: {count: 20000}}\n").await;
    let job_id = platform.submit("clicks").await;
    let mut idle = Vec::new();
    for _ in 0..200 {
        idle.push(watch(&platform, &job_id).await.expect("it can be watched"));
    }
    let _run = platform.ended_run(&job_id).await;
    for mut watched in idle {
        assert_eq!(states(&mut watched).await.last(), Some(&JobState::Succeeded));
    }
}

#[tokio::test]
async fn ingest_waits_by_watching() {
    let api = MockApi::start(30).await;
    let platform = Platform::start().await;
    platform.apply(&paged(&api)).await;
    api.be(Mood::Stuck);
    let waited = platform.rfe(&["ingest", "slow", "--wait", "--json"]);
    let freed = async {
        until("the API is asked", || async { (!api.calls().is_empty()).then_some(()) }).await;
        api.be(Mood::Well);
    };
    let (answer, ()) = tokio::join!(waited, freed);
    assert_eq!(answer.ok().json()["rows_landed"], "30");
    let metrics = platform.page(Role::Ingest, "/metrics").await.text;
    assert!(metrics.contains("IngestService/WatchJob\""), "{metrics}");
    assert!(!metrics.contains("IngestService/GetJob\""), "{metrics}");
}
