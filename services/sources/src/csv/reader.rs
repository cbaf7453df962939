//! Reads the files of a CSV source.

use prost_types::Struct;
use rfe_model::letter::BadRecord;
use rfe_proto::dlq::Position;

use super::{
    dialect::Dialect,
    header,
    records::Records,
    table::{Layout, TextTable},
};
use crate::{
    Chunk, FileMark, ReadContext, ReadError,
    expected::Expected,
    location::{self, Location, SourceFile},
    pump::Produce,
};

const HEADER_WINDOW: usize = 64 << 10;
/// Windows are smaller than chunks, so that a chunk of short records holds no second copy of itself.
const WINDOW: usize = 1 << 20;

/// Reads file by file.
#[derive(Debug)]
pub(super) struct CsvReader {
    dialect: Dialect,
    expected: Expected,
    union: Vec<String>,
    files: std::vec::IntoIter<SourceFile>,
    /// The only file, which is not opened a second time.
    opened: Option<(Records, Vec<String>)>,
    current: Option<CurrentFile>,
    /// Files that ended since the last chunk.
    ended: Vec<FileMark>,
    must_tell_files: bool,
    chunk_bytes: usize,
    bytes_total: u64,
    bytes_pending: u64,
    has_spoken: bool,
}

#[derive(Debug)]
struct CurrentFile {
    file: SourceFile,
    dialect: Dialect,
    records: Records,
    layout: Layout,
    letters: Struct,
}

impl CsvReader {
    /// Finds the files and reads their headers, so that every chunk has the columns of all.
    pub(super) fn open(
        location: &Location,
        dialect: Dialect,
        context: &ReadContext,
    ) -> Result<Self, ReadError> {
        let files = location.files(context)?;
        let chunk_bytes = context.chunk_bytes.max(1);
        let window = if files.len() == 1 { chunk_bytes.min(WINDOW) } else { HEADER_WINDOW };
        let mut headers = Vec::with_capacity(files.len());
        let mut opened = None;
        for file in &files {
            let mut records = Records::open(file, &dialect, window)?;
            headers.push(header::read(file, &dialect, &mut records)?.unwrap_or_default());
            opened = Some(records).filter(|_| files.len() == 1);
        }
        Ok(Self {
            union: header::union(&headers),
            expected: Expected::new(&context.expected),
            bytes_total: location::bytes_total(&files),
            files: files.into_iter(),
            dialect,
            opened: opened.zip(headers.pop()),
            current: None,
            ended: Vec::new(),
            must_tell_files: location.once,
            chunk_bytes,
            bytes_pending: 0,
            has_spoken: false,
        })
    }

    fn open_next(&mut self) -> Result<bool, ReadError> {
        let Some(file) = self.files.next() else { return Ok(false) };
        let (records, header) = match self.opened.take() {
            Some(opened) => opened,
            None => {
                let mut records = Records::open(&file, &self.dialect, self.chunk_bytes.min(WINDOW))?;
                let header = header::read(&file, &self.dialect, &mut records)?.unwrap_or_default();
                (records, header)
            }
        };
        // In the spelling of all files, which a letter keeps as well.
        let places = header::places(&header, &self.union);
        if places.len() != header.len() {
            return Err(file.changed());
        }
        let header = places.into_iter().map(|place| self.union[place].clone()).collect::<Vec<_>>();
        let dialect = Dialect { encoding: records.encoding(), ..self.dialect.clone() };
        let letters = dialect.to_context(&header);
        let layout =
            Layout::new(dialect.clone(), header, self.union.clone(), file.name.clone(), &self.expected);
        self.current = Some(CurrentFile { file, dialect, records, layout, letters });
        Ok(true)
    }

    fn finish(&mut self, mut chunk: Chunk, bad: Vec<BadRecord>) -> Chunk {
        chunk.read = (chunk.rows() + bad.len()) as u64;
        chunk.bad = bad;
        chunk.bytes_read = std::mem::take(&mut self.bytes_pending);
        chunk.bytes_total = self.bytes_total;
        chunk.files = std::mem::take(&mut self.ended);
        self.has_spoken = true;
        chunk
    }

    // Files without rows still have columns, and have been read.
    fn last_word(&mut self) -> Option<Chunk> {
        let has_columns = !self.has_spoken && !self.union.is_empty();
        let has_files = !self.ended.is_empty() && (self.must_tell_files || self.has_spoken);
        if !has_columns && !has_files {
            return None;
        }
        let layout =
            Layout::new(self.dialect.clone(), Vec::new(), self.union.clone(), String::new(), &self.expected);
        let chunk = TextTable::new(&layout).finish();
        Some(self.finish(chunk, Vec::new()))
    }
}

impl Produce for CsvReader {
    fn produce(&mut self) -> Result<Option<Chunk>, ReadError> {
        loop {
            if self.current.is_none() && !self.open_next()? {
                return Ok(self.last_word());
            }
            let Some(current) = &mut self.current else { continue };
            let (chunk, bad, is_at_end) = current.read(self.chunk_bytes)?;
            self.bytes_pending += current.records.bytes_read();
            if is_at_end {
                current.file.check_unchanged()?;
                self.ended.push(current.file.mark());
                self.current = None;
            }
            if chunk.rows() + bad.len() > 0 {
                return Ok(Some(self.finish(chunk, bad)));
            }
        }
    }
}

impl CurrentFile {
    fn read(&mut self, chunk_bytes: usize) -> Result<(Chunk, Vec<BadRecord>, bool), ReadError> {
        let mut table = TextTable::new(&self.layout);
        let mut bad = Vec::new();
        let mut taken = 0;
        let mut is_at_end = false;
        while taken < chunk_bytes {
            let Some(framed) = self.records.next(&self.dialect)? else {
                is_at_end = true;
                break;
            };
            // The first record of a chunk is taken whatever its size, later ones only if they fit.
            if taken > 0 && taken + framed.next > chunk_bytes {
                break;
            }
            let (record, line) = (self.records.record(framed), self.records.line());
            if let Err(flaw) = table.push(record, self.records.fields(), framed, line) {
                let file = self.layout.file.clone();
                let position =
                    Position { file, line: u32::try_from(line).unwrap_or(u32::MAX), ..Position::default() };
                bad.push(flaw.into_bad(record.to_vec(), position, Some(self.letters.clone())));
            }
            taken += framed.next;
            self.records.pass(framed);
        }
        Ok((table.finish(), bad, is_at_end))
    }
}
