//! How long data is kept.

use std::time::Duration;

use serde::Deserialize;

use crate::{Violation, duration};

const HOUR: Duration = Duration::from_secs(3600);

/// How long data is kept. What is deleted is gone for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RetentionSpec {
    /// Files of `raw` that are older are deleted; unset: never.
    #[serde(with = "duration::text")]
    pub raw: Option<Duration>,
    /// Files that no current snapshot shows are kept so long, for readers of older ones; unset: as the server is set.
    #[serde(with = "duration::text")]
    pub snapshots: Option<Duration>,
}

/// Checks that neither is so short that readers or replays lose what they stand on.
pub(super) fn check(retention: RetentionSpec, wrong: &mut Vec<Violation>) {
    let both = [("retention.raw", retention.raw), ("retention.snapshots", retention.snapshots)];
    for (path, kept) in both {
        if kept.is_some_and(|kept| kept < HOUR) {
            wrong.push(Violation::new(path, "is less than 1h; readers need some time to finish"));
        }
    }
}

#[cfg(test)]
mod tests {
    use rfe_proto::metadata as pb;
    use serde_json::{Value, json};

    use super::*;
    use crate::SourceSpec;

    fn written(retention: Value) -> Result<SourceSpec, Violation> {
        SourceSpec::from_written(&json!({"name": "a", "kind": "csv", "retention": retention}))
    }

    #[test]
    fn retention_reads_as_people_write_it_and_survives_the_wire() {
        let spec = written(json!({"raw": "30d", "snapshots": "90m"})).expect("a spec");
        assert_eq!(spec.retention.raw, Some(30 * 24 * HOUR));
        assert_eq!(spec.check(), Ok(()));
        let wire = pb::Source::from(&spec);
        let sent = wire.retention.expect("it is sent");
        assert_eq!((sent.raw_days, sent.snapshot_hours), (30.0, 1.5));
        assert_eq!(SourceSpec::try_from(&wire), Ok(spec));
        let odd = written(json!({"raw": "1000d1s"})).expect("a spec");
        assert_eq!(SourceSpec::try_from(&pb::Source::from(&odd)), Ok(odd), "or each apply would change it");
    }

    #[test]
    fn a_wrong_retention_names_its_key() {
        let unknown = written(json!({"snapshot": "48h"})).expect_err("no such key");
        assert_eq!(unknown.path, "retention.snapshot");
        assert!(unknown.reason.contains("did you mean `snapshots`"), "{}", unknown.reason);
        let short = written(json!({"raw": "1m", "snapshots": "59m"})).expect("a spec").check();
        let paths: Vec<String> = short.expect_err("too short").into_iter().map(|one| one.path).collect();
        assert_eq!(paths, ["retention.raw", "retention.snapshots"]);
        let mut wire = pb::Source::from(&SourceSpec::sample("a", "csv"));
        wire.retention = Some(pb::RetentionPolicy { raw_days: -1.0, snapshot_hours: 0.0 });
        assert_eq!(SourceSpec::try_from(&wire).expect_err("negative").path, "retention.raw_days");
    }
}
