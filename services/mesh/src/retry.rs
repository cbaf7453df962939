//! Which calls may be repeated, how often, and when.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use rfe_model::Fault;

/// How often a call is tried at most, the first time included.
pub const MAX_TRIES: u32 = 4;

// Of `ErrorInfo.metadata`.
const BEGUN: &str = "begun";

const FIRST_PAUSE: Duration = Duration::from_millis(25);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
// A bad minute must not become three times as bad: beyond a small reserve, one call in ten may be a repetition.
const RESERVE: f64 = 10.0;
const SHARE: f64 = 0.1;

/// The RPCs that do the same when they are called twice, sorted. An RPC that only reads is one; others stand here because their
/// protos promise it: by an id that the caller makes (`CreateRun`), by a hash (`RegisterSchema`), by an epoch (`CommitRun`), by event
/// ids (`SubmitEvents`), or because they name the state that they lead to (`PauseSource`). What raises an epoch, makes a name or closes
/// something does not: its repetition answers otherwise than its first call did.
const IDEMPOTENT: [&str; 41] = [
    "/grpc.health.v1.Health/Check",
    "/rfe.dlq.v1.DlqService/GetDeadLetter",
    "/rfe.dlq.v1.DlqService/ListDeadLetters",
    "/rfe.ingest.v1.IngestService/GetJob",
    "/rfe.ingest.v1.IngestService/GetQueueStats",
    "/rfe.ingest.v1.IngestService/ListJobs",
    "/rfe.ingest.v1.IngestService/PauseSource",
    "/rfe.ingest.v1.IngestService/ResumeSource",
    "/rfe.ingest.v1.IngestService/SubmitEvents",
    "/rfe.ingest.v1.IngestService/WatchJob",
    "/rfe.metadata.v1.CatalogService/GetSnapshot",
    "/rfe.metadata.v1.CatalogService/HoldTask",
    "/rfe.metadata.v1.CatalogService/ListChanges",
    "/rfe.metadata.v1.CatalogService/ResolveDatasets",
    "/rfe.metadata.v1.CatalogService/ScanFiles",
    "/rfe.metadata.v1.CatalogService/ScanTable",
    "/rfe.metadata.v1.LetterService/GetLetter",
    "/rfe.metadata.v1.LetterService/ListLetters",
    "/rfe.metadata.v1.MetadataService/ApplySources",
    "/rfe.metadata.v1.MetadataService/GetDataset",
    "/rfe.metadata.v1.MetadataService/GetFreshness",
    "/rfe.metadata.v1.MetadataService/GetRun",
    "/rfe.metadata.v1.MetadataService/GetSource",
    "/rfe.metadata.v1.MetadataService/ListDataFiles",
    "/rfe.metadata.v1.MetadataService/ListDatasets",
    "/rfe.metadata.v1.MetadataService/ListFreshness",
    "/rfe.metadata.v1.MetadataService/ListRuns",
    "/rfe.metadata.v1.MetadataService/ListSchemaVersions",
    "/rfe.metadata.v1.MetadataService/ListSources",
    "/rfe.metadata.v1.RunService/CancelRun",
    "/rfe.metadata.v1.RunService/CommitRun",
    "/rfe.metadata.v1.RunService/CreateRun",
    "/rfe.metadata.v1.RunService/ListCheckpoints",
    "/rfe.metadata.v1.RunService/ListUnreadFiles",
    "/rfe.metadata.v1.RunService/RegisterSchema",
    "/rfe.metadata.v1.RunService/ReportProgress",
    "/rfe.scheduler.v1.SchedulerService/GetSchedule",
    "/rfe.scheduler.v1.SchedulerService/ListFirings",
    "/rfe.scheduler.v1.SchedulerService/ListSchedules",
    "/rfe.scheduler.v1.SchedulerService/PauseSchedule",
    "/rfe.scheduler.v1.SchedulerService/PreviewSchedule",
];

/// True for the path of an RPC that may be called twice.
pub fn is_idempotent(path: &str) -> bool {
    IDEMPOTENT.binary_search(&path).is_ok()
}

/// How many repetitions a channel may still make. Calls fill it, repetitions empty it.
#[derive(Debug)]
pub struct Budget(Mutex<f64>);

impl Default for Budget {
    fn default() -> Self {
        Self(Mutex::new(RESERVE))
    }
}

impl Budget {
    /// Counts a call.
    pub fn earn(&self) {
        let mut left = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *left = (*left + SHARE).min(RESERVE);
    }

    /// Takes one repetition; false if there is none left.
    pub fn spend(&self) -> bool {
        let mut left = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let enough = *left >= 1.0;
        if enough {
            *left -= 1.0;
        }
        enough
    }
}

/// Says of a call's fault that the call was not begun, so that it may be made again whatever it asks for. For a process that takes
/// no calls yet, or any more.
#[must_use]
pub fn not_begun(fault: Fault) -> Fault {
    fault.with(BEGUN, "no")
}

/// False if the fault says that the call was not begun.
pub fn was_begun(fault: &Fault) -> bool {
    fault.get(BEGUN) != Some("no")
}

/// How long to wait before the next try, after so many replicas took no calls: not at all for the first of them.
pub(crate) fn pause_of_absence(refusals: u32) -> Duration {
    if refusals <= 1 { Duration::ZERO } else { pause(refusals - 1) }
}

/// How long to wait before the next try, after `tries` of them: growing, with jitter, so that callers do not come again together.
pub fn pause(tries: u32) -> Duration {
    let longest = FIRST_PAUSE.saturating_mul(1 << tries.saturating_sub(1).min(8)).min(LONGEST_PAUSE);
    longest.mul_f64(0.5 + fastrand::f64() / 2.0)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::channel::method;

    #[test]
    fn every_line_of_the_table_is_an_rpc_that_takes_one_request() {
        assert!(IDEMPOTENT.is_sorted(), "it is searched");
        assert_eq!(IDEMPOTENT.iter().collect::<HashSet<_>>().len(), IDEMPOTENT.len());
        for path in IDEMPOTENT.iter().filter(|path| path.starts_with("/rfe.")) {
            assert!(method::of(path).takes_one(), "{path}");
        }
    }

    #[test]
    fn what_makes_or_closes_something_is_not_repeated() {
        for path in [
            "/rfe.ingest.v1.IngestService/SubmitJob",
            "/rfe.ingest.v1.IngestService/StreamEvents",
            "/rfe.metadata.v1.RunService/ClaimRun",
            "/rfe.metadata.v1.RunService/FailRun",
            "/rfe.metadata.v1.MetadataService/CreateSource",
            "/rfe.dlq.v1.DlqService/ReplayDeadLetter",
            "/anything/else",
        ] {
            assert!(!is_idempotent(path), "{path}");
        }
    }

    #[test]
    fn a_budget_lets_one_call_in_ten_be_repeated() {
        let budget = Budget::default();
        assert_eq!((0..100).filter(|_| budget.spend()).count(), 10);
        for _ in 0..51 {
            budget.earn();
        }
        assert_eq!((0..100).filter(|_| budget.spend()).count(), 5);
    }

    #[test]
    fn pauses_grow_and_end() {
        assert!(pause(1) <= FIRST_PAUSE);
        assert!(pause(3) >= FIRST_PAUSE * 2);
        assert!(pause(1000) <= LONGEST_PAUSE);
    }
}
