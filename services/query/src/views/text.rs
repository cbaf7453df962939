//! The text of a view file.

use jiff::Timestamp;

use crate::engine::identifier;

/// The key of a dataset's view file.
pub fn key(dataset: &str) -> String {
    format!("{FOLDER}{dataset}.sql")
}

/// The dataset of a view file's key.
pub fn dataset_of(key: &str) -> Option<&str> {
    key.strip_prefix(FOLDER)?.strip_suffix(".sql")
}

/// Where view files lie in the bucket of processed files.
pub const FOLDER: &str = "_views/";

/// The first line. Only it names snapshot and time, so that equal views have equal bodies.
pub fn header(dataset: &str, snapshot: u64, at: Timestamp) -> String {
    format!("-- dataset {dataset}, snapshot {snapshot}, published {at:.0} by rfe\n")
}

/// What follows the first line: one statement.
pub fn body(dataset: &str, query: &str) -> String {
    format!("CREATE OR REPLACE VIEW {} AS\n{query};\n", identifier(dataset))
}

/// The snapshot and the body of a published text; `None` if it is none of ours.
pub fn read(text: &str) -> Option<(u64, &str)> {
    let (header, body) = text.split_once('\n')?;
    let (_, rest) = header.strip_prefix("-- dataset ")?.split_once(", snapshot ")?;
    let (snapshot, _) = rest.split_once(", published ")?;
    Some((snapshot.parse().ok()?, body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_tells_its_snapshot_and_its_body() {
        let at = "2026-11-25T21:30:00.75Z".parse().expect("a time");
        let (header, body) = (header("a_b", 12, at), body("a_b", "SELECT 1 AS \"x\""));
        assert_eq!(header, "-- dataset a_b, snapshot 12, published 2026-11-25T21:30:00Z by rfe\n");
        assert_eq!(body, "CREATE OR REPLACE VIEW \"a_b\" AS\nSELECT 1 AS \"x\";\n");
        assert_eq!(read(&format!("{header}{body}")), Some((12, body.as_str())));
        assert_eq!(read("SELECT 1;\n"), None);
        assert_eq!(dataset_of(&key("a_b")), Some("a_b"));
    }
}
