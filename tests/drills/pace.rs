//! Events at a fixed rate, whatever becomes of the calls: who was held up hurries afterwards.

use std::{sync::Arc, time::Duration};

use rfe_proto::ingest::SubmitEventsRequest;
use tokio::time::MissedTickBehavior;

use crate::{
    accounts::Accounts,
    doors::Doors,
    load::{endure, event, note},
};

const SENDERS: u64 = 8;
const EVENTS_A_CALL: u64 = 25;

/// How many, and how fast.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Events in all.
    pub events: u64,
    /// Events a second.
    pub a_second: u64,
}

/// Sends them; each is acknowledged when this ends, or noted as wrong.
///
/// # Panics
/// If a sender broke.
pub async fn send(pace: Pace, doors: Doors, accounts: Arc<Accounts>) {
    let one = |sender| tokio::spawn(send_share(sender, pace, doors.clone(), accounts.clone()));
    let senders: Vec<_> = (0..SENDERS).map(one).collect();
    for sender in senders {
        sender.await.expect("a sender does not fail");
    }
}

async fn send_share(sender: u64, pace: Pace, doors: Doors, accounts: Arc<Accounts>) {
    let every = Duration::from_secs_f64((SENDERS * EVENTS_A_CALL) as f64 / pace.a_second as f64);
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    for call in 0..pace.events / (SENDERS * EVENTS_A_CALL) {
        ticks.tick().await;
        let numbers = call * EVENTS_A_CALL..(call + 1) * EVENTS_A_CALL;
        let events: Vec<_> = numbers.map(|number| event(sender, number, false)).collect();
        accounts.sends_events(events.iter().map(|event| (event.event_id.clone(), false)));
        let request = SubmitEventsRequest { source: "events".to_owned(), events };
        submit(&doors, &accounts, &request).await;
    }
}

/// Makes the call until it is answered.
async fn submit(doors: &Doors, accounts: &Accounts, request: &SubmitEventsRequest) {
    loop {
        match doors.now().ingest().submit_events(request.clone()).await {
            Ok(answer) => return note(accounts, &answer.into_inner().results),
            Err(status) => match endure(accounts, &status).await {
                Some(()) => accounts.book().resent += 1,
                None => return,
            },
        }
    }
}
