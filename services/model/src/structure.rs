//! `google.protobuf.Struct` to and from JSON.

use prost_types::{ListValue, Struct, Value, value::Kind};
use serde_json::Value as Json;

/// A JSON object as a struct; anything else is an empty one.
pub fn to_struct(json: &Json) -> Struct {
    match json {
        Json::Object(map) => {
            Struct { fields: map.iter().map(|(key, value)| (key.clone(), to_value(value))).collect() }
        }
        _ => Struct::default(),
    }
}

/// A struct as a JSON object.
pub fn from_struct(from: &Struct) -> Json {
    Json::Object(from.fields.iter().map(|(key, value)| (key.clone(), from_value(value))).collect())
}

fn to_value(json: &Json) -> Value {
    let kind = match json {
        Json::Null => Kind::NullValue(0),
        Json::Bool(value) => Kind::BoolValue(*value),
        Json::Number(number) => Kind::NumberValue(number.as_f64().unwrap_or_default()),
        Json::String(text) => Kind::StringValue(text.clone()),
        Json::Array(items) => Kind::ListValue(ListValue { values: items.iter().map(to_value).collect() }),
        Json::Object(_) => Kind::StructValue(to_struct(json)),
    };
    Value { kind: Some(kind) }
}

fn from_value(value: &Value) -> Json {
    match &value.kind {
        None | Some(Kind::NullValue(_)) => Json::Null,
        Some(Kind::BoolValue(value)) => Json::Bool(*value),
        Some(Kind::NumberValue(number)) => from_number(*number),
        Some(Kind::StringValue(text)) => Json::String(text.clone()),
        Some(Kind::ListValue(list)) => Json::Array(list.values.iter().map(from_value).collect()),
        Some(Kind::StructValue(inner)) => from_struct(inner),
    }
}

// A struct knows doubles only; whole ones within 2^53 were integers.
fn from_number(number: f64) -> Json {
    if number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_992.0 {
        Json::from(number as i64)
    } else {
        serde_json::Number::from_f64(number).map_or(Json::Null, Json::Number)
    }
}
