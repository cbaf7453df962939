//! Which jobs the queue will make of a call's events: the spool answers with their ids before the queue has seen them.

use std::collections::HashSet;

use prost::Message as _;
use rfe_proto::ingest::Event;
use rfe_queue::{Accepted, MAX_JOB_BYTES, MAX_JOB_EVENTS};
use sha2::{Digest as _, Sha256};

/// A job that a call will make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PlannedJob {
    pub(super) id: String,
    pub(super) events: u32,
}

/// What will become of a call.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) jobs: Vec<PlannedJob>,
    /// One entry an event.
    pub(super) outcomes: Vec<Accepted>,
    /// What is remembered of the ids of its new events.
    pub(super) ids: Vec<u128>,
}

/// What is remembered of an event's id: enough of its SHA-256 that nobody finds another with the same.
pub(super) fn digest(source: &str, event_id: &str) -> u128 {
    let mut hash = Sha256::new();
    hash.update((source.len() as u64).to_le_bytes());
    hash.update(source);
    hash.update(event_id);
    hash.finalize()[..16].iter().fold(0, |bits, byte| bits << 8 | u128::from(*byte))
}

/// Plans a call. `known` says which ids were accepted before.
pub(super) fn plan(call: &str, source: &str, events: &[Event], known: impl Fn(u128) -> bool) -> Plan {
    let mut plan = Plan::default();
    let mut seen = HashSet::with_capacity(events.len());
    let mut bytes = 0;
    for event in events {
        let id = digest(source, &event.event_id);
        if known(id) || !seen.insert(id) {
            plan.outcomes.push(Accepted::Duplicate);
            continue;
        }
        plan.ids.push(id);
        let length = listed_bytes(event);
        let fits =
            |job: &PlannedJob| (job.events as usize) < MAX_JOB_EVENTS && bytes + length <= MAX_JOB_BYTES;
        if !plan.jobs.last().is_some_and(fits) {
            let id = rfe_model::id::nth(call, plan.jobs.len());
            plan.jobs.push(PlannedJob { id, events: 0 });
            bytes = 0;
        }
        bytes += length;
        if let Some(job) = plan.jobs.last_mut() {
            job.events += 1;
            plan.outcomes.push(Accepted::New { job_id: job.id.clone() });
        }
    }
    plan
}

// As an entry of an encoded list, which is how the queue counts.
fn listed_bytes(event: &Event) -> usize {
    let length = event.encoded_len();
    1 + prost::length_delimiter_len(length) + length
}
