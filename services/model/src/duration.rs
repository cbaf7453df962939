//! Durations as people write them in `sources.yaml`: `500ms`, `2s`, `5m`, `1h30m`, `1d`.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

/// Reads a duration.
///
/// # Errors
/// With the reason for a person.
pub fn parse(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is no duration: write it like `500ms`, `30s`, `5m`, `1h30m` or `1d`");
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(wrong());
    }
    let mut total = 0f64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(wrong)?;
        let number: f64 = rest[..digits].parse().map_err(|_| wrong())?;
        rest = &rest[digits..];
        let letters = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        total += number
            * match &rest[..letters] {
                "ms" => 0.001,
                "s" => 1.0,
                "m" => 60.0,
                "h" => 3600.0,
                "d" => 86400.0,
                _ => return Err(wrong()),
            };
        rest = &rest[letters..];
    }
    if !total.is_finite() || total > 1e10 {
        return Err(wrong());
    }
    Ok(Duration::from_secs_f64(total))
}

/// `#[serde(with = "duration::text")]` for an optional duration.
pub mod text {
    use super::{Deserialize, Deserializer, Duration, Serializer};
    use serde::de::Error as _;

    /// Reads it.
    ///
    /// # Errors
    /// If the text is no duration.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
        let Some(text) = Option::<serde_json::Value>::deserialize(from)? else { return Ok(None) };
        match text {
            serde_json::Value::String(text) => super::parse(&text).map(Some).map_err(D::Error::custom),
            other => Err(D::Error::custom(format!("`{other}` is no duration: write it like `30s` or `5m`"))),
        }
    }

    /// Writes it in seconds.
    ///
    /// # Errors
    /// As the serializer has them.
    pub fn serialize<S: Serializer>(value: &Option<Duration>, to: S) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => to.serialize_str(&format!("{}s", value.as_secs_f64())),
            None => to.serialize_none(),
        }
    }
}

/// Reads a size such as `1MiB`, `500KB` or `4096` in bytes.
///
/// # Errors
/// With the reason for a person.
pub fn parse_bytes(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is no size: write it like `512KiB`, `1MiB` or `25MB`");
    let text_trimmed = text.trim();
    let digits = text_trimmed.find(|c: char| !c.is_ascii_digit()).unwrap_or(text_trimmed.len());
    let number: u64 = text_trimmed[..digits].parse().map_err(|_| wrong())?;
    let factor: u64 = match text_trimmed[digits..].trim() {
        "" | "B" => 1,
        "KB" | "kB" => 1000,
        "KiB" => 1 << 10,
        "MB" => 1_000_000,
        "MiB" => 1 << 20,
        "GB" => 1_000_000_000,
        "GiB" => 1 << 30,
        _ => return Err(wrong()),
    };
    number.checked_mul(factor).ok_or_else(wrong)
}

/// Deserializes a size given as text or number.
///
/// # Errors
/// If it is no size.
pub fn deserialize_bytes<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u64>, D::Error> {
    match Option::<serde_json::Value>::deserialize(from)? {
        None => Ok(None),
        Some(serde_json::Value::String(text)) => parse_bytes(&text).map(Some).map_err(D::Error::custom),
        Some(serde_json::Value::Number(number)) => {
            match number.as_u64().or_else(|| number.as_f64().map(|n| n as u64)) {
                Some(bytes) => Ok(Some(bytes)),
                None => Err(D::Error::custom(format!("`{number}` is no size"))),
            }
        }
        Some(other) => Err(D::Error::custom(format!("`{other}` is no size: write it like `1MiB`"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_sizes_read_as_people_write_them() {
        assert_eq!(parse("1h30m"), Ok(Duration::from_secs(5400)));
        assert_eq!(parse("500ms"), Ok(Duration::from_millis(500)));
        assert!(parse("5").is_err() && parse("five").is_err() && parse("").is_err());
        assert_eq!(parse_bytes("1MiB"), Ok(1 << 20));
        assert!(parse_bytes("1 parsec").is_err());
    }
}
