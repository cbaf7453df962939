//! Which headers stay with an event.

use std::collections::HashMap;

use http::HeaderMap;

const EXACT: [&str; 2] = ["content-type", "user-agent"];
const FAMILIES: [&str; 3] = ["webhook-", "ce-", "x-"];
// A header whose name holds one of these may be a credential or prove one.
const SECRET: [&str; 10] =
    ["auth", "cookie", "signature", "hmac", "token", "secret", "password", "credential", "session", "key"];
const MAX_BYTES: usize = 8 << 10;

/// The headers worth keeping, without credentials and without `verified`, the header of the source's signature.
pub(crate) fn choose(headers: &HeaderMap, verified: Option<&str>) -> HashMap<String, String> {
    let mut kept: HashMap<String, String> = HashMap::new();
    let mut bytes = 0;
    for (name, value) in headers {
        let name = name.as_str();
        if !is_worth(name) || verified.is_some_and(|header| header.eq_ignore_ascii_case(name)) {
            continue;
        }
        let Ok(text) = value.to_str() else { continue };
        bytes += name.len() + text.len();
        if bytes > MAX_BYTES {
            break;
        }
        kept.entry(name.to_owned())
            .and_modify(|before| {
                before.push_str(", ");
                before.push_str(text);
            })
            .or_insert_with(|| text.to_owned());
    }
    kept
}

fn is_worth(name: &str) -> bool {
    let wanted = EXACT.contains(&name) || FAMILIES.iter().any(|family| name.starts_with(family));
    wanted && !SECRET.iter().any(|secret| name.contains(secret))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_and_signatures_are_never_kept() {
        let names = [
            "content-type",
            "user-agent",
            "webhook-id",
            "webhook-timestamp",
            "ce-type",
            "x-github-event",
            "x-forwarded-for",
            "authorization",
            "cookie",
            "proxy-authorization",
            "webhook-signature",
            "x-hub-signature-256",
            "x-api-key",
            "x-gitlab-token",
            "x-auth-user",
            "x-amz-security-token",
            "x-proof",
            "accept",
            "host",
        ];
        let headers: HeaderMap = names
            .iter()
            .map(|name| (name.parse().expect("name"), http::HeaderValue::from_static("v")))
            .collect();
        let mut kept: Vec<_> = choose(&headers, Some("X-Proof")).into_keys().collect();
        kept.sort();
        assert_eq!(
            kept,
            [
                "ce-type",
                "content-type",
                "user-agent",
                "webhook-id",
                "webhook-timestamp",
                "x-forwarded-for",
                "x-github-event"
            ]
        );
    }

    #[test]
    fn a_header_sent_twice_is_kept_once_with_both_values() {
        let mut headers = HeaderMap::new();
        headers.append("x-topic", http::HeaderValue::from_static("a"));
        headers.append("x-topic", http::HeaderValue::from_static("b"));
        assert_eq!(choose(&headers, None).get("x-topic").map(String::as_str), Some("a, b"));
    }
}
