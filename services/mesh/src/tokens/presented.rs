//! The token in the headers of a call.

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use http::{HeaderMap, header};
use rfe_model::{Fault, fault::reason};

use super::refused;

/// The token that the headers carry. Drivers that know a user name and a password only send it as the password.
///
/// # Errors
/// UNAUTHENTICATED if the header carries something else.
pub fn presented(headers: &HeaderMap) -> Result<Option<String>, Fault> {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return Ok(None) };
    let wrong = || {
        refused(
            reason::TOKEN_INVALID,
            "the `authorization` header is neither `Bearer <token>` nor `Basic` with the token as password",
        )
    };
    let (scheme, rest) = value.to_str().ok().and_then(|text| text.split_once(' ')).ok_or_else(wrong)?;
    let rest = rest.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return Ok(Some(rest.to_owned()));
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(wrong());
    }
    let decoded = STANDARD_NO_PAD
        .decode(rest.trim_end_matches('='))
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(wrong)?;
    let (_user, password) = decoded.split_once(':').ok_or_else(wrong)?;
    Ok(Some(password.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &str) -> Result<Option<String>, Fault> {
        let headers = [(header::AUTHORIZATION, value.parse().expect("a header"))];
        presented(&headers.into_iter().collect())
    }

    #[test]
    fn bearer_and_basic_carry_a_token() {
        assert_eq!(presented(&HeaderMap::new()).expect("none"), None);
        for value in ["Bearer abc", "bearer  abc", "BEARER abc "] {
            assert_eq!(read(value).expect(value).as_deref(), Some("abc"));
        }
        let basic = |text: &str| format!("Basic {}", STANDARD_NO_PAD.encode(text));
        assert_eq!(read(&basic("me:abc")).expect("basic").as_deref(), Some("abc"));
        assert_eq!(read(&basic(":a:b")).expect("basic").as_deref(), Some("a:b"));
    }

    #[test]
    fn another_scheme_is_refused_and_not_repeated() {
        for value in ["hunter2", "Digest hunter2", "Basic hunter2!", "Basic aHVudGVyMg=="] {
            let fault = read(value).expect_err(value);
            assert_eq!(fault.reason, reason::TOKEN_INVALID);
            assert!(!fault.message.contains("hunter2"), "{fault}");
        }
    }
}
