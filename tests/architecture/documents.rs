//! Documents that list what the code has, compared with it.

use std::{collections::BTreeSet, fs, path::Path};

pub(crate) fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Values of `pub const NAME: &str = "VALUE";`.
fn constants(source: &str) -> BTreeSet<String> {
    let value = |line: &str| {
        let (_, value) = line.trim().strip_prefix("pub const ")?.split_once(": &str = \"")?;
        value.strip_suffix("\";").map(str::to_owned)
    };
    source.lines().filter_map(value).collect()
}

/// Words in backticks and capitals in the first cell of table rows.
fn listed(document: &str) -> BTreeSet<String> {
    let rows = document.lines().filter(|line| line.starts_with("| `"));
    let cells = rows.filter_map(|row| row.split('|').nth(1));
    let words = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2));
    words.filter(|word| word.chars().all(|c| c.is_ascii_uppercase() || c == '_')).map(str::to_owned).collect()
}

#[test]
fn every_reason_of_an_error_is_explained_and_none_that_is_gone() {
    let reasons = constants(&read("services/model/src/fault.rs"));
    assert!(reasons.len() > 20, "{reasons:?}");
    assert_eq!(listed(&read("proto/README.md")), reasons);
}

#[test]
fn every_code_of_a_dead_letter_is_explained() {
    let codes = constants(&read("services/sources/src/error.rs"));
    assert!(codes.len() > 20, "{codes:?}");
    let explained = listed(&read("docs/guide/dead-letters.md"));
    // Letters can't have these: they tell of a replay that can't be done, of a backend that is down, or of a defect.
    let elsewhere =
        ["NOT_ONE_RECORD", "LETTER_CONTEXT", "MEMORY_UNAVAILABLE", "READER_BROKE"].map(str::to_owned);
    let missing: Vec<_> = codes.difference(&explained).filter(|code| !elsewhere.contains(code)).collect();
    assert!(missing.is_empty(), "{missing:?} is not in docs/guide/dead-letters.md");
}
