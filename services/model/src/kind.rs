//! What a kind of source tells about itself, so that roles can check specs without knowing how the kind reads.

use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use crate::{SourceSpec, Violation, name};

/// The kinds that this build can read.
pub trait Kinds: Send + Sync + std::fmt::Debug {
    /// Their names, as in `kind: csv`.
    fn names(&self) -> Vec<&'static str>;
    /// Checks what the kind says of a spec: `config`, and modes it can't do. Nothing is opened.
    ///
    /// # Errors
    /// Fields at fault, such as `config.url`.
    fn check(&self, spec: &SourceSpec) -> Result<(), Vec<Violation>>;
}

/// Checks a spec whole: its own rules, then its kind's.
///
/// # Errors
/// Every field at fault.
pub fn check(spec: &SourceSpec, kinds: &dyn Kinds) -> Result<(), Vec<Violation>> {
    let names = kinds.names();
    let mut wrong = spec.check().err().unwrap_or_default();
    if names.contains(&spec.kind.as_str()) {
        wrong.extend(kinds.check(spec).err().unwrap_or_default());
    } else {
        wrong.push(Violation::new("kind", unknown_kind(&spec.kind, &names)));
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong) }
}

fn unknown_kind(kind: &str, names: &[&'static str]) -> String {
    match name::nearest(kind, names.iter().copied()) {
        Some(nearest) => format!("`{kind}` is no kind of source; did you mean `{nearest}`?"),
        None => format!("`{kind}` is no kind of source; the kinds are {}", names.join(", ")),
    }
}

/// Decodes JSON into a type; the error names the path and, for an unknown key, the nearest known one.
///
/// # Errors
/// The field at fault, relative to `value`.
pub fn decode<T: DeserializeOwned>(value: &Json) -> Result<T, Violation> {
    serde_path_to_error::deserialize(value.clone()).map_err(|error| {
        let path = error.path().to_string();
        let path = if path == "." { String::new() } else { path };
        let text = error.into_inner().to_string();
        unknown_key(&path, &text).unwrap_or_else(|| missing_key(&path, &text))
    })
}

// serde says: unknown field `urll`, expected one of `url`, `records`
fn unknown_key(path: &str, text: &str) -> Option<Violation> {
    let rest = text.strip_prefix("unknown field `")?;
    let (key, rest) = rest.split_once('`')?;
    let known: Vec<&str> = rest.split('`').skip(1).step_by(2).collect();
    let at = if path.ends_with(key) {
        path.to_owned()
    } else if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    };
    let reason = match name::nearest(key, known.iter().copied()) {
        Some(nearest) => format!("unknown key `{key}`; did you mean `{nearest}`?"),
        None => format!("unknown key `{key}`; the keys are {}", known.join(", ")),
    };
    Some(Violation::new(at, reason))
}

fn missing_key(path: &str, text: &str) -> Violation {
    match text.strip_prefix("missing field `").and_then(|rest| rest.split_once('`')) {
        Some((key, _)) => Violation::new(path, format!("the key `{key}` is missing")),
        None => Violation::new(path, text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_unknown_key_names_its_path_and_the_nearest_one() {
        let wrong = SourceSpec::from_written(&json!({"name": "a", "kind": "csv", "retry": {"atempts": 3}}))
            .unwrap_err();
        assert_eq!(wrong.path, "retry.atempts");
        assert!(wrong.reason.contains("did you mean `attempts`"), "{}", wrong.reason);
    }

    #[test]
    fn a_missing_key_is_named() {
        let wrong = SourceSpec::from_written(&json!({"name": "a"})).unwrap_err();
        assert_eq!(wrong.reason, "the key `kind` is missing");
    }

    #[test]
    fn forms_of_on_bad_row_read_as_the_contract_writes_them() {
        let read = |value| {
            SourceSpec::from_written(&json!({"name": "a", "kind": "csv", "on_bad_row": value}))
                .map(|spec| spec.on_bad_row)
        };
        assert_eq!(read(json!("fail")), Ok(crate::source::BadRowPolicy::Fail));
        assert_eq!(
            read(json!({"quarantine": {"max_rows": 5}})),
            Ok(crate::source::BadRowPolicy::Quarantine { max_rows: 5, max_share: 0.1 })
        );
    }
}
