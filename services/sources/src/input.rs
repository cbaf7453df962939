//! A file as bytes: opened, decompressed by its magic bytes, counted.

use std::{
    io::{BufRead, BufReader, Cursor, Read},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use rfe_model::letter::Stage;

use crate::{
    ReadError,
    decompress::Compression,
    encoding::{Encoding, Transcoded},
    error::code,
    source_file::{SourceFile, unreadable},
};

const READ_AHEAD: usize = 256 << 10;
/// By so many bytes a file is known.
const HEAD: usize = 512;
/// No record is larger; one that seems so has a quote left open or is no text.
pub(crate) const MAX_RECORD: usize = 64 << 20;

/// A window over a file's text that moves forward. The text is UTF-8, or meant to be.
pub(crate) struct Input {
    file: SourceFile,
    compression: Option<Compression>,
    encoding: Encoding,
    bytes: Box<dyn Read + Send>,
    counter: Arc<AtomicU64>,
    taken: u64,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    at_end: bool,
}

impl std::fmt::Debug for Input {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Input").field("file", &self.file.name).finish_non_exhaustive()
    }
}

impl Input {
    /// Opens a file, which is text of `encoding` unless its byte order mark says another. `window` bytes are held at a time,
    /// more only for a record that is larger.
    ///
    /// # Errors
    /// If it can't be opened, or is compressed in a way that can't be read.
    pub(crate) fn open(file: &SourceFile, encoding: Encoding, window: usize) -> Result<Self, ReadError> {
        let counter = Arc::new(AtomicU64::new(0));
        let counted = Counted { inner: file.open()?, counter: Arc::clone(&counter) };
        let mut reader = BufReader::with_capacity(READ_AHEAD, counted);
        let head = reader.fill_buf().map_err(|error| failed(file, None, &error))?;
        let not_read = |what: &str| {
            let message = format!("`{}` {what}", file.name);
            ReadError::permanent(Stage::Read, code::TYPE_NOT_SUPPORTED, message)
        };
        let compression = Compression::of(head).map_err(not_read)?;
        let failed = |error: std::io::Error| failed(file, compression, &error);
        let mut bytes: Box<dyn Read + Send> = match compression {
            Some(compression) => compression.decompressed(reader).map_err(failed)?,
            None => Box::new(reader),
        };
        let mut head = Vec::with_capacity(HEAD);
        bytes.by_ref().take(HEAD as u64).read_to_end(&mut head).map_err(failed)?;
        if let Some(what) = Compression::is_no_text(&head) {
            return Err(not_read(what));
        }
        let (encoding, mark) = marked(&file.name, &head, encoding)?;
        let bytes = Cursor::new(head.split_off(mark)).chain(bytes);
        let bytes: Box<dyn Read + Send> =
            if encoding.is_utf8() { Box::new(bytes) } else { Box::new(Transcoded::new(bytes, encoding)) };
        let buffer = vec![0; window.clamp(4 << 10, MAX_RECORD)];
        let file = file.clone();
        Ok(Self {
            file,
            compression,
            encoding,
            bytes,
            counter,
            taken: 0,
            buffer,
            start: 0,
            end: 0,
            at_end: false,
        })
    }

    /// What the file's bytes mean.
    pub(crate) fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// True if the record at hand can't grow any more.
    pub(crate) fn is_full(&self) -> bool {
        self.end - self.start >= MAX_RECORD
    }

    /// The bytes at hand.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// True if no bytes follow those at hand.
    pub(crate) fn is_at_end(&self) -> bool {
        self.at_end
    }

    /// Moves past bytes at hand.
    pub(crate) fn consume(&mut self, bytes: usize) {
        self.start += bytes;
    }

    /// Reads more behind the bytes at hand. `line` is where the record at hand begins.
    ///
    /// # Errors
    /// If the file can't be read, is damaged, or the record is too large.
    pub(crate) fn fill(&mut self, line: u64) -> Result<(), ReadError> {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        if self.end == self.buffer.len() {
            if self.end >= MAX_RECORD {
                return Err(self.too_large(line));
            }
            self.buffer.resize((self.buffer.len() * 2).min(MAX_RECORD), 0);
        }
        while self.end < self.buffer.len() && !self.at_end {
            match self.bytes.read(&mut self.buffer[self.end..]) {
                Ok(0) => self.at_end = true,
                Ok(read) => self.end += read,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(failed(&self.file, self.compression, &error)),
            }
        }
        Ok(())
    }

    /// Bytes of the file that were read since this was asked last, as they came.
    pub(crate) fn bytes_read(&mut self) -> u64 {
        let counted = self.counter.load(Ordering::Relaxed);
        let since = counted - self.taken;
        self.taken = counted;
        since
    }

    fn too_large(&self, line: u64) -> ReadError {
        let message = format!(
            "the record on line {line} of `{}` is larger than {} MiB; is a quote left open there?",
            self.file.name,
            MAX_RECORD >> 20
        );
        ReadError::permanent(Stage::Decode, code::RECORD_TOO_LARGE, message)
    }
}

// The encoding, and how many of the first bytes are its mark.
fn marked(name: &str, head: &[u8], told: Encoding) -> Result<(Encoding, usize), ReadError> {
    let wrong = |reason: String| {
        Err(ReadError::permanent(Stage::Read, code::BAD_ENCODING, format!("`{name}` {reason}")))
    };
    if matches!(head, [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..]) {
        return wrong("is UTF-32, which is not read; save it as UTF-8".to_owned());
    }
    if let Some(marked) = Encoding::of_mark(head) {
        return Ok(marked);
    }
    match Encoding::is_unmarked_utf16(head) {
        Some(likely) if told.is_utf8() => {
            wrong(format!("looks like UTF-16 without byte order mark; set `encoding: {}`", likely.name()))
        }
        _ => Ok((told, 0)),
    }
}

// Errors come through the decoders as they were, and theirs stand beside them.
fn failed(file: &SourceFile, compression: Option<Compression>, error: &std::io::Error) -> ReadError {
    let is_ours = error.get_ref().is_some_and(|inner| inner.is::<ReadError>());
    match compression {
        Some(compression) if error.raw_os_error().is_none() && !is_ours => {
            file.damaged(&format!("its {} can't be decompressed: {error}", compression.name()))
        }
        _ => unreadable(&file.name, error),
    }
}

struct Counted {
    inner: Box<dyn Read + Send>,
    counter: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let read = self.inner.read(into)?;
        self.counter.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}
