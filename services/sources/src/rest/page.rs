//! The records of a page, as chunks.

use rfe_model::letter::{BadRecord, Stage};
use rfe_proto::dlq::Position;

use super::{
    answers::Answered,
    checkpoint,
    envelope::{Envelope, Pointers, Span, Unreadable},
    seen::hash,
    state::{State, Verdict},
};
use crate::{
    Chunk, ReadError,
    error::code,
    json_rows::{JsonRows, Place},
    json_table::{JsonColumns, JsonTable},
};

/// A page whose records are not all taken yet.
#[derive(Debug)]
pub(super) struct Page {
    label: String,
    answered: Answered,
    records: Vec<Span>,
    taken: usize,
    bytes_pending: u64,
}

impl Page {
    /// Finds the records of an answer, and what it tells of the next page.
    pub(super) fn parse(
        label: &str,
        answered: Answered,
        pointers: &Pointers,
    ) -> Result<(Self, Envelope), ReadError> {
        let number = answered.number;
        let mut envelope = pointers.find(&answered.body).map_err(|reason| {
            let (code, message) = match reason {
                Unreadable::NotJson(reason) => {
                    let kind = &answered.kind;
                    (code::NOT_JSON, format!("page {number} of `{label}` is not JSON ({kind}): {reason}"))
                }
                Unreadable::NoRecords(reason) => {
                    (code::RECORDS_NOT_FOUND, format!("page {number} of `{label}`: {reason}"))
                }
            };
            ReadError::permanent(Stage::Decode, code, message)
        })?;
        let records = std::mem::take(&mut envelope.records);
        let bytes_pending = answered.body.len() as u64;
        Ok((Self { label: label.to_owned(), answered, records, taken: 0, bytes_pending }, envelope))
    }

    /// Records of the page.
    pub(super) fn len(&self) -> u64 {
        self.records.len() as u64
    }

    /// Hash of its records' text, and of nothing around them.
    pub(super) fn print(&self) -> u64 {
        match (self.records.first(), self.records.last()) {
            (Some(first), Some(last)) => hash(&self.answered.body[first.range().start..last.range().end]),
            _ => 0,
        }
    }

    /// True if all its records are taken.
    fn is_done(&self) -> bool {
        self.taken == self.records.len()
    }

    fn record(&self, span: Span) -> &str {
        // The body was checked to be UTF-8 whole.
        std::str::from_utf8(&self.answered.body[span.range()]).unwrap_or_default()
    }

    fn position(&self) -> Position {
        let short = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        Position {
            file: self.label.clone(),
            page: short(self.answered.number),
            record: short(self.taken as u64),
            ..Position::default()
        }
    }
}

/// Makes chunks of pages.
#[derive(Debug)]
pub(super) struct Decoder {
    pub(super) known: JsonColumns,
    pub(super) state: Option<State>,
    pub(super) chunk_bytes: usize,
    /// What marks the checkpoints of this read.
    pub(super) read_id: String,
}

impl Decoder {
    /// The next records of a page, up to so many bytes, and the page if it has more.
    pub(super) fn chunk(&mut self, mut page: Page) -> Result<(Chunk, Option<Page>), ReadError> {
        let mut table = JsonTable::new(&mut self.known);
        let mut rows = JsonRows::new(Place::Page);
        let mut bad: Vec<BadRecord> = Vec::new();
        let (mut bytes, mut read) = (0, 0);
        while let Some(&span) = page.records.get(page.taken) {
            if bytes > 0 && bytes + span.len() > self.chunk_bytes {
                break;
            }
            page.taken += 1;
            let text = page.record(span);
            let verdict = self.state.as_mut().map_or(Ok(Verdict::New), |state| state.judge(text))?;
            let pushed = match verdict {
                Verdict::Again => continue,
                Verdict::Flawed(flaw) => Err(flaw),
                Verdict::New => table.push(text),
            };
            read += 1;
            bytes += span.len();
            match pushed {
                Ok(()) => rows.push_record(page.answered.number, page.taken as u64, text),
                Err(flaw) => bad.push(flaw.into_bad(text.as_bytes().to_vec(), page.position(), None)),
            }
        }
        let mut chunk = Chunk {
            raw: rows.finish(),
            columns: table.finish(),
            bad,
            read,
            bytes_read: std::mem::take(&mut page.bytes_pending),
            ..Chunk::default()
        };
        if !page.is_done() {
            return Ok((chunk, Some(page)));
        }
        if page.answered.is_new {
            chunk.checkpoint = Some(checkpoint::write(&self.read_id, &page.answered)?);
        }
        Ok((chunk, None))
    }

    /// What is said when all pages are read: where an incremental read stands. `cut` if there were more pages than may be read.
    pub(super) fn end(&mut self, cut: bool) -> Result<Option<Chunk>, ReadError> {
        let Some(state) = &self.state else { return Ok(None) };
        if cut && !state.ascends() {
            let message = "config.max_pages: there are more pages, and their records do not ascend by the cursor's field, so \
                           that what is left out would be lost; raise it, or take it out";
            return Err(ReadError::permanent(Stage::Read, code::BAD_CURSOR, message));
        }
        let Some(cursor) = state.kept()? else { return Ok(None) };
        Ok(Some(Chunk {
            raw: JsonRows::new(Place::Page).finish(),
            columns: JsonTable::new(&mut self.known).finish(),
            cursor: Some(cursor),
            ..Chunk::default()
        }))
    }
}
