//! Reading only what is new: the config, and the parameters that ask for it.

use jiff::SignedDuration;
use rfe_model::{SourceSpec, duration, letter::Stage, source::Mode};
use serde::Deserialize;
use serde_json::{Value as Json, value::RawValue};

use super::{
    config::query_text,
    state::Cursor,
    value::{Number, Value, earlier},
};
use crate::{
    ReadError,
    config::Wrong,
    error::code,
    flaw::{Flaw, shortened},
    json_pointer,
};

/// The keys below `config.incremental`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct IncrementalConfig {
    field: String,
    param: String,
    lag: Option<Json>,
    start: Option<Json>,
    end: Option<Json>,
    end_param: Option<String>,
}

impl IncrementalConfig {
    /// Checks what decoding does not.
    pub(super) fn check(&self, wrong: &mut Wrong) {
        if self.field.is_empty() || self.param.is_empty() {
            wrong.add(
                "config.incremental",
                "`field` and `param` name the cursor's field and parameter; neither is empty",
            );
        }
        if self.field.starts_with('/') {
            wrong.check("config.incremental.field", json_pointer::check(&self.field));
        }
        wrong.check("config.incremental.lag", self.lag().map(|_| ()));
        for (name, value) in [("start", &self.start), ("end", &self.end)] {
            if let Some(value) = value {
                wrong.check(&format!("config.incremental.{name}"), query_text(value).map(|_| ()));
            }
        }
        if self.end.is_some() != self.end_param.is_some() {
            wrong.add(
                "config.incremental",
                "`end` is a bound and `end_param` the parameter that sends it; both or neither",
            );
        }
    }

    fn lag(&self) -> Result<Lag, String> {
        match &self.lag {
            None => Ok(Lag::None),
            Some(Json::String(text)) => duration::parse(text)
                .and_then(|lag| SignedDuration::try_from(lag).map_err(|error| error.to_string()))
                .map(Lag::Span),
            Some(Json::Number(number)) => match Number::read(&number.to_string(), true) {
                Some(lag) if lag >= Number::Integer(0) => Ok(Lag::Number(lag)),
                _ => Err(format!("{number} is no lag; at least 0")),
            },
            Some(other) => {
                Err(format!("`{other}` is no lag: write it like `5m`, or as a number for a field of numbers"))
            }
        }
    }

    /// How the field is found and what is asked for.
    pub(super) fn rule(&self, spec: &SourceSpec) -> Result<Rule, String> {
        let pointer = if self.field.starts_with('/') {
            self.field.clone()
        } else {
            format!("/{}", json_pointer::escape(&self.field))
        };
        let merges = spec.mode == Mode::Merge;
        Ok(Rule { field: self.field.clone(), pointer, lag: self.lag()?, merges })
    }

    /// The parameters that ask for what is new.
    pub(super) fn query(
        &self,
        rule: &Rule,
        cursor: Option<&Cursor>,
    ) -> Result<Vec<(String, String)>, ReadError> {
        let text = |value: &Json| query_text(value).unwrap_or_default();
        let from = match cursor {
            Some(cursor) => Some(rule.low_text(cursor)?),
            None => self.start.as_ref().map(text),
        };
        let to = self.end_param.clone().zip(self.end.as_ref().map(text));
        Ok(from.map(|from| (self.param.clone(), from)).into_iter().chain(to).collect())
    }
}

/// How far behind the cursor a read begins.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Lag {
    None,
    Span(SignedDuration),
    Number(Number),
}

/// Which field is the cursor's, and how records are judged by it.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    field: String,
    pointer: String,
    lag: Lag,
    /// Rows are merged by key, so that a record which comes again does no harm.
    pub(super) merges: bool,
}

impl Rule {
    /// The field as the config names it.
    pub(super) fn field(&self) -> &str {
        &self.field
    }

    /// The record's value. `None` if it has none and need not have any.
    pub(super) fn value(&self, record: &str) -> Result<Option<Cursor>, Flaw> {
        let raw = serde_json::from_str::<&RawValue>(record)
            .ok()
            .and_then(|raw| json_pointer::find(raw, &self.pointer));
        let json = raw.map_or("null", RawValue::get);
        match json.as_bytes().first() {
            Some(b'"') => Ok(serde_json::from_str(json).ok().map(|text| Cursor::new(text, false))),
            Some(b'0'..=b'9' | b'-') => Ok(Some(Cursor::new(json.to_owned(), true))),
            Some(b'n') if self.merges => Ok(None),
            Some(b'n') => {
                Err(self.flaw("the record has none, so that it can't be told whether it was read before"))
            }
            _ => Err(self.flaw(&format!("`{}` is no number, time or text", shortened(json)))),
        }
    }

    fn flaw(&self, reason: &str) -> Flaw {
        let message = format!("`{}` is the cursor's field: {reason}", self.field);
        Flaw { field_path: self.field.clone(), ..Flaw::decode(code::BAD_CURSOR, message) }
    }

    /// Where the overlap with the read before begins.
    pub(super) fn low(&self, cursor: &Cursor) -> Result<Value, ReadError> {
        match (self.lag, &cursor.value) {
            (Lag::None, value) => Ok(value.clone()),
            (Lag::Number(lag), Value::Number(number)) => Ok(Value::Number(number.minus(lag))),
            (Lag::Span(lag), Value::Instant(instant)) => {
                let low = instant.checked_sub(lag).unwrap_or(jiff::Timestamp::MIN);
                Ok(Value::Instant(low))
            }
            (Lag::Number(_), value) => {
                Err(self.no_lag(value, "a number; a field of times takes a span such as `5m`"))
            }
            (Lag::Span(_), value) => {
                Err(self.no_lag(value, "a span of time; a field of numbers takes a number of its own unit"))
            }
        }
    }

    fn low_text(&self, cursor: &Cursor) -> Result<String, ReadError> {
        let low = self.low(cursor)?;
        Ok(match (self.lag, low) {
            (Lag::Number(_), Value::Number(number)) => number.text(),
            (Lag::Span(lag), _) => earlier(&cursor.text, lag).unwrap_or_else(|| cursor.text.clone()),
            _ => cursor.text.clone(),
        })
    }

    fn no_lag(&self, value: &Value, lag: &str) -> ReadError {
        self.error(format!("its values are of the kind {}, and `lag` is {lag}", value.kind()))
    }

    /// An error of the cursor.
    pub(super) fn error(&self, reason: impl std::fmt::Display) -> ReadError {
        let message = format!("config.incremental: `{}` is the cursor's field: {reason}", self.field);
        ReadError::permanent(Stage::Decode, code::BAD_CURSOR, message)
    }
}
