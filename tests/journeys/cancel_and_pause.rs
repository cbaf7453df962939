//! Work is held back, let go again, and called off.

use rfe_proto::{
    ingest::{self, JobState},
    metadata::RunState,
};
use rfe_tests::{MockApi, Platform, grpc::reason, mock_api::Mood, until};
use tonic::Code;

async fn pause(platform: &Platform, source: &str) {
    let request = ingest::PauseSourceRequest { source: source.to_owned() };
    platform.ingest_service().pause_source(request).await.expect("a source can be paused");
}

async fn resume(platform: &Platform, source: &str) {
    let request = ingest::ResumeSourceRequest { source: source.to_owned() };
    platform.ingest_service().resume_source(request).await.expect("a source can be resumed");
}

async fn cancel(platform: &Platform, job_id: &str) -> Result<ingest::Job, tonic::Status> {
    let request = ingest::CancelJobRequest { job_id: job_id.to_owned() };
    let answer = platform.ingest_service().cancel_job(request).await?;
    Ok(answer.into_inner().job.expect("a job is the answer"))
}

#[tokio::test]
async fn a_paused_source_goes_on_accepting_and_lands_when_it_is_resumed() {
    let mut platform = Platform::start().await;
    platform
        .apply("version: 1\nsources:\n- {name: held, kind: webhook}\n- {name: free, kind: webhook}\n")
        .await;
    pause(&platform, "held").await;
    for source in ["held", "free"] {
        assert_eq!(platform.webhook(source).json(r#"{"a": 1}"#).await.status, 200);
    }
    platform.shows("SELECT count(*) FROM free", &["1"]).await;
    assert_eq!(platform.value("SELECT count(*) FROM held").await, "0");
    let request = ingest::GetQueueStatsRequest { source: "held".to_owned() };
    let stats =
        platform.ingest_service().get_queue_stats(request).await.expect("there are counts").into_inner();
    let held = stats.sources.first().expect("the paused source is counted");
    assert!(held.paused && held.events == 1, "{held:?}");

    platform.stop().await;
    platform.restart().await;
    assert_eq!(platform.webhook("free").json(r#"{"a": 2}"#).await.status, 200);
    platform.shows("SELECT count(*) FROM free", &["2"]).await;
    assert_eq!(platform.value("SELECT count(*) FROM held").await, "0", "a pause outlives the process");
    resume(&platform, "held").await;
    platform.shows("SELECT a FROM held", &["1"]).await;
}

#[tokio::test]
async fn a_cancelled_job_that_waits_never_runs() {
    let platform = Platform::start().await;
    platform.write("late.csv", "id\n1\n");
    platform.apply("version: 1\nsources:\n- {name: late, kind: csv, config: {location: late.csv}}\n").await;
    pause(&platform, "late").await;
    let job_id = platform.submit("late").await;
    assert_eq!(platform.submit("late").await, job_id, "one pull job waits, not two");
    assert_eq!(cancel(&platform, &job_id).await.expect("it can be cancelled").state(), JobState::Cancelled);
    resume(&platform, "late").await;
    let run = platform.pulled("late").await;
    assert_ne!(run.run_id, job_id);
    assert_eq!(platform.run(&job_id).await.map(|run| run.state()), Some(RunState::Cancelled));
    assert_eq!(platform.value("SELECT count(*) FROM late").await, "1");
    let again = cancel(&platform, &run.run_id).await.expect_err("it has ended");
    assert_eq!((again.code(), reason(&again).as_str()), (Code::FailedPrecondition, "JOB_NOT_CANCELLABLE"));
}

#[tokio::test]
async fn no_row_of_a_running_job_appears_once_it_was_cancelled() {
    let api = MockApi::start(30).await;
    let platform = Platform::start().await;
    platform
        .apply(&format!(
            "version: 1\nsources:\n- {{name: slow, kind: rest, config: {{url: {}/customers, records: /data, \
             pagination: {{kind: page, page_param: page, limit_param: limit, limit: 10}}}}}}\n",
            api.url
        ))
        .await;
    api.be(Mood::Stuck);
    let job_id = platform.submit("slow").await;
    until("the job asks the API", || async { (!api.calls().is_empty()).then_some(()) }).await;
    let job = cancel(&platform, &job_id).await.expect("a running job can be cancelled");
    assert_eq!(job.state(), JobState::Cancelled);
    api.be(Mood::Well);
    let next = platform.pulled("slow").await;
    let rows = format!("SELECT count(*), count(*) FILTER (_run_id = '{job_id}') FROM slow");
    assert_eq!(platform.value(&rows).await, "30|0", "{next:?}");
    assert_eq!(platform.run(&job_id).await.map(|run| run.state()), Some(RunState::Cancelled));
    let runs = platform.value(&format!("SELECT count(*) FROM raw.slow WHERE _run_id = '{job_id}'")).await;
    assert_eq!(runs, "0");
}

fn paged(api: &MockApi, more: &str) -> String {
    format!(
        "version: 1\nsources:\n- {{name: slow, kind: rest, {more} config: {{url: {}/customers, records: /data, \
         pagination: {{kind: page, page_param: page, limit_param: limit, limit: 10}}}}}}\n",
        api.url
    )
}

async fn state(platform: &Platform, run_id: &str, wanted: RunState) {
    until(&format!("run {run_id} is {wanted:?}"), || async {
        platform.run(run_id).await.filter(|run| run.state() == wanted).map(|_| ())
    })
    .await;
}

#[tokio::test]
async fn a_job_that_waits_for_its_next_attempt_can_be_cancelled_and_never_comes() {
    let api = MockApi::start(30).await;
    let platform = Platform::start().await;
    platform.apply(&paged(&api, "retry: {attempts: 5, base: 2s, cap: 2s},")).await;
    api.be(Mood::Failing(503));
    let job_id = platform.submit("slow").await;
    state(&platform, &job_id, RunState::Retrying).await;
    assert_eq!(cancel(&platform, &job_id).await.expect("it can be cancelled").state(), JobState::Cancelled);
    let again = cancel(&platform, &job_id).await.expect("cancelling twice is fine");
    assert_eq!(again.state(), JobState::Cancelled);
    api.be(Mood::Well);
    let calls = api.calls().len();
    let begun = std::time::Instant::now();
    until("its next attempt would have begun", || async {
        (begun.elapsed().as_secs_f64() > 2.5).then_some(())
    })
    .await;
    assert_eq!(api.calls().len(), calls, "nobody asks the API");
    assert_eq!(platform.value("SELECT count(*) FROM slow").await, "0");
    assert_eq!(platform.run(&job_id).await.map(|run| run.state()), Some(RunState::Cancelled));
}

#[tokio::test]
async fn a_cancel_in_the_midst_of_a_commit_is_before_it_or_after_it() {
    let platform = Platform::start().await;
    let rows: String = (0..3000).map(|id| format!("{id}\n")).collect();
    platform.write("many.csv", format!("id\n{rows}"));
    platform.apply("version: 1\nsources:\n- {name: many, kind: csv, config: {location: many.csv}}\n").await;
    let warm = platform.pulled("many").await;
    let took = warm.finished_time.zip(warm.created_time).map_or(0, |(end, begin)| {
        (end.seconds - begin.seconds) * 1000 + i64::from(end.nanos - begin.nanos) / 1_000_000
    });
    let mut cancelled = Vec::new();
    let mut landed = warm.run_id;
    for turn in 0..24 {
        let job_id = platform.submit("many").await;
        // From at once to a little after the end of a run.
        tokio::time::sleep(std::time::Duration::from_millis(took.unsigned_abs() * turn / 18)).await;
        match cancel(&platform, &job_id).await {
            Ok(job) => {
                assert_eq!(job.state(), JobState::Cancelled);
                cancelled.push(job_id);
            }
            Err(status) => {
                assert_eq!(reason(&status), "JOB_NOT_CANCELLABLE", "{status}");
                landed = job_id;
            }
        }
        let shown = platform.value("SELECT count(*), min(_run_id) FROM many").await;
        assert_eq!(shown, format!("3000|{landed}"), "in turn {turn}");
    }
    let end = platform.pulled("many").await;
    for job_id in &cancelled {
        let run = platform.run(job_id).await.expect("its run is there");
        assert_eq!((run.state(), run.snapshot), (RunState::Cancelled, 0), "{run:?}");
    }
    assert_eq!(
        platform.value("SELECT count(*), min(_run_id) FROM many").await,
        format!("3000|{}", end.run_id)
    );
}

#[tokio::test]
async fn a_cancelled_replay_leaves_its_letter_open() {
    let platform = Platform::start().await;
    platform.write("odd.csv", "a,b\n1,2\n3\n");
    platform.apply("version: 1\nsources:\n- {name: odd, kind: csv, config: {location: odd.csv}}\n").await;
    let _run = platform.pulled("odd").await;
    let letter = platform.only_letter("odd").await;
    pause(&platform, "odd").await;
    platform.write("fixed.csv", "3,4");
    let replay = ["dlq", "replay", &letter.id, "--raw", "fixed.csv", "--json"];
    let first = platform.rfe(&replay).await.ok().json();
    let job_id = first["job_id"].as_str().expect("a job");
    assert_eq!(cancel(&platform, job_id).await.expect("it can be cancelled").state(), JobState::Cancelled);
    resume(&platform, "odd").await;
    assert_eq!(platform.letter(&letter.id).await.state, "open");
    assert_eq!(platform.value("SELECT count(*) FROM odd").await, "1");
    let second = platform.rfe(&replay).await.ok().json();
    assert_ne!(second["job_id"], first["job_id"]);
    platform.shows("SELECT count(*) FROM odd", &["2"]).await;
}

#[tokio::test]
async fn a_job_that_runs_while_its_source_is_paused_goes_on_and_the_next_one_waits() {
    let api = MockApi::start(30).await;
    let platform = Platform::start().await;
    platform.apply(&paged(&api, "")).await;
    api.be(Mood::Stuck);
    let running = platform.submit("slow").await;
    until("the job asks the API", || async { (!api.calls().is_empty()).then_some(()) }).await;
    pause(&platform, "slow").await;
    let waiting = platform.submit("slow").await;
    assert_ne!(waiting, running);
    api.be(Mood::Well);
    state(&platform, &running, RunState::Succeeded).await;
    platform.shows("SELECT count(*) FROM slow", &["30"]).await;
    assert_eq!(platform.run(&waiting).await.map(|run| run.state()), Some(RunState::Queued));
    resume(&platform, "slow").await;
    state(&platform, &waiting, RunState::Succeeded).await;
}

#[tokio::test]
async fn the_replay_of_a_job_does_not_run_beside_a_pull_of_its_source() {
    let api = MockApi::start(30).await;
    let platform = Platform::start().await;
    platform.apply(&paged(&api, "")).await;
    api.be(Mood::Failing(404));
    let failed = platform.pull("slow").await;
    assert_eq!(failed.state(), RunState::Failed);
    let letter = platform.only_letter("slow").await;
    assert_eq!(letter.kind, "job");
    api.be(Mood::Stuck);
    let before = api.calls().len();
    let replay = platform.rfe(&["dlq", "replay", &letter.id, "--json"]).await.ok().json();
    let replay = replay["job_id"].as_str().expect("a job").to_owned();
    until("the replay asks the API", || async { (api.calls().len() > before).then_some(()) }).await;
    let pull = platform.submit("slow").await;
    let begun = std::time::Instant::now();
    until("a free worker would have begun", || async { (begun.elapsed().as_secs() >= 1).then_some(()) })
        .await;
    assert_eq!(platform.run(&pull).await.map(|run| run.state()), Some(RunState::Queued));
    assert_eq!(api.calls().len(), before + 1, "only one reads");
    api.be(Mood::Well);
    for run_id in [&replay, &pull] {
        state(&platform, run_id, RunState::Succeeded).await;
    }
    platform.shows("SELECT count(*), count(DISTINCT _run_id) FROM slow", &["30|1"]).await;
}

#[tokio::test]
async fn a_job_of_events_can_not_be_cancelled() {
    let platform = Platform::start().await;
    platform.apply("version: 1\nsources:\n- {name: sure, kind: webhook}\n").await;
    pause(&platform, "sure").await;
    let results =
        platform.send_events("sure", "e", &["{\"a\": 1}".to_owned()]).await.expect("it is accepted");
    let refused = cancel(&platform, &results[0].job_id).await.expect_err("accepted events are never lost");
    assert_eq!(
        (refused.code(), reason(&refused).as_str()),
        (Code::FailedPrecondition, "JOB_NOT_CANCELLABLE")
    );
    resume(&platform, "sure").await;
    platform.shows("SELECT count(*) FROM sure", &["1"]).await;
    let unknown = cancel(&platform, "0190b0c0-0000-7000-8000-000000000000").await.expect_err("there is none");
    assert_eq!((unknown.code(), reason(&unknown).as_str()), (Code::NotFound, "JOB_NOT_FOUND"));
}

#[tokio::test]
async fn a_request_id_makes_one_job_of_two_calls() {
    let platform = Platform::start().await;
    platform.write("one.csv", "id\n1\n");
    platform.apply("version: 1\nsources:\n- {name: one, kind: csv, config: {location: one.csv}}\n").await;
    let request = ingest::SubmitJobRequest {
        source: "one".to_owned(),
        request_id: uuid::Uuid::now_v7().to_string(),
        ..Default::default()
    };
    let mut service = platform.ingest_service();
    let first = service.submit_job(request.clone()).await.expect("it is accepted").into_inner();
    let job_id = first.job.expect("a job").job_id;
    assert_eq!(job_id, request.request_id);
    let _run = platform.ended_run(&job_id).await;
    let second = service.submit_job(request).await.expect("it is accepted").into_inner();
    assert_eq!((second.created, second.job.expect("a job").job_id), (false, job_id));
    assert_eq!(platform.runs("one").await.len(), 1);
}
