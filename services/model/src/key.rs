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

/// `<source>/dt=YYYY-MM-DD/<run>/<epoch>-<sha256>.raw` in the dead-letter bucket: a letter's bytes where they are too large for
/// the registry, as the run wrote them under an epoch.
pub fn letter_raw(
    source: &str,
    first_seen: jiff::Timestamp,
    run_id: &str,
    epoch: u64,
    sha256: &str,
) -> String {
    format!("{source}/dt={}/{run_id}/{epoch}-{sha256}.raw", date(first_seen))
}

/// Under which epoch of which run an object was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Writer<'a> {
    /// The run.
    pub run_id: &'a str,
    /// The epoch.
    pub epoch: u64,
}

impl<'a> Writer<'a> {
    /// Reads the writer from the key of a data file, a checkpoint or a letter's bytes; `None` of any other key. Such an object
    /// is named by nothing but what its run commits or saves under that epoch.
    pub fn of(key: &'a str) -> Option<Self> {
        let mut parts = key.split('/');
        let (_dataset, day, run_id) = (parts.next()?, parts.next()?, parts.next()?);
        let (folder, name) = match (parts.next()?, parts.next(), parts.next()) {
            (name, None, None) => (None, name),
            (folder, Some(name), None) => (Some(folder), name),
            _ => return None,
        };
        let is_ours = match folder {
            None => name.ends_with(".parquet") || name.ends_with(".raw"),
            Some(folder) => folder == "checkpoints",
        };
        let is_run = day.starts_with("dt=") && uuid::Uuid::try_parse(run_id).is_ok();
        let (epoch, _) = name.split_once('-')?;
        let epoch = epoch.parse().ok().filter(|_| is_ours && is_run)?;
        Some(Self { run_id, epoch })
    }
}

fn date(at: jiff::Timestamp) -> jiff::civil::Date {
    at.to_zoned(jiff::tz::TimeZone::UTC).date()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_tells_who_wrote_the_object() {
        let at = jiff::Timestamp::UNIX_EPOCH;
        let run_id = crate::id::new();
        let folder = checkpoints("a", at, &run_id);
        let ours = [
            data_file("a", at, &run_id, 7, 3, "0123456789abcdef0"),
            checkpoint(&folder, 7, 12, "ab"),
            letter_raw("a", at, &run_id, 7, "ab"),
        ];
        for key in &ours {
            assert_eq!(Writer::of(key), Some(Writer { run_id: &run_id, epoch: 7 }), "{key}");
        }
    }

    #[test]
    fn a_key_of_another_form_has_no_writer() {
        let run_id = crate::id::new();
        for key in [
            letter("a", jiff::Timestamp::UNIX_EPOCH, "x"),
            "a/dt=2026-01-01/0123.raw".to_owned(),
            "_views/a.sql".to_owned(),
            format!("a/dt=2026-01-01/{run_id}/notes.parquet"),
            format!("a/dt=2026-01-01/{run_id}/x-1.parquet"),
            format!("a/dt=2026-01-01/{run_id}/1-1.txt"),
            format!("a/2026-01-01/{run_id}/1-1.parquet"),
            format!("a/dt=2026-01-01/{run_id}/other/1-1"),
            format!("a/dt=2026-01-01/{run_id}/checkpoints/more/1-1"),
            "a/dt=2026-01-01/no-run/1-1.parquet".to_owned(),
        ] {
            assert_eq!(Writer::of(&key), None, "{key}");
        }
    }
}
