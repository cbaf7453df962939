//! JSON pointers (RFC 6901) into exact text: what they point to is a part of the text, untouched.

use serde_json::value::RawValue;

use crate::json_object::Object;

/// Checks the form of a pointer.
///
/// # Errors
/// With the reason for a person.
pub(crate) fn check(pointer: &str) -> Result<(), String> {
    if pointer.is_empty() || pointer.starts_with('/') {
        return Ok(());
    }
    Err(format!("`{pointer}` is no JSON pointer: it begins with `/`, such as `/{pointer}`"))
}

/// The steps of a pointer.
pub(crate) fn steps(pointer: &str) -> Vec<String> {
    pointer.split('/').skip(1).map(unescape).collect()
}

/// What the pointer points to.
pub(crate) fn find<'a>(whole: &'a RawValue, pointer: &str) -> Option<&'a RawValue> {
    if pointer.is_empty() {
        return Some(whole);
    }
    pointer.strip_prefix('/')?.split('/').try_fold(whole, |value, step| child(value, &unescape(step)))
}

fn child<'a>(value: &'a RawValue, step: &str) -> Option<&'a RawValue> {
    match value.get().as_bytes().first()? {
        b'{' => {
            let Object(fields) = serde_json::from_str(value.get()).ok()?;
            fields.into_iter().find(|(key, _)| key == step).map(|(_, raw)| raw)
        }
        b'[' => {
            let items: Vec<&'a RawValue> = serde_json::from_str(value.get()).ok()?;
            let is_index =
                step == "0" || !step.starts_with('0') && step.bytes().all(|byte| byte.is_ascii_digit());
            is_index.then(|| items.get(step.parse::<usize>().ok()?).copied()).flatten()
        }
        _ => None,
    }
}

/// A step of a pointer as the key that it stands for.
pub(crate) fn unescape(step: &str) -> String {
    step.replace("~1", "/").replace("~0", "~")
}

/// A key as a step of a pointer.
pub(crate) fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str, pointer: &str) -> Option<String> {
        let whole: &RawValue = serde_json::from_str(text).expect("json");
        find(whole, pointer).map(|raw| raw.get().to_owned())
    }

    #[test]
    fn a_pointer_finds_the_exact_text() {
        let text = r#"{"a/b": {"c": [1, 2.50, {"d": 1e5}]}, "m~n": 0}"#;
        assert_eq!(at(text, "/a~1b/c/1").as_deref(), Some("2.50"));
        assert_eq!(at(text, "/a~1b/c/2/d").as_deref(), Some("1e5"));
        assert_eq!(at(text, "/m~0n").as_deref(), Some("0"));
        assert_eq!(at(text, "").as_deref(), Some(text));
        assert_eq!(at(text, "/a~1b/c/01"), None);
        assert_eq!(at(text, "/none"), None);
    }

    #[test]
    fn the_form_is_checked() {
        assert!(check("/data").is_ok() && check("").is_ok());
        assert!(check("data").unwrap_err().contains("`/data`"));
    }
}
