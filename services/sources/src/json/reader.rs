//! Reads the files of a JSON source.

use rfe_model::{SourceSpec, letter::BadRecord, source::JsonSpec};
use rfe_proto::dlq::Position;

use super::cutter::Cutter;
use crate::{
    Chunk, ReadContext, ReadError,
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
    current: Option<(Cutter, String)>,
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
            chunk_bytes: context.chunk_bytes.max(1),
            bytes_pending: 0,
        })
    }

    fn open_next(&mut self) -> Result<bool, ReadError> {
        let Some(file) = self.files.next() else { return Ok(false) };
        self.current = Some((Cutter::open(&file, &self.json, self.chunk_bytes.min(WINDOW))?, file.name));
        Ok(true)
    }
}

impl Produce for JsonReader {
    fn produce(&mut self) -> Result<Option<Chunk>, ReadError> {
        loop {
            if self.current.is_none() && !self.open_next()? {
                return Ok(None);
            }
            let Some((cutter, file)) = &mut self.current else { continue };
            let (mut chunk, is_at_end) = read(cutter, file, &mut self.known, self.chunk_bytes)?;
            self.bytes_pending += cutter.bytes_read();
            if is_at_end {
                self.current = None;
            }
            if chunk.read > 0 {
                chunk.bytes_read = std::mem::take(&mut self.bytes_pending);
                chunk.bytes_total = self.bytes_total;
                return Ok(Some(chunk));
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
    let mut table = JsonTable::new(known);
    let mut rows = JsonRows::new(Place::File);
    let mut bad: Vec<BadRecord> = Vec::new();
    let mut taken = 0;
    let mut is_at_end = false;
    while taken < chunk_bytes {
        let Some(piece) = cutter.next()? else {
            is_at_end = true;
            break;
        };
        let record = cutter.bytes(&piece);
        taken += record.len() + 1;
        let pushed = std::str::from_utf8(record)
            .map_err(|error| Flaw::decode(code::NOT_JSON, format!("the record is not JSON: {error}")))
            .and_then(|text| table.push(text).map(|()| text));
        match pushed {
            Ok(text) => rows.push_line(file, piece.line, text),
            Err(flaw) => {
                let line = u32::try_from(piece.line).unwrap_or(u32::MAX);
                let position = Position { file: file.to_owned(), line, ..Position::default() };
                bad.push(flaw.into_bad(record.to_vec(), position, None));
            }
        }
        cutter.pass(&piece);
    }
    let read = (table.rows() + bad.len()) as u64;
    Ok((Chunk { raw: rows.finish(), columns: table.finish(), bad, read, ..Chunk::default() }, is_at_end))
}
