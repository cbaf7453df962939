//! JSON pointers (RFC 6901) into the text of a value, so that a number is found with all its digits.

use std::collections::HashMap;

use serde_json::value::RawValue;

/// The text of the value at a pointer.
pub(crate) fn find<'a>(json: &'a str, pointer: &str) -> Option<&'a str> {
    let mut at = json.trim();
    if pointer.is_empty() {
        return Some(at);
    }
    for token in pointer.strip_prefix('/')?.split('/') {
        at = step(at, &token.replace("~1", "/").replace("~0", "~"))?;
    }
    Some(at)
}

fn step<'a>(json: &'a str, token: &str) -> Option<&'a str> {
    match json.as_bytes().first()? {
        b'{' => {
            let members: HashMap<String, &'a RawValue> = serde_json::from_str(json).ok()?;
            members.get(token).map(|value| value.get())
        }
        b'[' => {
            let items: Vec<&'a RawValue> = serde_json::from_str(json).ok()?;
            items.get(index(token)?).map(|value| value.get())
        }
        _ => None,
    }
}

// Neither a sign nor a leading zero, says the RFC.
fn index(token: &str) -> Option<usize> {
    let plain = token.bytes().all(|byte| byte.is_ascii_digit()) && (token == "0" || !token.starts_with('0'));
    plain.then(|| token.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_finds_the_text_of_a_value() {
        let json = r#" {"a":{"b/c":[10, 123456789012345678901234567890]},"~":"x","":1} "#;
        for (pointer, found) in [
            ("/a/b~1c/0", Some("10")),
            ("/a/b~1c/1", Some("123456789012345678901234567890")),
            ("/~0", Some("\"x\"")),
            ("/", Some("1")),
            ("/a/b~1c/01", None),
            ("/a/b~1c/-", None),
            ("/nothing", None),
            ("/~0/deeper", None),
            ("a", None),
        ] {
            assert_eq!(find(json, pointer), found, "{pointer}");
        }
        assert_eq!(find(" 5 ", ""), Some("5"));
    }
}
