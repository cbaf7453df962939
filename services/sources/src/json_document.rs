//! The records of a JSON document.

use serde_json::value::RawValue;

use crate::{flaw::shortened, json_object::Object, json_pointer};

/// The records of a document: its items, or those of what the pointer points to. An object pointed to is one record.
///
/// # Errors
/// With the reason for a person, and what the document has instead.
pub(crate) fn find<'a>(whole: &'a RawValue, records: Option<&str>) -> Result<Vec<&'a RawValue>, String> {
    let Some(pointer) = records else {
        return if whole.get().starts_with('[') { items(whole) } else { Err(unpointed(whole)) };
    };
    let found = json_pointer::find(whole, pointer)
        .ok_or_else(|| format!("there is nothing at `records: {pointer}`; {}", has(whole)))?;
    match found.get().as_bytes().first() {
        Some(b'[') => items(found),
        Some(b'{') => Ok(vec![found]),
        Some(b'n') => Ok(Vec::new()),
        _ => Err(format!("`{}` at `records: {pointer}` is no list of records", shortened(found.get()))),
    }
}

fn items(list: &RawValue) -> Result<Vec<&RawValue>, String> {
    serde_json::from_str(list.get()).map_err(|error| error.to_string())
}

fn unpointed(whole: &RawValue) -> String {
    format!("the body is no list; set `records` to where its records are, such as /data; {}", has(whole))
}

fn has(whole: &RawValue) -> String {
    match serde_json::from_str::<Object<'_>>(whole.get()) {
        Ok(Object(fields)) => {
            let keys: Vec<String> =
                fields.iter().take(20).map(|(key, _)| format!("`{}`", shortened(key))).collect();
            format!("the body has the keys {}", keys.join(", "))
        }
        Err(_) => format!("the body is `{}`", shortened(whole.get())),
    }
}
