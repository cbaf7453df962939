//! Names of sources and columns.

/// Lineage columns of every dataset of `main`.
pub const LINEAGE: [&str; 4] = ["_source", "_run_id", "_ingested_at", "_schema_version"];
/// Lineage columns that datasets of events have besides.
pub const EVENT_LINEAGE: [&str; 2] = ["_event_id", "_received_at"];
/// Parquet field ids of the lineage columns, event ones included; ids of a dataset's own columns begin at 1.
pub const LINEAGE_IDS: [(&str, u32); 6] = [
    ("_source", 1_000_001),
    ("_run_id", 1_000_002),
    ("_ingested_at", 1_000_003),
    ("_schema_version", 1_000_004),
    ("_event_id", 1_000_005),
    ("_received_at", 1_000_006),
];
/// Names that mean something else in a URL.
pub const RESERVED: [&str; 1] = ["replay"];

/// Checks a source's name: `^[a-z][a-z0-9_]{0,62}$`, and not reserved.
///
/// # Errors
/// With the reason for a person.
pub fn check_source(name: &str) -> Result<(), String> {
    let mut chars = name.chars();
    let starts = chars.next().is_some_and(|c| c.is_ascii_lowercase());
    let rest = chars.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if !starts || !rest || name.len() > 63 {
        return Err(format!(
            "`{name}` is no name for a source: a lower-case letter, then up to 62 lower-case letters, digits or underscores"
        ));
    }
    if RESERVED.contains(&name) {
        return Err(format!("the name `{name}` is reserved; choose another"));
    }
    Ok(())
}

/// Settles the column names of what was read: a blank one becomes `column_<n>`, one that means lineage gets `src_` before it,
/// and names equal but for case get `_2`, `_3` behind.
pub fn settle_columns<S: AsRef<str>>(names: &[S]) -> Vec<String> {
    let mut taken = std::collections::HashSet::new();
    // Where to go on counting, so that thousands of equal names take no time.
    let mut numbers: std::collections::HashMap<String, u32> = std::collections::HashMap::new();
    let mut settled = Vec::with_capacity(names.len());
    for (at, name) in names.iter().enumerate() {
        let name = name.as_ref().trim();
        let base = if name.is_empty() {
            format!("column_{}", at + 1)
        } else if is_lineage(name) {
            format!("src_{name}")
        } else {
            name.to_owned()
        };
        let mut candidate = base.clone();
        if !taken.insert(base.to_lowercase()) {
            let number = numbers.entry(base.to_lowercase()).or_insert(2);
            loop {
                candidate = format!("{base}_{number}");
                *number += 1;
                if taken.insert(candidate.to_lowercase()) {
                    break;
                }
            }
        }
        settled.push(candidate);
    }
    settled
}

/// True if a column of this name would stand in the way of lineage.
pub fn is_lineage(name: &str) -> bool {
    LINEAGE.iter().chain(&EVENT_LINEAGE).any(|lineage| lineage.eq_ignore_ascii_case(name))
}

/// The candidate most like `name`, if one is like it at all.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(&name.to_lowercase(), &candidate.to_lowercase()), candidate))
        .filter(|(likeness, _)| *likeness > 0.7)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn source_names_follow_the_contract() {
        for good in ["a", "finance_csv", "x9", &"a".repeat(63)] {
            assert_eq!(check_source(good), Ok(()), "{good}");
        }
        for bad in ["", "A", "9a", "_a", "a-b", "a.b", "é", "replay", &"a".repeat(64)] {
            assert!(check_source(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn columns_that_differ_in_case_only_get_numbers() {
        assert_eq!(
            settle_columns(&["id", "ID", "", "_run_id", "id_2", "Id"]),
            ["id", "ID_2", "column_3", "src__run_id", "id_2_2", "Id_3"]
        );
    }

    #[test]
    fn the_nearest_key_is_named() {
        assert_eq!(nearest("delimeter", ["location", "delimiter"]), Some("delimiter"));
        assert_eq!(nearest("xyz", ["location", "delimiter"]), None);
    }
}
