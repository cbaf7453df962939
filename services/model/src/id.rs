//! Ids. Random ones are UUIDv7 and so sort by time; derived ones are the same for the same input.

use sha2::{Digest, Sha256};
use uuid::Uuid;

const FIRINGS: Uuid = Uuid::from_u128(0x7266_6500_f1a1_4000_8000_0000_0000_0001);
const BATCHES: Uuid = Uuid::from_u128(0x7266_6500_ba7c_4000_8000_0000_0000_0002);

/// A new id for a job, run, batch or event.
pub fn new() -> String {
    Uuid::now_v7().to_string()
}

/// The id of a schedule's firing at an instant: the same whoever computes it, so that firing twice makes one job.
pub fn firing(schedule: &str, instant: jiff::Timestamp) -> String {
    let name = format!("{schedule}\n{}", instant.as_millisecond());
    Uuid::new_v5(&FIRINGS, name.as_bytes()).to_string()
}

/// The id of the n-th job of a call whose first job has this UUIDv7: of the same time, and the same whoever computes it.
pub fn nth(first: &str, n: usize) -> String {
    let Some(id) = Uuid::try_parse(first).ok().filter(|_| n > 0) else { return first.to_owned() };
    let mut bytes = *id.as_bytes();
    let digest = Sha256::digest(format!("{first}\n{n}"));
    // The bits of time, version and variant stay.
    bytes[6] = 0x70 | digest[0] & 0x0f;
    bytes[7] = digest[1];
    bytes[8] = 0x80 | digest[2] & 0x3f;
    bytes[9..].copy_from_slice(&digest[3..10]);
    Uuid::from_bytes(bytes).to_string()
}

/// The id of one half of a bisected batch; `half` is 0 or 1.
pub fn half(batch: &str, half: u8) -> String {
    Uuid::new_v5(&BATCHES, format!("{batch}\n{half}").as_bytes()).to_string()
}

/// The id of an event's dead letter: a repeat of the event meets the same letter.
pub fn event_letter(source: &str, event_id: &str) -> String {
    digest(&["event", source, event_id])
}

/// The id of a letter for a record that has no event id: the same record of the same run meets the same letter.
pub fn record_letter(run_id: &str, file: &str, position: u64, message: &str) -> String {
    digest(&["record", run_id, file, &position.to_string(), message])
}

/// The id of a job's letter.
pub fn job_letter(run_id: &str) -> String {
    digest(&["job", run_id])
}

/// SHA-256 of bytes, in hex.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

fn digest(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    hex::encode(&hash.finalize()[..16])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_firing_has_the_same_id_whoever_computes_it() {
        let instant = jiff::Timestamp::from_second(1_800_000_000).expect("instant");
        assert_eq!(firing("a", instant), firing("a", instant));
        assert_ne!(firing("a", instant), firing("b", instant));
    }

    #[test]
    fn jobs_of_a_call_share_its_time_and_are_the_same_whoever_names_them() {
        let first = new();
        assert_eq!(nth(&first, 0), first);
        assert_eq!(nth(&first, 1), nth(&first, 1));
        assert_ne!(nth(&first, 1), nth(&first, 2));
        let other = Uuid::try_parse(&nth(&first, 7)).expect("an id");
        assert_eq!((other.get_version_num(), &other.to_string()[..13]), (7, &first[..13]));
    }

    #[test]
    fn parts_of_a_letter_id_do_not_run_into_each_other() {
        assert_ne!(event_letter("a", "bc"), event_letter("ab", "c"));
    }
}
