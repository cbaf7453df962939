//! Every process of the mesh is restarted in turn, under load, while another one of its role goes on. Clients use whichever says that
//! it is ready, as a balancer would, and none of their calls may fail: nothing here calls twice.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use rfe_proto::ingest::{SubmitEventsRequest, SubmitJobRequest};
use rfe_tests::{Platform, Role};

use crate::{
    accounts::Accounts,
    balancer::Balancer,
    check::{self, Allowance},
    form::Form,
    ground::{Kind, Site},
    load::{Load, event, note},
    tally::Tally,
};

const REPLICAS: usize = 2;
const EVENTS_A_CALL: u64 = 10;
const PAUSE: Duration = Duration::from_millis(20);

/// What the clients share.
#[derive(Debug, Clone)]
struct Clients {
    balancer: Arc<Balancer>,
    accounts: Arc<Accounts>,
    stop: Arc<AtomicBool>,
    calls: Arc<AtomicU64>,
}

/// The drill.
pub async fn run(form: Form) -> Tally {
    let mut site = Site::new(Kind::Mesh).await.with("RFE_ANNOUNCE_SECONDS", "1");
    for role in Role::ALL {
        site = site.scaled(role, REPLICAS);
    }
    let mut platform = site.start().await;
    Load::declare(&platform).await;
    let clients = Clients {
        balancer: Arc::new(Balancer::over(&platform)),
        accounts: Arc::default(),
        stop: Arc::default(),
        calls: Arc::default(),
    };
    let mut tasks = vec![
        tokio::spawn(webhooks(clients.clone())),
        tokio::spawn(jobs(clients.clone())),
        tokio::spawn(queries(clients.clone())),
    ];
    tasks.extend((0..2).map(|sender| tokio::spawn(events(sender, clients.clone()))));

    let mut restarts = 0;
    for _ in 0..form.pick(1, 3) {
        for role in Role::ALL {
            for replica in 0..REPLICAS {
                platform.stop_role(role, replica).await;
                platform.start_role(role, replica).await;
                clients.balancer.knows_again(role, replica).await;
                restarts += 1;
            }
        }
    }
    clients.stop.store(true, Ordering::Release);
    for task in tasks {
        task.await.expect("a client does not fail");
    }
    let mut tally = judge(&platform, &site, &clients).await;
    tally.notes.push(format!("{restarts} restarts, {} calls", clients.calls.load(Ordering::Acquire)));
    tally.keep_log(&platform, "rolling_restart");
    tally
}

async fn judge(platform: &Platform, site: &Site, clients: &Clients) -> Tally {
    let allowance =
        Allowance { lost_workers: false, settled_within: Duration::from_secs(60), collected_within: None };
    let book = clients.accounts.copy();
    let mut tally = check::check(platform, &site.store(platform), &book, allowance).await;
    site.queue_is_exact(&mut tally).await;
    tally
}

// === impl Clients ===

impl Clients {
    fn are_over(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }

    /// Notes a call that was answered, or how it failed.
    fn called<T, E: std::fmt::Display>(&self, what: &str, answer: Result<T, E>) -> Option<T> {
        self.calls.fetch_add(1, Ordering::AcqRel);
        answer.map_err(|error| self.accounts.book().wrong.push(format!("{what} failed: {error}"))).ok()
    }
}

async fn events(sender: u64, clients: Clients) {
    let mut next = 0;
    while !clients.are_over() {
        let events: Vec<_> =
            (next..next + EVENTS_A_CALL).map(|number| event(sender, number, false)).collect();
        next += EVENTS_A_CALL;
        clients.accounts.sends_events(events.iter().map(|event| (event.event_id.clone(), false)));
        let request = SubmitEventsRequest { source: "events".to_owned(), events };
        let answer = clients.balancer.ingest().submit_events(request).await;
        if let Some(answer) = clients.called("SubmitEvents", answer) {
            note(&clients.accounts, &answer.into_inner().results);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn webhooks(clients: Clients) {
    // No sender of events has this number.
    let (sender, mut number) = (9, 0);
    while !clients.are_over() {
        let event = event(sender, number, false);
        number += 1;
        clients.accounts.sends_events([(event.event_id.clone(), false)]);
        let answer = clients.balancer.post("events", &event.event_id, event.payload).await;
        if clients.called("a webhook", answer).is_some() {
            clients.accounts.accepts_event(&event.event_id);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn jobs(clients: Clients) {
    while !clients.are_over() {
        let request = SubmitJobRequest { source: "lines".to_owned(), ..Default::default() };
        let answer = clients.balancer.ingest().submit_job(request).await;
        let job = clients.called("SubmitJob", answer).and_then(|answer| answer.into_inner().job);
        if let Some(job) = job {
            clients.accounts.accepts_job(job.job_id, &[]);
        }
        tokio::time::sleep(10 * PAUSE).await;
    }
}

async fn queries(clients: Clients) {
    while !clients.are_over() {
        let answer = clients.balancer.query("SELECT count(*) FROM events").await;
        let _rows = clients.called("a query", answer);
        tokio::time::sleep(5 * PAUSE).await;
    }
}
