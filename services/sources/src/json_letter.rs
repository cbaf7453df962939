//! Takes the JSON record of a dead letter apart again.

use rfe_model::SourceSpec;
use rfe_proto::dlq::DeadLetter;

use crate::{
    Chunk, ReadContext,
    error::code,
    flaw::Flaw,
    json_rows::{JsonRows, Place},
    json_table::{JsonColumns, JsonTable},
};

/// One row, or the record as still bad.
pub(crate) fn decode(
    place: Place,
    spec: &SourceSpec,
    context: &ReadContext,
    letter: &DeadLetter,
    raw: &[u8],
) -> Chunk {
    decode_checked(place, spec, context, letter, raw, |_| Ok(()))
}

/// The same, where a kind has more to check of a record's text.
pub(crate) fn decode_checked(
    place: Place,
    spec: &SourceSpec,
    context: &ReadContext,
    letter: &DeadLetter,
    raw: &[u8],
    check: impl FnOnce(&str) -> Result<(), Flaw>,
) -> Chunk {
    let position = letter.position.clone().unwrap_or_default();
    let mut known = JsonColumns::new(spec, context);
    let mut table = JsonTable::new(&mut known);
    let mut rows = JsonRows::new(place);
    let pushed = std::str::from_utf8(raw)
        .map_err(|error| Flaw::decode(code::NOT_JSON, format!("the record is not JSON: {error}")))
        .and_then(|text| check(text).map(|()| text))
        .and_then(|text| table.push(text).map(|()| text.trim()));
    let mut bad = Vec::new();
    match pushed {
        Ok(text) => match place {
            Place::File => rows.push_line(&position.file, position.line.into(), text),
            Place::Record => rows.push_line(&position.file, position.record.into(), text),
            Place::Page => rows.push_record(position.page.into(), position.record.into(), text),
        },
        Err(flaw) => bad.push(flaw.into_bad(raw.to_vec(), position, letter.context.clone())),
    }
    Chunk {
        raw: rows.finish(),
        columns: table.finish(),
        bad,
        read: 1,
        bytes_read: raw.len() as u64,
        ..Chunk::default()
    }
}
