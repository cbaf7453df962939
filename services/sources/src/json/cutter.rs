//! Cuts one file into records: lines, items of a list, or items within a document.

use std::{collections::VecDeque, ops::Range};

use rfe_model::{letter::Stage, source::JsonSpec};
use serde_json::value::RawValue;

use super::elements::{Element, element};
use crate::{
    ReadError,
    encoding::Encoding,
    error::code,
    input::{Input, MAX_RECORD},
    json_document,
    location::SourceFile,
};

/// A record within the bytes at hand.
#[derive(Debug, Clone)]
pub(super) struct Piece {
    place: Range<usize>,
    /// Bytes that are done with once it is taken.
    done: usize,
    /// The line on which it begins.
    pub(super) line: u64,
}

#[derive(Debug)]
enum Form {
    Lines,
    List { is_first: bool },
    Document { records: VecDeque<Range<usize>>, counted: usize },
    Ended,
}

/// A file that is being cut.
#[derive(Debug)]
pub(super) struct Cutter {
    name: String,
    input: Input,
    line: u64,
    form: Form,
}

impl Cutter {
    /// Opens a file. Without `format`, one that begins with `[` is a list.
    pub(super) fn open(file: &SourceFile, json: &JsonSpec, window: usize) -> Result<Self, ReadError> {
        let mut input = Input::open(file, Encoding::default(), window)?;
        input.fill(1)?;
        let mut cutter = Self { name: file.name.clone(), input, line: 1, form: Form::Lines };
        if let Some(pointer) = &json.records {
            cutter.form = cutter.document(pointer)?;
        } else if json.format.as_deref() != Some("ndjson") {
            cutter.detect(json.format.is_some())?;
        }
        Ok(cutter)
    }

    /// The bytes of a record.
    pub(super) fn bytes(&self, piece: &Piece) -> &[u8] {
        &self.input.bytes()[piece.place.clone()]
    }

    /// Bytes read since this was asked last.
    pub(super) fn bytes_read(&mut self) -> u64 {
        self.input.bytes_read()
    }

    /// Moves past a record.
    pub(super) fn pass(&mut self, piece: &Piece) {
        self.skip(piece.done);
    }

    /// Finds the next record; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Piece>, ReadError> {
        loop {
            match &mut self.form {
                Form::Ended => return Ok(None),
                Form::Lines => {
                    if let Some(found) = self.next_line()? {
                        return Ok(found);
                    }
                }
                Form::List { is_first } => {
                    let is_first = *is_first;
                    if let Some(piece) = self.next_item(is_first)? {
                        return Ok(Some(piece));
                    }
                }
                Form::Document { records, counted } => {
                    let Some(place) = records.pop_front() else { return Ok(None) };
                    let bytes = self.input.bytes();
                    self.line += memchr::memchr_iter(b'\n', &bytes[*counted..place.start]).count() as u64;
                    *counted = place.start;
                    return Ok(Some(Piece { place, done: 0, line: self.line }));
                }
            }
        }
    }

    // `None`: look again.
    fn next_line(&mut self) -> Result<Option<Option<Piece>>, ReadError> {
        let (bytes, is_all) = (self.input.bytes(), self.input.is_at_end());
        let (end, done) = match memchr::memchr(b'\n', bytes) {
            Some(at) => (at, at + 1),
            None if is_all && bytes.is_empty() => return Ok(Some(None)),
            None if is_all => (bytes.len(), bytes.len()),
            None => {
                self.input.fill(self.line)?;
                return Ok(None);
            }
        };
        let content = bytes[..end].strip_suffix(b"\r").unwrap_or(&bytes[..end]).len();
        if bytes[..content].trim_ascii().is_empty() {
            self.skip(done);
            return Ok(None);
        }
        Ok(Some(Some(Piece { place: 0..content, done, line: self.line })))
    }

    fn next_item(&mut self, is_first: bool) -> Result<Option<Piece>, ReadError> {
        match element(self.input.bytes(), is_first, self.input.is_at_end()) {
            Element::Item { start, end } => {
                let line =
                    self.line + memchr::memchr_iter(b'\n', &self.input.bytes()[..start]).count() as u64;
                self.form = Form::List { is_first: false };
                return Ok(Some(Piece { place: start..end, done: end, line }));
            }
            Element::End(done) => {
                self.skip(done);
                self.nothing_follows()?;
                self.form = Form::Ended;
            }
            Element::Beyond => self.input.fill(self.line)?,
            Element::Broken(reason) => return Err(self.broken(reason)),
        }
        Ok(None)
    }

    fn nothing_follows(&mut self) -> Result<(), ReadError> {
        loop {
            let (bytes, is_all) = (self.input.bytes(), self.input.is_at_end());
            if !bytes.trim_ascii().is_empty() {
                return Err(self.broken("text follows the list"));
            }
            if is_all {
                return Ok(());
            }
            self.skip(bytes.len());
            self.input.fill(self.line)?;
        }
    }

    fn detect(&mut self, must_be_list: bool) -> Result<(), ReadError> {
        loop {
            let (bytes, is_all) = (self.input.bytes(), self.input.is_at_end());
            let blank = bytes.len() - bytes.trim_ascii_start().len();
            match bytes.get(blank) {
                Some(b'[') => {
                    self.skip(blank + 1);
                    self.form = Form::List { is_first: true };
                    return Ok(());
                }
                Some(_) if must_be_list => {
                    return Err(self.broken("it is no list; set `json.records` to where its records are"));
                }
                None if !is_all => {
                    self.skip(blank);
                    self.input.fill(self.line)?;
                }
                _ => return Ok(()),
            }
        }
    }

    fn document(&mut self, pointer: &str) -> Result<Form, ReadError> {
        while !self.input.is_at_end() {
            self.input.fill(self.line).map_err(|error| match error.code {
                code::RECORD_TOO_LARGE => self.too_large(),
                _ => error,
            })?;
        }
        let text =
            std::str::from_utf8(self.input.bytes()).map_err(|error| self.broken(&error.to_string()))?;
        let whole: &RawValue = serde_json::from_str(text).map_err(|error| self.broken(&error.to_string()))?;
        let found = json_document::find(whole, Some(pointer)).map_err(|reason| {
            ReadError::permanent(Stage::Decode, code::RECORDS_NOT_FOUND, format!("`{}`: {reason}", self.name))
        })?;
        let base = text.as_ptr() as usize;
        let place = |raw: &RawValue| {
            raw.get().as_ptr() as usize - base..raw.get().as_ptr() as usize - base + raw.get().len()
        };
        Ok(Form::Document { records: found.into_iter().map(place).collect(), counted: 0 })
    }

    fn skip(&mut self, bytes: usize) {
        self.line += memchr::memchr_iter(b'\n', &self.input.bytes()[..bytes]).count() as u64;
        self.input.consume(bytes);
    }

    fn broken(&self, reason: &str) -> ReadError {
        let message = format!("`{}` is not JSON at line {}: {reason}", self.name, self.line);
        ReadError::permanent(Stage::Decode, code::NOT_JSON, message)
    }

    fn too_large(&self) -> ReadError {
        let message = format!(
            "`{}` is larger than {} MiB, which `json.records` reads at most; write its records as lines or as a list",
            self.name,
            MAX_RECORD >> 20
        );
        ReadError::permanent(Stage::Decode, code::RECORD_TOO_LARGE, message)
    }
}
