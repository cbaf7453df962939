//! Events come in.

use rfe_proto::ingest::JobKind;

use super::{batch::MAX_BATCH_BYTES, dedupe, tx::Tx, writer::Transition};
use crate::{
    Accepted, EnqueuedEvents, NewEvents, QueueError,
    payload::{self, MAX_JOB_BYTES, MAX_JOB_EVENTS},
};

/// Queues the events that are new. They are encoded before they come to the writer, which so has little to do.
#[derive(Debug)]
pub struct EnqueueEvents {
    id: String,
    source: String,
    trace: String,
    events: Vec<Encoded>,
}

#[derive(Debug)]
struct Encoded {
    digest: u128,
    bytes: Vec<u8>,
}

#[derive(Debug, Default)]
struct NewEventsJob {
    id: String,
    events: i64,
    body: Vec<u8>,
}

impl EnqueueEvents {
    /// Encodes the events of a call.
    pub fn new(call: &NewEvents) -> Self {
        let encode = |event: &rfe_proto::ingest::Event| Encoded {
            digest: dedupe::digest(&event.event_id),
            bytes: payload::encode(event),
        };
        Self {
            id: call.id.clone(),
            source: call.source.clone(),
            trace: call.trace.clone(),
            events: call.events.iter().map(encode).collect(),
        }
    }

    fn split(&self, tx: &Tx<'_>) -> (Vec<NewEventsJob>, Vec<u128>, Vec<Accepted>) {
        let mut jobs: Vec<NewEventsJob> = Vec::new();
        let mut fresh = std::collections::HashSet::new();
        let mut ids = Vec::new();
        let mut outcomes = Vec::with_capacity(self.events.len());
        for event in &self.events {
            if tx.dedupe.knows(&self.source, event.digest) || !fresh.insert(event.digest) {
                outcomes.push(Accepted::Duplicate);
                continue;
            }
            ids.push(event.digest);
            let job = match jobs.last_mut() {
                Some(job) if job.takes(event) => job,
                _ => {
                    let id = rfe_model::id::nth(&self.id, jobs.len());
                    jobs.push_mut(NewEventsJob { id, ..NewEventsJob::default() })
                }
            };
            job.events += 1;
            job.body.extend_from_slice(&event.bytes);
            outcomes.push(Accepted::New { job_id: job.id.clone() });
        }
        (jobs, ids, outcomes)
    }
}

impl NewEventsJob {
    fn takes(&self, event: &Encoded) -> bool {
        (self.events as usize) < MAX_JOB_EVENTS && self.body.len() + event.bytes.len() <= MAX_JOB_BYTES
    }
}

impl Transition for EnqueueEvents {
    type Output = EnqueuedEvents;

    async fn apply(self, tx: &mut Tx<'_>) -> Result<EnqueuedEvents, QueueError> {
        let (jobs, ids, outcomes) = self.split(tx);
        if jobs.is_empty() {
            return Ok(EnqueuedEvents { outcomes });
        }
        let bytes = jobs.iter().map(|job| job.body.len() as i64).sum();
        let (number, events) = (jobs.len() as i64, ids.len() as i64);
        tx.admit(&self.source, number, bytes).await?;
        for job in jobs {
            insert(tx, &self.source, &self.trace, job).await?;
        }
        tx.remember(&self.source, ids).await?;
        let (loose, loose_bytes): (i64, i64) = sqlx::query_as(
            "INSERT INTO sources (name, jobs, events, bytes, loose_jobs, loose_events, loose_bytes)
             VALUES ($1, $2, $3, $4, $2, $3, $4)
             ON CONFLICT (name) DO UPDATE SET jobs = jobs + $2, events = events + $3, bytes = bytes + $4,
                loose_jobs = loose_jobs + $2, loose_events = loose_events + $3, loose_bytes = loose_bytes + $4
             RETURNING loose_events, loose_bytes",
        )
        .bind(self.source)
        .bind(number)
        .bind(events)
        .bind(bytes)
        .fetch_one(&mut *tx.db)
        .await?;
        // The first loose event sets the clock of a batch, the last one fills it; those between change nothing for who waits.
        if loose == events || loose >= *tx.eager || loose_bytes >= MAX_BATCH_BYTES {
            tx.wake = true;
        }
        Ok(EnqueuedEvents { outcomes })
    }
}

async fn insert(tx: &mut Tx<'_>, source: &str, trace: &str, job: NewEventsJob) -> Result<(), QueueError> {
    sqlx::query(
        "INSERT INTO jobs (id, source, kind, events, bytes, remaining, loose, created, updated, trace)
         VALUES ($1, $2, $3, $4, $5, $4, 1, $6, $6, $8);
         INSERT INTO payloads (job, body) VALUES (last_insert_rowid(), $7);",
    )
    .bind(job.id)
    .bind(source.to_owned())
    .bind(JobKind::Events as i32)
    .bind(job.events)
    .bind(job.body.len() as i64)
    .bind(tx.now)
    .bind(job.body)
    .bind(trace.to_owned())
    .execute(&mut *tx.db)
    .await?;
    Ok(())
}
