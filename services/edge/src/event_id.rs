//! Which id an event has.

use http::HeaderMap;
use rfe_model::{Fault, id};

use crate::{pointer, rules::IdRule};

const STANDARD: [&str; 3] = ["webhook-id", "idempotency-key", "ce-id"];
const MAX_BYTES: usize = 256;

/// The id by the source's rule, else by a standard header, else a new one.
pub(crate) fn choose(rule: Option<&IdRule>, headers: &HeaderMap, body: &str) -> Result<String, Fault> {
    let ruled = match rule {
        Some(IdRule::Header(name)) => header(headers, name)?,
        Some(IdRule::Pointer(at)) => pointer::find(body, at).and_then(scalar),
        None => None,
    };
    if let Some(id) = ruled {
        return check(id);
    }
    for name in STANDARD {
        if let Some(id) = header(headers, name)? {
            return check(id);
        }
    }
    Ok(id::new())
}

fn header(headers: &HeaderMap, name: &str) -> Result<Option<String>, Fault> {
    let Some(value) = headers.get(name) else { return Ok(None) };
    let text = value
        .to_str()
        .map_err(|_| Fault::invalid("event_id", format!("the header `{name}` is not plain ASCII")))?
        .trim();
    Ok((!text.is_empty()).then(|| text.to_owned()))
}

// A string or a number; a number as it is written, because 12345678901234567890 and its neighbour are two events.
fn scalar(json: &str) -> Option<String> {
    let text = match json.as_bytes().first()? {
        b'"' => serde_json::from_str::<String>(json).ok()?,
        b'-' | b'0'..=b'9' => json.to_owned(),
        _ => return None,
    };
    (!text.is_empty()).then_some(text)
}

fn check(id: String) -> Result<String, Fault> {
    if id.len() > MAX_BYTES {
        return Err(Fault::invalid(
            "event_id",
            format!("has {} bytes; at most {MAX_BYTES} are taken", id.len()),
        ));
    }
    if id.chars().any(char::is_control) {
        return Err(Fault::invalid("event_id", "holds a control character"));
    }
    Ok(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| ((*name).parse().expect("name"), http::HeaderValue::from_static(value)))
            .collect()
    }

    fn pointer(at: &str) -> IdRule {
        IdRule::Pointer(at.to_owned())
    }

    #[test]
    fn the_rule_of_the_source_comes_before_the_standard_headers() {
        let sent = headers(&[("webhook-id", "w"), ("idempotency-key", "i"), ("x-request-id", "r")]);
        let rule = IdRule::Header("X-Request-Id".to_owned());
        assert_eq!(choose(Some(&rule), &sent, "{}"), Ok("r".to_owned()));
        assert_eq!(choose(Some(&pointer("/id")), &sent, r#"{"id":"p"}"#), Ok("p".to_owned()));
        assert_eq!(choose(None, &sent, "{}"), Ok("w".to_owned()));
        assert_eq!(choose(None, &headers(&[("ce-id", "c")]), "{}"), Ok("c".to_owned()));
    }

    #[test]
    fn a_rule_that_finds_nothing_falls_back() {
        let sent = headers(&[("idempotency-key", "i")]);
        for body in ["{}", r#"{"id":null}"#, r#"{"id":""}"#, r#"{"id":{}}"#, "5"] {
            assert_eq!(choose(Some(&pointer("/id")), &sent, body), Ok("i".to_owned()), "{body}");
        }
        let made = choose(None, &headers(&[("webhook-id", " ")]), "{}").expect("a new id");
        assert_eq!(made.len(), 36);
    }

    #[test]
    fn numbers_keep_all_their_digits() {
        let body = r#"{"id":12345678901234567890123}"#;
        assert_eq!(
            choose(Some(&pointer("/id")), &HeaderMap::new(), body),
            Ok("12345678901234567890123".to_owned())
        );
    }

    #[test]
    fn ids_that_no_store_takes_are_refused() {
        for body in [format!(r#"{{"id":"{}"}}"#, "a".repeat(257)), r#"{"id":"a\u0000b"}"#.to_owned()] {
            let fault = choose(Some(&pointer("/id")), &HeaderMap::new(), &body).expect_err("refused");
            assert_eq!(fault.violations[0].path, "event_id");
        }
    }
}
