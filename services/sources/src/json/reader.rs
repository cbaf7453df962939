//! Reads the files of a JSON source.

use rfe_model::{SourceSpec, letter::BadRecord, source::JsonSpec};
use rfe_proto::dlq::Position;
use serde_json::value::RawValue;

use super::cutter::Cutter;
use crate::{
    Chunk, FileMark, ReadContext, ReadError,
    error::code,
    flaw::Flaw,
    json_rows::{JsonRows, Place},
    json_table::{JsonColumns, JsonTable},
    location::{self, Location, SourceFile},
    pump::Produce,
};

const WINDOW: usize = 1 << 20;

/// Reads file by file.
#[derive(Debug)]
pub(super) struct JsonReader {
    json: JsonSpec,
    known: JsonColumns,
    files: std::vec::IntoIter<SourceFile>,
    current: Option<(Cutter, SourceFile)>,
    /// Files that ended since the last chunk.
    ended: Vec<FileMark>,
    must_tell_files: bool,
    has_spoken: bool,
    chunk_bytes: usize,
    bytes_total: u64,
    bytes_pending: u64,
}

impl JsonReader {
    /// Finds the files.
    pub(super) fn open(
        location: &Location,
        spec: &SourceSpec,
        context: &ReadContext,
    ) -> Result<Self, ReadError> {
        let files = location.files(context)?;
        Ok(Self {
            json: spec.json.clone(),
            known: JsonColumns::new(spec, context),
            bytes_total: location::bytes_total(&files),
            files: files.into_iter(),
            current: None,
            ended: Vec::new(),
            must_tell_files: location.once,
            has_spoken: false,
            chunk_bytes: context.chunk_bytes.max(1),
            bytes_pending: 0,
        })
    }

    fn open_next(&mut self) -> Result<bool, ReadError> {
        let Some(file) = self.files.next() else { return Ok(false) };
        let cutter = Cutter::open(&file, &self.json, self.chunk_bytes.min(WINDOW))?;
        self.current = Some((cutter, file));
        Ok(true)
    }

    fn finish(&mut self, mut chunk: Chunk) -> Chunk {
        chunk.bytes_read = std::mem::take(&mut self.bytes_pending);
        chunk.bytes_total = self.bytes_total;
        chunk.files = std::mem::take(&mut self.ended);
        self.has_spoken = true;
        chunk
    }
}

impl Produce for JsonReader {
    fn produce(&mut self) -> Result<Option<Chunk>, ReadError> {
        loop {
            if self.current.is_none() && !self.open_next()? {
                let has_files = !self.ended.is_empty() && (self.must_tell_files || self.has_spoken);
                return Ok(has_files.then(|| self.finish(Chunk::default())));
            }
            let Some((cutter, file)) = &mut self.current else { continue };
            // A file that was rewritten while it was read looks broken, but is not.
            let (chunk, is_at_end) = read(cutter, &file.name, &mut self.known, self.chunk_bytes)
                .map_err(|error| file.check_unchanged().err().unwrap_or(error))?;
            self.bytes_pending += cutter.bytes_read();
            if is_at_end {
                file.check_unchanged()?;
                self.ended.push(file.mark());
                self.current = None;
            }
            if chunk.read > 0 {
                return Ok(Some(self.finish(chunk)));
            }
        }
    }
}

fn read(
    cutter: &mut Cutter,
    file: &str,
    known: &mut JsonColumns,
    chunk_bytes: usize,
) -> Result<(Chunk, bool), ReadError> {
    let mut taken =
        Taken { file, table: JsonTable::new(known), rows: JsonRows::new(Place::File), bad: Vec::new() };
    let mut bytes = 0;
    let mut is_at_end = false;
    while bytes < chunk_bytes {
        let Some(piece) = cutter.next()? else {
            is_at_end = true;
            break;
        };
        let record = cutter.bytes(&piece);
        bytes += record.len() + 1;
        if let Err(flaw) = taken.take(record, piece.line) {
            match several(record).filter(|_| flaw.code == code::NOT_JSON && cutter.cuts_lines()) {
                Some(records) => {
                    records.into_iter().for_each(|record| taken.take_or_reject(record, piece.line))
                }
                None => taken.reject(flaw, record, piece.line),
            }
        }
        cutter.pass(&piece);
    }
    Ok((taken.finish(), is_at_end))
}

/// The records of one chunk.
struct Taken<'a> {
    file: &'a str,
    table: JsonTable<'a>,
    rows: JsonRows,
    bad: Vec<BadRecord>,
}

impl Taken<'_> {
    fn take(&mut self, record: &[u8], line: u64) -> Result<(), Flaw> {
        let text = std::str::from_utf8(record)
            .map_err(|error| Flaw::decode(code::NOT_JSON, format!("the record is not JSON: {error}")))?;
        self.table.push(text)?;
        self.rows.push_line(self.file, line, text);
        Ok(())
    }

    fn reject(&mut self, flaw: Flaw, record: &[u8], line: u64) {
        let line = u32::try_from(line).unwrap_or(u32::MAX);
        let position = Position { file: self.file.to_owned(), line, ..Position::default() };
        self.bad.push(flaw.into_bad(record.to_vec(), position, None));
    }

    fn take_or_reject(&mut self, record: &[u8], line: u64) {
        if let Err(flaw) = self.take(record, line) {
            self.reject(flaw, record, line);
        }
    }

    fn finish(self) -> Chunk {
        let read = (self.table.rows() + self.bad.len()) as u64;
        let columns = self.table.finish();
        Chunk { raw: self.rows.finish(), columns, bad: self.bad, read, ..Chunk::default() }
    }
}

// Values one after the other on one line, if they are no less than that.
fn several(line: &[u8]) -> Option<Vec<&[u8]>> {
    let values = serde_json::Deserializer::from_slice(line).into_iter::<&RawValue>();
    let records: Vec<&[u8]> =
        values.map(|value| value.map(|raw| raw.get().as_bytes())).collect::<Result<_, _>>().ok()?;
    (records.len() > 1 && records.iter().all(|record| record.starts_with(b"{"))).then_some(records)
}
