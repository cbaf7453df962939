//! The load: senders of events, and files with a pull job each. Whatever has no answer is sent again until it has one, or until the
//! load ends.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use fastrand::Rng;
use rfe_proto::ingest::{Event, EventOutcome, EventResult, SubmitEventsRequest, SubmitJobRequest};
use rfe_tests::Platform;
use tonic::{Code, Status};

use crate::{
    accounts::{Accounts, Book},
    doors::Doors,
    form::Form,
};

/// The sources that the load uses. `lines` is replaced by each of its jobs, `files` is read file by file.
pub const SOURCES: &str = "version: 1\nsources:\n\
    - {name: events, kind: webhook, columns: {sender: BIGINT, n: BIGINT}}\n\
    - {name: files, kind: csv, mode: append, config: {location: \"in/*.csv\"}}\n\
    - {name: lines, kind: csv, config: {location: lines.csv}}\n";
/// Rows of `lines.csv`.
pub const LINES: usize = 400;

const TRY_AGAIN: Duration = Duration::from_millis(20);
const ROWS_A_FILE: u64 = 50;

/// How much load.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Senders of events.
    pub senders: u64,
    /// At most so many events a call.
    pub events_a_call: u64,
    /// The longest pause between two calls of a sender, in ms.
    pub pause_ms: u64,
    /// The longest pause between two files, in ms.
    pub file_pause_ms: u64,
    /// The share of events that can't land.
    pub bad: f64,
    /// The share of calls that are made again after their OK, as senders do that have not heard it.
    pub again: f64,
}

/// The load, running.
#[derive(Debug)]
pub struct Load {
    accounts: Arc<Accounts>,
    stop: Arc<AtomicBool>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

/// What every part of it has.
#[derive(Debug, Clone)]
struct Part {
    plan: Plan,
    doors: Doors,
    accounts: Arc<Accounts>,
    stop: Arc<AtomicBool>,
    rng: Rng,
}

// === impl Load ===

impl Load {
    /// Declares the sources.
    pub async fn declare(platform: &Platform) {
        let lines: String = (0..LINES).map(|id| format!("{id},line {id}\n")).collect();
        platform.write("lines.csv", format!("id,name\n{lines}"));
        platform.apply(SOURCES).await;
    }

    /// Starts it.
    pub fn start(form: Form, name: &str, plan: Plan, platform: &Platform, doors: &Doors) -> Self {
        let (accounts, stop) = (Arc::<Accounts>::default(), Arc::<AtomicBool>::default());
        let part = |of: String| Part {
            plan,
            doors: doors.clone(),
            accounts: accounts.clone(),
            stop: stop.clone(),
            rng: form.rng(&format!("{name} {of}")),
        };
        let send = |sender: u64| tokio::spawn(send_events(sender, part(format!("sender {sender}"))));
        let mut tasks: Vec<_> = (0..plan.senders).map(send).collect();
        tasks.push(tokio::spawn(write_files(platform.work(), part("files".to_owned()))));
        Self { accounts, stop, tasks }
    }

    /// Ends it: what has no answer yet stays without. What it knows is the answer.
    ///
    /// # Panics
    /// If a part of it broke.
    pub async fn stop(self) -> Book {
        self.stop.store(true, Ordering::Release);
        for task in self.tasks {
            task.await.expect("a sender does not fail");
        }
        self.accounts.copy()
    }
}

// === impl Part ===

impl Part {
    fn is_over(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }

    async fn pause(&mut self, most_ms: u64) {
        tokio::time::sleep(Duration::from_millis(self.rng.u64(0..=most_ms))).await;
    }

    // None: the load ended before an answer came, or the answer is wrong.
    async fn events(&self, request: &SubmitEventsRequest) -> Option<Vec<EventResult>> {
        while !self.is_over() {
            match self.doors.now().ingest().submit_events(request.clone()).await {
                Ok(answer) => return Some(answer.into_inner().results),
                Err(status) => endure(&self.accounts, &status).await?,
            }
        }
        None
    }

    // The id of the job that answered.
    async fn job(&self, source: &str) -> Option<String> {
        let request_id = uuid::Uuid::now_v7().to_string();
        while !self.is_over() {
            let request = SubmitJobRequest {
                source: source.to_owned(),
                request_id: request_id.clone(),
                ..Default::default()
            };
            match self.doors.now().ingest().submit_job(request).await {
                Ok(answer) => return answer.into_inner().job.map(|job| job.job_id),
                Err(status) => endure(&self.accounts, &status).await?,
            }
        }
        None
    }
}

/// What an outage explains is tried again, after a moment; anything else ends the call: none.
pub async fn endure(accounts: &Accounts, status: &Status) -> Option<()> {
    let is_ours = matches!(
        status.code(),
        Code::InvalidArgument
            | Code::NotFound
            | Code::AlreadyExists
            | Code::FailedPrecondition
            | Code::PermissionDenied
            | Code::OutOfRange
            | Code::Unimplemented
            | Code::DataLoss
    );
    if is_ours {
        accounts.book().wrong.push(format!("a call was answered with {status}"));
        return None;
    }
    tokio::time::sleep(TRY_AGAIN).await;
    Some(())
}

async fn send_events(sender: u64, mut part: Part) {
    let mut next = 0;
    while !part.is_over() {
        let count = part.rng.u64(1..=part.plan.events_a_call);
        let events: Vec<(Event, bool)> = (next..next + count)
            .map(|number| {
                let bad = part.rng.f64() < part.plan.bad;
                (event(sender, number, bad), bad)
            })
            .collect();
        next += count;
        part.accounts.sends_events(events.iter().map(|(event, bad)| (event.event_id.clone(), *bad)));
        let events = events.into_iter().map(|(event, _)| event).collect();
        let request = SubmitEventsRequest { source: "events".to_owned(), events };
        if let Some(results) = part.events(&request).await {
            note(&part.accounts, &results);
            if part.rng.f64() < part.plan.again {
                part.accounts.book().resent += 1;
                let _known_already = part.events(&request).await;
            }
        }
        let pause = part.plan.pause_ms;
        part.pause(pause).await;
    }
}

/// Notes what was answered about events.
pub fn note(accounts: &Accounts, results: &[EventResult]) {
    for result in results {
        match result.outcome() {
            EventOutcome::Accepted | EventOutcome::Duplicate => accounts.accepts_event(&result.event_id),
            EventOutcome::Rejected | EventOutcome::Unspecified => {
                accounts
                    .book()
                    .wrong
                    .push(format!("event {} was refused: {}", result.event_id, result.message));
            }
        }
    }
}

/// The id of an event tells what must be in its row.
pub fn event(sender: u64, number: u64, bad: bool) -> Event {
    let n = if bad { "\"no number\"".to_owned() } else { number.to_string() };
    let payload = format!(r#"{{"sender": {sender}, "n": {n}, "name": "customer {}"}}"#, number % 97);
    Event { event_id: format!("{sender}-{number}"), payload: payload.into_bytes(), ..Default::default() }
}

async fn write_files(work: PathBuf, mut part: Part) {
    std::fs::create_dir_all(work.join("in")).expect("a folder can be made");
    let mut number = 0;
    while !part.is_over() {
        let ids: Vec<String> =
            (0..part.rng.u64(1..=ROWS_A_FILE)).map(|row| format!("{number}-{row}")).collect();
        let rows: String = ids.iter().map(|id| format!("{id},x\n")).collect();
        part.accounts.sends_rows(ids.iter().cloned());
        // A file that is only begun is not below `in/`.
        let begun = work.join("begun.csv");
        std::fs::write(&begun, format!("id,name\n{rows}")).expect("a file can be written");
        std::fs::rename(&begun, work.join(format!("in/{number:06}.csv"))).expect("a file can be renamed");
        number += 1;
        if let Some(job) = part.job("files").await {
            part.accounts.accepts_job(job, &ids);
        }
        if let Some(job) = part.job("lines").await {
            part.accounts.accepts_job(job, &[]);
        }
        let pause = part.plan.file_pause_ms;
        part.pause(pause).await;
    }
}
