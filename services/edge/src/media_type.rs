//! Which bodies are taken.

use http::{HeaderMap, HeaderName, header};
use rfe_model::{ErrorCode, Fault, fault::reason};

/// The media type as sent, empty if none was, if a body of it may be JSON.
/// `text/plain` is not: browsers send it to any site unasked.
pub(crate) fn check(headers: &HeaderMap) -> Result<&str, Fault> {
    refuse_encoded(headers)?;
    let given = text(headers, &header::CONTENT_TYPE)?;
    let essence = given.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match essence.as_str() {
        "" | "application/json" | "text/json" => Ok(given),
        other if other.ends_with("+json") && other.contains('/') => Ok(given),
        other => {
            Err(unsupported(format!("a body of `{other}` is not taken; send JSON as `application/json`")))
        }
    }
}

fn refuse_encoded(headers: &HeaderMap) -> Result<(), Fault> {
    match text(headers, &header::CONTENT_ENCODING)? {
        "" | "identity" => Ok(()),
        other => Err(unsupported(format!("content-encoding `{other}` is not taken; send the body as it is"))),
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<&'a str, Fault> {
    let Some(value) = headers.get(name) else { return Ok("") };
    value.to_str().map_err(|_| unsupported(format!("the header `{name}` is no readable text")))
}

fn unsupported(message: String) -> Fault {
    Fault::new(ErrorCode::InvalidArgument, reason::MEDIA_TYPE_NOT_SUPPORTED, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(HeaderName, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), http::HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn media_types_of_json_are_taken_and_others_are_not() {
        for good in [
            "application/json",
            "Application/JSON; charset=utf-8",
            "application/cloudevents+json",
            "text/json",
        ] {
            assert_eq!(check(&headers(&[(header::CONTENT_TYPE, good)])), Ok(good));
        }
        assert_eq!(check(&HeaderMap::new()), Ok(""));
        for bad in [
            "application/x-www-form-urlencoded",
            "application/xml",
            "text/plain;charset=UTF-8",
            "+json",
            "json",
        ] {
            let fault = check(&headers(&[(header::CONTENT_TYPE, bad)])).expect_err("refused");
            assert_eq!(fault.reason, reason::MEDIA_TYPE_NOT_SUPPORTED, "{bad}");
        }
        assert!(check(&headers(&[(header::CONTENT_ENCODING, "gzip")])).is_err());
    }
}
