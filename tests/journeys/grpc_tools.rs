//! grpcurl and other tools that know nothing but reflection and health.

use rfe_tests::{
    Platform, Role,
    cli::{Answer, finish},
    tool,
};

async fn grpcurl(platform: &Platform, arguments: &[&str]) -> Answer {
    let mut command = tool::command(&tool::grpcurl());
    command.arg("-plaintext").args(arguments);
    command
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    let _runs_beside = platform;
    finish(command, String::new()).await
}

/// The services, and which role has each.
const SERVICES: [(Role, &str); 6] = [
    (Role::Query, "arrow.flight.protocol.FlightService"),
    (Role::Dlq, "rfe.dlq.v1.DlqService"),
    (Role::Ingest, "rfe.ingest.v1.IngestService"),
    (Role::Metadata, "rfe.metadata.v1.MetadataService"),
    (Role::Metadata, "rfe.metadata.v1.RunService"),
    (Role::Scheduler, "rfe.scheduler.v1.SchedulerService"),
];

#[tokio::test]
async fn reflection_lists_and_describes_the_services() {
    let platform = Platform::start().await;
    for (role, service) in SERVICES {
        let listed = grpcurl(&platform, &[&platform.address(role), "list"]).await.ok().stdout;
        for service in [service, "grpc.health.v1.Health"] {
            assert!(listed.lines().any(|line| line == service), "{service} is in\n{listed}");
        }
    }
    let ingest = platform.address(Role::Ingest);
    let submit_job = "rfe.ingest.v1.IngestService.SubmitJob";
    let described = grpcurl(&platform, &[&ingest, "describe", submit_job]).await.ok().stdout;
    assert!(described.contains("SubmitJobRequest"), "{described}");
    let scheduler = platform.address(Role::Scheduler);
    let service = "rfe.scheduler.v1.SchedulerService";
    let methods = grpcurl(&platform, &[&scheduler, "list", service]).await.ok().stdout;
    assert_eq!(methods.lines().count(), 11, "{methods}");
}

#[tokio::test]
async fn each_service_says_that_it_serves() {
    let platform = Platform::start().await;
    for (role, service) in SERVICES.iter().filter(|(_, service)| service.starts_with("rfe.")) {
        let address = platform.address(*role);
        for asked in [service, ""] {
            let request = format!("{{\"service\": \"{asked}\"}}");
            let answer =
                grpcurl(&platform, &["-d", &request, &address, "grpc.health.v1.Health/Check"]).await.ok();
            assert!(answer.stdout.contains("\"SERVING\""), "{service}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn a_source_is_made_read_and_looked_at_with_grpcurl_alone() {
    let platform = Platform::start().await;
    platform.write("people.csv", "id\n1\n2\n");
    let (metadata, ingest) = (platform.address(Role::Metadata), platform.address(Role::Ingest));
    let location = platform.work().join("people.csv");
    let create = format!(
        r#"{{"source": {{"name": "people", "kind": "csv", "config": {{"location": "{}"}}}}}}"#,
        location.display()
    );
    let _made =
        grpcurl(&platform, &["-d", &create, &metadata, "rfe.metadata.v1.MetadataService/CreateSource"])
            .await
            .ok();
    let submit = ["-d", r#"{"source": "people"}"#, &ingest, "rfe.ingest.v1.IngestService/SubmitJob"];
    let submitted = grpcurl(&platform, &submit).await.ok().json();
    let run = platform.ended_run(submitted["job"]["jobId"].as_str().expect("a job")).await;
    assert_eq!(run.counters.map(|counters| counters.landed), Some(2), "{run:?}");
    let datasets =
        grpcurl(&platform, &[&metadata, "rfe.metadata.v1.MetadataService/ListDatasets"]).await.ok();
    assert_eq!(datasets.json()["datasets"][0]["rows"], "2");

    let twice =
        grpcurl(&platform, &["-d", &create, &metadata, "rfe.metadata.v1.MetadataService/CreateSource"]).await;
    assert!(
        twice.code != 0 && twice.stderr.contains("SOURCE_EXISTS"),
        "the error carries its details: {twice:?}"
    );
}

#[tokio::test]
async fn what_a_later_version_brings_says_so() {
    let platform = Platform::start().await;
    let address = platform.address(Role::Scheduler);
    let method = "rfe.scheduler.v1.SchedulerService/BackfillSchedule";
    let answer = grpcurl(&platform, &["-d", "{}", &address, method]).await;
    assert!(answer.stderr.contains("Code: Unimplemented"), "{answer:?}");
}

#[tokio::test]
async fn a_job_is_watched_events_are_streamed_and_a_source_is_previewed_with_grpcurl() {
    let platform = Platform::start().await;
    let address = platform.address(Role::Ingest);
    platform.write("t.csv", "id\n1\n");
    platform
        .apply("version: 1\nsources:\n- {name: t, kind: csv, config: {location: t.csv}}\n- {name: hooks, kind: webhook}\n")
        .await;
    let ingest = |method: &str| format!("rfe.ingest.v1.IngestService/{method}");
    let previewed =
        grpcurl(&platform, &["-d", r#"{"name": "t"}"#, &address, &ingest("PreviewSource")]).await.ok().json();
    assert_eq!(previewed["preview"]["columns"][0]["type"], "BIGINT");
    let job_id = platform.submit("t").await;
    let watch = format!(r#"{{"job_id": "{job_id}"}}"#);
    let watched = grpcurl(&platform, &["-d", &watch, &address, &ingest("WatchJob")]).await.ok().stdout;
    assert!(watched.contains("JOB_STATE_SUCCEEDED"), "{watched}");
    let messages = r#"{"source": "hooks", "events": [{"event_id": "1", "payload": "e30="}]} {"events": [{"event_id": "2", "payload": "e30="}]}"#;
    let streamed = grpcurl(&platform, &["-d", messages, &address, &ingest("StreamEvents")]).await.ok().json();
    assert_eq!(streamed["accepted"], "2");
}
