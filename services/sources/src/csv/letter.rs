//! Takes the record of a CSV dead letter apart again, with the header and dialect that it keeps.

use rfe_model::letter::{MAX_RAW, Stage};
use rfe_proto::dlq::DeadLetter;

use super::{
    dialect::Dialect,
    frame::{frame, line_end},
    table::{Layout, TextTable},
};
use crate::{Chunk, ReadContext, ReadError, error::code, expected::Expected, flaw::Flaw};

/// One row, or the record as still bad.
pub(super) fn decode(context: &ReadContext, letter: &DeadLetter, raw: &[u8]) -> Result<Chunk, ReadError> {
    let kept = letter.context.clone().unwrap_or_default();
    let (dialect, header) = Dialect::from_context(&kept).ok_or_else(|| {
        let message = format!("the letter `{}` keeps no header and delimiter in its context", letter.id);
        ReadError::permanent(Stage::Decode, code::LETTER_CONTEXT, message)
    })?;
    let position = letter.position.clone().unwrap_or_default();
    let expected = Expected::new(&context.expected);
    let layout = Layout::new(dialect, header.clone(), header, position.file.clone(), &expected);
    let mut table = TextTable::new(&layout);
    let pushed =
        refuse_cut(letter, raw).and_then(|()| push(&mut table, &layout, raw, u64::from(position.line)));
    let mut chunk = table.finish();
    if let Err(flaw) = pushed {
        chunk.bad.push(flaw.into_bad(raw.to_vec(), position, Some(kept)));
    }
    chunk.read = 1;
    chunk.bytes_read = raw.len() as u64;
    Ok(chunk)
}

// A record that was cut may still have the right number of fields.
fn refuse_cut(letter: &DeadLetter, raw: &[u8]) -> Result<(), Flaw> {
    if letter.raw_truncated && raw.len() == MAX_RAW {
        let message =
            "the letter holds only the first 1 MiB of the record; put the whole record in its place";
        return Err(Flaw::decode(code::NOT_ONE_RECORD, message));
    }
    Ok(())
}

fn push(table: &mut TextTable<'_>, layout: &Layout, raw: &[u8], line: u64) -> Result<(), Flaw> {
    let record = without_blank_lines(raw);
    let mut fields = Vec::new();
    let framed = frame(&layout.dialect, record, true, &mut fields).filter(|_| !record.is_empty());
    let framed = framed.ok_or_else(|| Flaw::decode(code::NOT_ONE_RECORD, "the letter holds no record"))?;
    if !without_blank_lines(&record[framed.next..]).is_empty() {
        return Err(Flaw::decode(code::NOT_ONE_RECORD, "the letter holds more than one record; leave one"));
    }
    table.push(&record[..framed.length], &fields, framed, line)
}

fn without_blank_lines(mut bytes: &[u8]) -> &[u8] {
    while let Some(length @ 1..) = line_end(bytes, true) {
        bytes = &bytes[length..];
    }
    bytes
}
