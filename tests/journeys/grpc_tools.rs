//! grpcurl and other tools that know nothing but reflection and health. Examples of all calls are a journey of their own.

use rfe_tests::{
    Platform, Role,
    cli::{Answer, finish},
    tool,
};

async fn grpcurl(arguments: &[&str]) -> Answer {
    let mut command = tool::command(&tool::grpcurl());
    command.arg("-plaintext").args(arguments);
    command
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    finish(command, String::new()).await
}

/// The services, and which role has each.
const SERVICES: [(Role, &str); 9] = [
    (Role::Query, "arrow.flight.protocol.FlightService"),
    (Role::Dlq, "rfe.dlq.v1.DlqService"),
    (Role::Ingest, "rfe.ingest.v1.IngestService"),
    (Role::Metadata, "rfe.metadata.v1.CatalogService"),
    (Role::Metadata, "rfe.metadata.v1.LetterService"),
    (Role::Metadata, "rfe.metadata.v1.MetadataService"),
    (Role::Metadata, "rfe.metadata.v1.RunService"),
    (Role::Scheduler, "rfe.scheduler.v1.SchedulerService"),
    (Role::Worker, "rfe.worker.v1.PreviewService"),
];

#[tokio::test]
async fn reflection_lists_and_describes_the_services() {
    let platform = Platform::start().await;
    for (role, service) in SERVICES {
        let listed = grpcurl(&[&platform.address(role), "list"]).await.ok().stdout;
        for service in [service, "grpc.health.v1.Health"] {
            assert!(listed.lines().any(|line| line == service), "{service} is in\n{listed}");
        }
    }
    let ingest = platform.address(Role::Ingest);
    let submit_job = "rfe.ingest.v1.IngestService.SubmitJob";
    let described = grpcurl(&[&ingest, "describe", submit_job]).await.ok().stdout;
    assert!(described.contains("SubmitJobRequest"), "{described}");
    let scheduler = platform.address(Role::Scheduler);
    let service = "rfe.scheduler.v1.SchedulerService";
    let methods = grpcurl(&[&scheduler, "list", service]).await.ok().stdout;
    assert_eq!(methods.lines().count(), 11, "{methods}");
}

#[tokio::test]
async fn each_service_says_that_it_serves() {
    let platform = Platform::start().await;
    for (role, service) in SERVICES.iter().filter(|(_, service)| service.starts_with("rfe.")) {
        let address = platform.address(*role);
        for asked in [service, ""] {
            let request = format!("{{\"service\": \"{asked}\"}}");
            let answer = grpcurl(&["-d", &request, &address, "grpc.health.v1.Health/Check"]).await.ok();
            assert!(answer.stdout.contains("\"SERVING\""), "{service}: {answer:?}");
        }
    }
}
