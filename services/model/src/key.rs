//! Keys of data files in the lake (CONTRACT §9). The epoch is part of the key, so that a worker that wakes late can't touch
//! what a later claim wrote.

/// `<dataset>/dt=YYYY-MM-DD/<run>/<epoch>-<part>-<hash>.parquet`; `created` is when the run was made.
pub fn data_file(
    dataset: &str,
    created: jiff::Timestamp,
    run_id: &str,
    epoch: u64,
    part: u32,
    sha256: &str,
) -> String {
    let hash = &sha256[..16.min(sha256.len())];
    format!("{dataset}/dt={}/{run_id}/{epoch}-{part:05}-{hash}.parquet", date(created))
}

/// `<dataset>/dt=YYYY-MM-DD/<run>/checkpoints/` in the raw bucket: below it lies what the run has read while it has not ended.
pub fn checkpoints(dataset: &str, created: jiff::Timestamp, run_id: &str) -> String {
    format!("{dataset}/dt={}/{run_id}/checkpoints/", date(created))
}

/// `<epoch>-<place>-<hash>` below [`checkpoints`].
pub fn checkpoint(folder: &str, epoch: u64, place: u64, sha256: &str) -> String {
    let hash = &sha256[..16.min(sha256.len())];
    format!("{folder}{epoch}-{place:07}-{hash}")
}

/// `<source>/dt=YYYY-MM-DD/<id>.json` in the dead-letter bucket.
pub fn letter(source: &str, first_seen: jiff::Timestamp, id: &str) -> String {
    format!("{source}/dt={}/{id}.json", date(first_seen))
}

/// `<source>/dt=YYYY-MM-DD/<sha256>.raw` in the dead-letter bucket: a letter's bytes where they are too large for the registry.
pub fn letter_raw(source: &str, first_seen: jiff::Timestamp, sha256: &str) -> String {
    format!("{source}/dt={}/{sha256}.raw", date(first_seen))
}

fn date(at: jiff::Timestamp) -> jiff::civil::Date {
    at.to_zoned(jiff::tz::TimeZone::UTC).date()
}
