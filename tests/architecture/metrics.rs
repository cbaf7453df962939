//! Dashboard and alert rules, compared with the guide, which a journey compares with what is exported.

use std::collections::BTreeSet;

use crate::documents::read;

const ENDINGS: [&str; 3] = ["_bucket", "_sum", "_count"];

/// Names of the guide's table; of a histogram, its series too.
fn guide() -> BTreeSet<String> {
    let document = read("docs/guide/telemetry.md");
    let rows = document.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    let rows =
        rows.filter(|(_, rest)| ["counter", "gauge", "histogram"].iter().any(|kind| rest.contains(kind)));
    let names = |(name, rest): (&str, &str)| match rest.contains("histogram") {
        true => ENDINGS.map(|ending| format!("{name}{ending}")).to_vec(),
        false => vec![name.to_owned()],
    };
    rows.flat_map(names).collect()
}

/// Words that are names of our metrics.
fn used(path: &str) -> BTreeSet<String> {
    let text = read(path);
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with("rfe_") || word.starts_with("process_")).map(str::to_owned).collect()
}

#[test]
fn dashboard_and_alerts_use_metrics_of_the_guide() {
    let guide = guide();
    assert!(guide.len() > 50, "{guide:?}");
    for path in ["docs/grafana/rfe.json", "docs/alerts/rfe.yml"] {
        let used = used(path);
        assert!(used.len() > 10, "{path}: {used:?}");
        let unknown: Vec<_> = used.difference(&guide).collect();
        assert!(unknown.is_empty(), "{path} uses {unknown:?}, which the guide does not know");
    }
}
