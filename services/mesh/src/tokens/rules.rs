//! Which scope a call needs. A call that stands nowhere here needs `admin`.

use crate::scope::Scope;

/// What a call needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Nothing.
    Open,
    /// A valid token, whatever its scopes.
    Token,
    /// The scope for every source.
    Whole(Scope),
    /// The scope for one source at least; the role checks that the call is about such a source.
    PerSource(Scope),
}

use Rule::{Open, PerSource, Token, Whole};
use Scope::{Admin, Ingest, Read};

type Service = (&'static str, &'static [(&'static str, Rule)]);

const SERVICES: [Service; 10] = [
    (
        "rfe.ingest.v1.IngestService",
        &[
            ("SubmitJob", PerSource(Ingest)),
            ("SubmitEvents", PerSource(Ingest)),
            ("StreamEvents", PerSource(Ingest)),
            ("GetJob", PerSource(Read)),
            ("ListJobs", PerSource(Read)),
            ("WatchJob", PerSource(Read)),
            ("CancelJob", PerSource(Admin)),
            ("PauseSource", PerSource(Admin)),
            ("ResumeSource", PerSource(Admin)),
            ("GetQueueStats", PerSource(Read)),
            ("PreviewSource", PerSource(Admin)),
        ],
    ),
    (
        "rfe.metadata.v1.MetadataService",
        &[
            // Who declares a source can have it read any place and any secret that workers reach: never for one source.
            ("CreateSource", Whole(Admin)),
            ("UpdateSource", Whole(Admin)),
            ("ApplySources", Whole(Admin)),
            ("GetSource", PerSource(Read)),
            ("ListSources", PerSource(Read)),
            ("DeleteSource", PerSource(Admin)),
            ("GetRun", PerSource(Read)),
            ("ListRuns", PerSource(Read)),
            ("ListSchemaVersions", PerSource(Read)),
            ("ListDatasets", PerSource(Read)),
            ("GetDataset", PerSource(Read)),
            ("DropDataset", PerSource(Admin)),
            ("ListDataFiles", PerSource(Read)),
            ("GetFreshness", PerSource(Read)),
            ("ListFreshness", PerSource(Read)),
        ],
    ),
    // By which roles talk to each other.
    (
        "rfe.metadata.v1.RunService",
        &[
            ("CreateRun", Whole(Admin)),
            ("ClaimRun", Whole(Admin)),
            ("RegisterSchema", Whole(Admin)),
            ("SaveCheckpoint", Whole(Admin)),
            ("ListCheckpoints", Whole(Admin)),
            ("ListUnreadFiles", Whole(Admin)),
            ("CommitRun", Whole(Admin)),
            ("FailRun", Whole(Admin)),
            ("ReportProgress", Whole(Admin)),
            ("CancelRun", Whole(Admin)),
        ],
    ),
    (
        "rfe.metadata.v1.CatalogService",
        &[
            ("GetSnapshot", Whole(Admin)),
            ("ResolveDatasets", Whole(Admin)),
            ("ScanFiles", Whole(Admin)),
            ("ListChanges", Whole(Admin)),
            ("HoldTask", Whole(Admin)),
            ("ScanTable", Whole(Admin)),
        ],
    ),
    (
        "rfe.metadata.v1.LetterService",
        &[("ListLetters", Whole(Admin)), ("GetLetter", Whole(Admin)), ("DiscardLetter", Whole(Admin))],
    ),
    ("rfe.worker.v1.PreviewService", &[("Preview", Whole(Admin))]),
    (
        "rfe.scheduler.v1.SchedulerService",
        &[
            ("CreateSchedule", PerSource(Admin)),
            ("UpdateSchedule", PerSource(Admin)),
            ("GetSchedule", PerSource(Read)),
            ("ListSchedules", PerSource(Read)),
            ("DeleteSchedule", PerSource(Admin)),
            ("PauseSchedule", PerSource(Admin)),
            ("ResumeSchedule", PerSource(Admin)),
            ("TriggerSchedule", PerSource(Admin)),
            ("BackfillSchedule", PerSource(Admin)),
            ("PreviewSchedule", PerSource(Read)),
            ("ListFirings", PerSource(Read)),
        ],
    ),
    (
        "rfe.dlq.v1.DlqService",
        &[
            ("ListDeadLetters", PerSource(Read)),
            ("GetDeadLetter", PerSource(Read)),
            ("ReplayDeadLetter", PerSource(Admin)),
            ("ReplayDeadLetters", PerSource(Admin)),
            ("DiscardDeadLetter", PerSource(Admin)),
        ],
    ),
    (
        "arrow.flight.protocol.FlightService",
        &[
            ("Handshake", Token),
            ("ListFlights", PerSource(Read)),
            ("GetFlightInfo", PerSource(Read)),
            ("PollFlightInfo", PerSource(Read)),
            ("GetSchema", PerSource(Read)),
            ("DoGet", PerSource(Read)),
            ("DoPut", PerSource(Read)),
            ("DoExchange", PerSource(Read)),
            ("DoAction", PerSource(Read)),
            ("ListActions", PerSource(Read)),
        ],
    ),
    ("grpc.health.v1.Health", &[("Check", Open), ("Watch", Open), ("List", Open)]),
];

/// The descriptions of a published interface.
const REFLECTION: &str = "ServerReflectionInfo";
const REFLECTIONS: [&str; 2] =
    ["grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"];

/// What a call needs, by the path of its request: `/package.Service/Method`.
pub fn rule(path: &str) -> Rule {
    line(path).unwrap_or(Whole(Admin))
}

/// What a call needs, if it stands here.
pub fn line(path: &str) -> Option<Rule> {
    let (service, method) = path.strip_prefix('/')?.split_once('/')?;
    if REFLECTIONS.contains(&service) {
        return (method == REFLECTION).then_some(Open);
    }
    let (_, methods) = SERVICES.iter().find(|(name, _)| *name == service)?;
    methods.iter().find(|(name, _)| *name == method).map(|(_, rule)| *rule)
}

#[cfg(test)]
mod tests {
    use prost::Message as _;
    use prost_types::FileDescriptorSet;

    use super::*;

    fn methods() -> Vec<String> {
        let set = FileDescriptorSet::decode(rfe_proto::FILE_DESCRIPTOR_SET).expect("descriptors");
        let mut all = Vec::new();
        for file in set.file {
            for service in &file.service {
                for method in &service.method {
                    all.push(format!("/{}.{}/{}", file.package(), service.name(), method.name()));
                }
            }
        }
        all
    }

    #[test]
    fn every_rpc_has_a_line() {
        let all = methods();
        assert!(all.len() > 50, "{all:?}");
        let missing = all.iter().filter(|path| line(path).is_none()).collect::<Vec<_>>();
        assert!(missing.is_empty(), "no scope is named for {missing:?}");
    }

    #[test]
    fn every_line_is_of_an_rpc() {
        let all = methods();
        for (service, methods) in SERVICES.iter().filter(|(service, _)| service.starts_with("rfe.")) {
            for (method, _) in *methods {
                assert!(all.contains(&format!("/{service}/{method}")), "{service}/{method}");
            }
        }
    }

    #[test]
    fn nothing_of_ours_is_open() {
        for path in methods() {
            assert!(matches!(rule(&path), Whole(_) | PerSource(_)), "{path}");
        }
    }

    #[test]
    fn an_unknown_call_needs_admin() {
        for path in [
            "",
            "/",
            "/a",
            "/a/b",
            "/rfe.ingest.v1.IngestService/",
            "/rfe.ingest.v1.IngestService/Other",
            "/rfe.ingest.v1.IngestService/SubmitJob/",
            "//rfe.ingest.v1.IngestService/SubmitJob",
            "/grpc.health.v1.Health/Check/x",
            "/grpc.reflection.v1.ServerReflection/Other",
        ] {
            assert_eq!((rule(path), line(path)), (Whole(Admin), None), "{path}");
        }
    }
}
