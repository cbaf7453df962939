//! The process is killed again and again while events and jobs come in; in the mesh now this one, now that one. Afterwards
//! everything that was accepted is there, once.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use rfe_proto::{
    dlq::ReplayDeadLetterRequest,
    ingest::{GetQueueStatsRequest, SubmitJobRequest, ingest_service_client::IngestServiceClient},
    metadata::RunState,
};
use rfe_tests::{Platform, Role, Settings, until};
use tokio::sync::watch;

const SENDERS: usize = 4;
const EVENTS_A_JOB: u64 = 40;
const FILE_ROWS: u64 = 500;

/// Where webhooks and jobs are taken now.
type Addresses = watch::Receiver<(String, String)>;

/// What the senders know to be accepted.
#[derive(Debug, Default)]
struct Accepted {
    webhooks: AtomicU64,
    jobs: AtomicU64,
    stop: AtomicBool,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_was_accepted_is_lost_or_doubled_however_often_a_process_is_killed() {
    let kills: u32 = std::env::var("JOURNEY_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(30);
    let mut platform = Settings::default().with("BACKOFF_CAP_SECONDS", "1").start().await;
    let rows: String = (0..FILE_ROWS).map(|id| format!("{id},x\n")).collect();
    platform.write("file.csv", format!("id,name\n{rows}"));
    platform
        .apply(&format!(
            "version: 1\nsources:\n- {{name: hooks, kind: webhook, config: {{event_id: {{header: X-Id}}}}}}\n\
             - {{name: made, kind: synthetic, config: {{rate: 0, count: {EVENTS_A_JOB}, seed: 3}}}}\n\
             - {{name: file, kind: csv, config: {{location: file.csv}}, schedule: {{every: 1s}}}}\n"
        ))
        .await;
    let accepted = Arc::new(Accepted::default());
    let (tell, addresses) = watch::channel(addresses_of(&platform));
    let mut tasks: Vec<_> = (0..SENDERS)
        .map(|sender| tokio::spawn(send_webhooks(sender, addresses.clone(), accepted.clone())))
        .collect();
    tasks.push(tokio::spawn(submit_jobs(addresses, accepted.clone())));

    for _ in 0..kills {
        tokio::time::sleep(Duration::from_millis(fastrand::u64(20..500))).await;
        let role = Role::ALL[fastrand::usize(..Role::ALL.len())];
        platform.kill_role(role, 0);
        platform.start_role(role, 0).await;
        tell.send_replace(addresses_of(&platform));
    }
    accepted.stop.store(true, Ordering::Release);
    for task in tasks {
        task.await.expect("a sender does not fail");
    }
    let replayed = count(&platform, &accepted).await;
    eprintln!(
        "{kills} kills: {} webhooks and {} jobs accepted, 0 lost, 0 doubled; {replayed} letters replayed",
        accepted.webhooks.load(Ordering::Acquire),
        accepted.jobs.load(Ordering::Acquire)
    );
}

/// Counts what is there; the answer is how many letters had to be replayed for it.
async fn count(platform: &Platform, accepted: &Accepted) -> usize {
    let webhooks = accepted.webhooks.load(Ordering::Acquire);
    let made = accepted.jobs.load(Ordering::Acquire) * EVENTS_A_JOB;
    assert!(webhooks > 0 && made > 0, "{accepted:?}");
    let mut replayed = 0;
    for source in ["hooks", "made"] {
        done(platform, source).await;
        replayed += replay_what_died(platform, source).await;
    }
    let both = |rows: u64| format!("{rows}|{rows}");
    let counted = "count(*), count(DISTINCT _event_id)";
    platform.shows(&format!("SELECT {counted} FROM hooks"), &[&both(webhooks)]).await;
    platform.shows(&format!("SELECT {counted} FROM made"), &[&both(made)]).await;
    assert_eq!(platform.value(&format!("SELECT {counted} FROM raw.hooks")).await, both(webhooks));
    let senders = "SELECT count(*), min(last + 1 = rows) FROM (SELECT sender, max(number) AS last, count(*) AS rows FROM hooks GROUP BY sender)";
    assert_eq!(platform.value(senders).await, format!("{SENDERS}|true"), "each sender's numbers have no gap");
    let file = "SELECT count(*), count(DISTINCT id), count(DISTINCT _run_id) FROM file";
    assert_eq!(platform.value(file).await, format!("{FILE_ROWS}|{FILE_ROWS}|1"));
    replayed
}

async fn done(platform: &Platform, source: &str) {
    until(&format!("nothing of {source} is left to do"), || async {
        let request = GetQueueStatsRequest { source: source.to_owned() };
        let stats = platform.ingest_service().get_queue_stats(request).await.expect("there are counts");
        let total = stats.into_inner().total.unwrap_or_default();
        (total.events + total.queued_jobs + total.running_jobs + total.delayed_jobs == 0).then_some(())
    })
    .await;
}

/// Work that met too many deaths is suspected to cause them and becomes a letter. It is not lost: replayed, it is there, once.
async fn replay_what_died(platform: &Platform, source: &str) -> usize {
    let letters = platform.letters(source).await;
    for letter in &letters {
        assert_eq!(letter.code, "WORKER_LOST", "nothing is wrong with what was sent: {letter:?}");
        let request = ReplayDeadLetterRequest { id: letter.id.clone(), raw: None };
        let answer = platform.dlq_service().replay_dead_letter(request).await.expect("it can be replayed");
        let run = platform.ended_run(&answer.into_inner().job_id).await;
        assert_eq!(run.state(), RunState::Succeeded, "{run:?}");
    }
    letters.len()
}

async fn send_webhooks(sender: usize, addresses: Addresses, accepted: Arc<Accepted>) {
    let client =
        reqwest::Client::builder().timeout(Duration::from_secs(10)).build().expect("a client can be made");
    let mut number = 0;
    while !accepted.stop.load(Ordering::Acquire) {
        let body = format!(r#"{{"sender": {sender}, "number": {number}}}"#);
        loop {
            let url = format!("http://{}/webhooks/hooks", addresses.borrow().0);
            let request = client.post(url).header("x-id", format!("{sender}-{number}"));
            let sent = request.header("content-type", "application/json").body(body.clone()).send().await;
            if sent.is_ok_and(|response| response.status().is_success()) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        accepted.webhooks.fetch_add(1, Ordering::AcqRel);
        number += 1;
    }
}

async fn submit_jobs(addresses: Addresses, accepted: Arc<Accepted>) {
    while !accepted.stop.load(Ordering::Acquire) {
        // A new job each time: the one before must have begun, or its id is the answer.
        let request_id = uuid::Uuid::now_v7().to_string();
        if submit(&addresses, &request_id).await == request_id {
            accepted.jobs.fetch_add(1, Ordering::AcqRel);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn submit(addresses: &Addresses, request_id: &str) -> String {
    loop {
        let url = format!("http://{}", addresses.borrow().1);
        let request = SubmitJobRequest {
            source: "made".to_owned(),
            request_id: request_id.to_owned(),
            ..Default::default()
        };
        if let Ok(mut client) = IngestServiceClient::connect(url).await
            && let Ok(answer) = client.submit_job(request).await
        {
            return answer.into_inner().job.expect("a job is the answer").job_id;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn addresses_of(platform: &Platform) -> (String, String) {
    (platform.address(Role::Edge), platform.address(Role::Ingest))
}
