//! What `merge` may say.

use super::MergeSpec;
use crate::{Violation, name};

/// Checks the columns by which rows are merged, in mode `merge`.
pub(super) fn check(merge: Option<&MergeSpec>, wrong: &mut Vec<Violation>) {
    let Some(merge) = merge.filter(|merge| !merge.key.is_empty()) else {
        wrong.push(Violation::new(
            "merge.key",
            "mode merge needs the columns that identify a row, such as `merge: {key: [id]}`",
        ));
        return;
    };
    let keys = merge.key.iter().enumerate().map(|(at, name)| (format!("merge.key[{at}]"), name));
    let others = [("merge.order_by", &merge.order_by), ("merge.deleted", &merge.deleted)];
    let others = others.into_iter().filter_map(|(path, name)| Some((path.to_owned(), name.as_ref()?)));
    for (path, name) in keys.chain(others) {
        if let Err(reason) = check_column(name) {
            wrong.push(Violation::new(path, reason));
        }
    }
    let is_key = |name: &str, of: &[String]| of.iter().any(|key| key.eq_ignore_ascii_case(name));
    for (at, name) in merge.key.iter().enumerate() {
        if is_key(name, &merge.key[..at]) {
            wrong.push(Violation::new(format!("merge.key[{at}]"), format!("`{name}` is named twice")));
        }
    }
    if let Some(name) = merge.deleted.as_deref().filter(|name| is_key(name, &merge.key)) {
        let reason = format!("`{name}` is of the key; a row is deleted by another column");
        wrong.push(Violation::new("merge.deleted", reason));
    }
}

fn check_column(name: &str) -> Result<(), String> {
    if name.trim().is_empty() {
        return Err("names no column".to_owned());
    }
    if name::is_lineage(name) {
        return Err(format!("`{name}` is lineage; the source's column of that name is called `src_{name}`"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::SourceSpec;

    fn wrong(mode: &str, merge: Value) -> Vec<String> {
        let written = json!({"name": "a", "kind": "csv", "mode": mode, "merge": merge});
        let checked = SourceSpec::from_written(&written).expect("a spec").check();
        checked.err().unwrap_or_default().into_iter().map(|violation| violation.path).collect()
    }

    #[test]
    fn a_merge_names_each_column_once_and_none_of_lineage() {
        let good = json!({"key": ["id", "region"], "order_by": "updated_at", "deleted": "is_deleted"});
        assert_eq!(wrong("merge", good), [] as [&str; 0]);
        assert_eq!(wrong("merge", json!({"key": ["id"]})), [] as [&str; 0]);
        assert_eq!(wrong("merge", json!({"key": []})), ["merge.key"]);
        assert_eq!(wrong("merge", json!({"key": ["id", "", "ID"]})), ["merge.key[1]", "merge.key[2]"]);
        let lineage = json!({"key": ["_run_id"], "order_by": "_ingested_at", "deleted": "_Source"});
        assert_eq!(wrong("merge", lineage), ["merge.key[0]", "merge.order_by", "merge.deleted"]);
        assert_eq!(wrong("merge", json!({"key": ["id"], "deleted": "Id"})), ["merge.deleted"]);
    }

    #[test]
    fn a_merge_means_nothing_in_another_mode() {
        for mode in ["replace", "append", "incremental"] {
            assert_eq!(wrong(mode, json!({"key": ["id"]})), ["merge"], "{mode}");
        }
    }
}
