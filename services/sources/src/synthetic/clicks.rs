//! What the events say.

use fastrand::Rng;
use jiff::{Timestamp, ToSpan};
use rfe_model::time;
use rfe_proto::ingest::Event;
use serde_json::json;
use uuid::Uuid;

const EVENTS: Uuid = Uuid::from_u128(0x7266_6500_5e17_4000_8000_0000_0000_0003);
const KINDS: [&str; 5] = ["view", "click", "add_to_cart", "purchase", "search"];
const PAGES: [&str; 6] = ["/", "/pricing", "/docs", "/cart", "/checkout", "/search"];
const COUNTRIES: [&str; 6] = ["DE", "FR", "US", "BR", "JP", "IN"];

/// Makes the events of one run: the same for the same seed, run and number.
#[derive(Debug, Clone)]
pub(super) struct Clicks {
    seed: u64,
    run_id: String,
    begun: Timestamp,
    /// Microseconds from one event to the next.
    pace: f64,
    error_share: f64,
}

impl Clicks {
    pub(super) fn new(seed: u64, run_id: &str, rate: f64, error_share: f64) -> Self {
        let pace = if rate > 0.0 { 1e6 / rate } else { 1.0 };
        Self { seed, run_id: run_id.to_owned(), begun: begun(run_id), pace, error_share }
    }

    /// The event of a number, from 0.
    pub(super) fn event(&self, number: u64) -> Event {
        let id = Uuid::new_v5(&EVENTS, format!("{}\n{}\n{number}", self.seed, self.run_id).as_bytes());
        let at = self.begun + ((number as f64 * self.pace) as i64).microseconds();
        let body = self.body(number, &id, at);
        // Cut in the middle: what a sender that died leaves behind.
        let payload = if self.is_broken(number) { body[..body.len() / 2].to_owned() } else { body };
        Event {
            event_id: id.to_string(),
            payload: payload.into_bytes(),
            content_type: "application/json".to_owned(),
            headers: std::collections::HashMap::new(),
            received_time: Some(time::to_proto(at)),
        }
    }

    fn body(&self, number: u64, id: &Uuid, at: Timestamp) -> String {
        let mut random = Rng::with_seed(id.as_u64_pair().0 ^ number);
        let kind = KINDS[random.usize(..KINDS.len())];
        let amount = (kind == "purchase").then(|| f64::from(random.u32(100..50_000)) / 100.0);
        json!({
            "event": kind,
            "number": number,
            "user_id": random.u32(1..=1000),
            "session": format!("{:08x}", random.u32(..)),
            "page": PAGES[random.usize(..PAGES.len())],
            "country": COUNTRIES[random.usize(..COUNTRIES.len())],
            "is_mobile": random.bool(),
            "amount": amount,
            "occurred_at": at.to_string(),
            "device": {"width": 320 + 160 * random.u32(..10), "language": if random.bool() { "en" } else { "de" }},
        })
        .to_string()
    }

    // Spread evenly, so that the share is exact.
    fn is_broken(&self, number: u64) -> bool {
        let until = |count: u64| (count as f64 * self.error_share + 1e-9).floor();
        until(number + 1) > until(number)
    }
}

// A run's id holds when the run was made; another run of the same id makes the same events.
fn begun(run_id: &str) -> Timestamp {
    let stamp = run_id.parse::<Uuid>().ok().and_then(|id| id.get_timestamp());
    let made = stamp.and_then(|stamp| {
        let (seconds, nanos) = stamp.to_unix();
        Timestamp::new(i64::try_from(seconds).ok()?, i32::try_from(nanos).ok()?).ok()
    });
    made.unwrap_or(Timestamp::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_run_makes_the_same_events_and_another_run_others() {
        let run = rfe_model::id::new();
        let (one, again) = (Clicks::new(7, &run, 200.0, 0.0), Clicks::new(7, &run, 200.0, 0.0));
        assert_eq!(one.event(3), again.event(3));
        assert_ne!(one.event(3).event_id, one.event(4).event_id);
        assert_ne!(one.event(3).event_id, Clicks::new(8, &run, 200.0, 0.0).event(3).event_id);
        assert_ne!(
            one.event(3).event_id,
            Clicks::new(7, &rfe_model::id::new(), 200.0, 0.0).event(3).event_id
        );
    }

    #[test]
    fn the_share_of_errors_is_exact() {
        let clicks = Clicks::new(7, "run", 0.0, 0.01);
        let broken = (0..10_000).filter(|number| {
            serde_json::from_slice::<serde_json::Value>(&clicks.event(*number).payload).is_err()
        });
        assert_eq!(broken.count(), 100);
    }
}
