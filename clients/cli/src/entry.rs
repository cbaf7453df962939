//! One entry of `sources`, with all its mistakes and not only the first.

use rfe_client::Violation;
use rfe_model::SourceSpec;
use serde_json::{Value as Json, json};

// More mistakes than this in one entry tell nobody more.
const MOST: usize = 50;

/// Reads an entry; paths of mistakes are within it.
pub(crate) fn read(entry: &Json) -> Result<SourceSpec, Vec<Violation>> {
    if !entry.is_object() {
        return Err(vec![Violation::new("", "is no source; a source has `name`, `kind` and `config`")]);
    }
    let mut rest = entry.clone();
    let mut wrong = Vec::new();
    settle(&mut rest, "name", "placeholder", &mut wrong);
    settle(&mut rest, "kind", "csv", &mut wrong);
    let spec = decode(rest, &mut wrong);
    if let Some(spec) = &spec {
        let further = spec.check().err().unwrap_or_default();
        wrong.extend(
            further.into_iter().filter(|one| !is_known(&wrong_paths(&wrong), &one.path)).collect::<Vec<_>>(),
        );
    }
    match spec {
        Some(spec) if wrong.is_empty() => Ok(spec),
        _ => Err(wrong),
    }
}

// The two keys that must be there: once named as wrong, a stand-in lets the others be checked.
fn settle(entry: &mut Json, key: &str, stand_in: &str, wrong: &mut Vec<Violation>) {
    match entry.get(key) {
        Some(Json::String(_)) => return,
        Some(other) => wrong.push(Violation::new(key, format!("`{other}` is no text; write it in quotes"))),
        None => wrong.push(Violation::new("", format!("the key `{key}` is missing"))),
    }
    entry[key] = json!(stand_in);
}

// Decoding ends at the first mistake; without the key at fault it goes on to the next.
fn decode(mut entry: Json, wrong: &mut Vec<Violation>) -> Option<SourceSpec> {
    for _ in 0..MOST {
        match SourceSpec::from_written(&entry) {
            Ok(spec) => return Some(spec),
            Err(violation) => {
                let removed = remove(&mut entry, &violation.path);
                wrong.push(violation);
                if !removed {
                    return None;
                }
            }
        }
    }
    None
}

fn remove(value: &mut Json, path: &str) -> bool {
    let head_end = path.find(['.', '[']).unwrap_or(path.len());
    let (head, rest) = path.split_at(head_end);
    let child = if let Some(index) = head.strip_suffix(']') {
        let Some(list) = value.as_array_mut() else { return false };
        let Some(index) = index.parse::<usize>().ok().filter(|index| *index < list.len()) else {
            return false;
        };
        if rest.is_empty() {
            list.remove(index);
            return true;
        }
        &mut list[index]
    } else {
        let Some(map) = value.as_object_mut() else { return false };
        if rest.is_empty() {
            return map.remove(head).is_some();
        }
        let Some(child) = map.get_mut(head) else { return false };
        child
    };
    remove(child, &rest[1..])
}

fn wrong_paths(wrong: &[Violation]) -> Vec<String> {
    wrong.iter().map(|one| one.path.clone()).collect()
}

// What follows from a mistake that is named already is no second one.
fn is_known(known: &[String], path: &str) -> bool {
    known.iter().any(|one| !one.is_empty() && (path.starts_with(one.as_str()) || one.starts_with(path)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mistake_of_an_entry_is_named() {
        let wrong = read(&json!({
            "kind": 5,
            "retry": {"atempts": 3, "base": "soon"},
            "columns": {"a": "NUMBERISH", "b": "BIGINT"},
            "schedule": {"every": 5},
            "merge": {"key": [1]},
            "on_bad_row": {"quarantine": {"max_share": 7}},
            "modus": "append",
        }))
        .expect_err("it is wrong");
        let mut paths = wrong_paths(&wrong);
        paths.sort();
        assert_eq!(
            paths,
            [
                "",
                "columns.a",
                "kind",
                "merge.key[0]",
                "modus",
                "on_bad_row.quarantine.max_share",
                "retry.atempts",
                "retry.base",
                "schedule.every",
            ],
            "{wrong:?}"
        );
    }

    #[test]
    fn a_right_entry_is_read() {
        let spec =
            read(&json!({"name": "a", "kind": "csv", "schedule": {"every": "5m"}})).expect("it is right");
        assert_eq!(spec.name, "a");
    }

    #[test]
    fn an_entry_that_is_none_is_named() {
        assert_eq!(read(&json!("csv")).expect_err("a text").len(), 1);
    }
}
