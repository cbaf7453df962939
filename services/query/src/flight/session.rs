//! Sessions: there are none. Nothing of a client is kept between its calls, so an option can only be set to what holds anyway; to
//! take another one in silence would answer later queries from another place than the client believes.

use std::collections::HashMap;

use bytes::Bytes;
use prost::Message;

use crate::{error::QueryError, rewrite::CATALOG};

// The schema that names without one are of.
const SCHEMA: &str = "main";

// `SetSessionOptionsResult.ErrorValue`; `arrow-flight` has no types for sessions.
const INVALID_NAME: i32 = 1;
const INVALID_VALUE: i32 = 2;

#[derive(Clone, PartialEq, Message)]
struct SetSessionOptionsRequest {
    #[prost(map = "string, message", tag = "1")]
    session_options: HashMap<String, SessionOptionValue>,
}

// Of its kinds of values only text matters here; any other is none.
#[derive(Clone, PartialEq, Message)]
struct SessionOptionValue {
    #[prost(string, optional, tag = "1")]
    text: Option<String>,
}

#[derive(Clone, PartialEq, Message)]
struct SetSessionOptionsResult {
    #[prost(map = "string, message", tag = "1")]
    errors: HashMap<String, Refused>,
}

#[derive(Clone, PartialEq, Message)]
struct Refused {
    #[prost(int32, tag = "1")]
    value: i32,
}

/// Answers SetSessionOptions: an error for each option that would change something.
pub fn set(body: Bytes) -> Result<Vec<u8>, QueryError> {
    let request = SetSessionOptionsRequest::decode(body)
        .map_err(|error| QueryError::Field("body", format!("is no SetSessionOptionsRequest: {error}")))?;
    let refused = |(name, value): (String, SessionOptionValue)| {
        let value = why_not(&name, value.text.as_deref())?;
        Some((name, Refused { value }))
    };
    let errors = request.session_options.into_iter().filter_map(refused).collect();
    Ok(SetSessionOptionsResult { errors }.encode_to_vec())
}

fn why_not(name: &str, value: Option<&str>) -> Option<i32> {
    let holds = match name {
        "catalog" => CATALOG,
        "schema" => SCHEMA,
        _ => return Some(INVALID_NAME),
    };
    let same = value.is_none_or(|value| value.is_empty() || value.eq_ignore_ascii_case(holds));
    (!same).then_some(INVALID_VALUE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(name: &str, value: &str) -> Vec<(String, i32)> {
        let value = SessionOptionValue { text: Some(value.to_owned()) };
        let request = SetSessionOptionsRequest { session_options: [(name.to_owned(), value)].into() };
        let answer = set(request.encode_to_vec().into()).expect("an answer");
        let result = SetSessionOptionsResult::decode(answer.as_slice()).expect("a result");
        result.errors.into_iter().map(|(name, refused)| (name, refused.value)).collect()
    }

    #[test]
    fn what_holds_anyway_may_be_set() {
        for (name, value) in [("catalog", "rfe"), ("catalog", ""), ("schema", "MAIN")] {
            assert!(errors(name, value).is_empty(), "{name} = {value}");
        }
    }

    #[test]
    fn what_would_change_something_is_refused_by_name() {
        assert_eq!(errors("catalog", "sales"), [("catalog".to_owned(), INVALID_VALUE)]);
        assert_eq!(errors("schema", "raw"), [("schema".to_owned(), INVALID_VALUE)]);
        assert_eq!(errors("threads", "64"), [("threads".to_owned(), INVALID_NAME)]);
    }

    #[test]
    fn nothing_asked_is_nothing_refused_and_noise_is_an_error() {
        assert!(set(Bytes::new()).expect("an answer").is_empty());
        assert!(set(Bytes::from_static(b"\x0a\xff")).is_err());
    }
}
