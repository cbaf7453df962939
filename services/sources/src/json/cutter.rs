//! Cuts one file into records: lines, values one after the other, items of a list, or those of a list within a document. Whatever
//! the form, no more is held than one record.

use std::ops::Range;

use rfe_model::{letter::Stage, source::JsonSpec};
use serde::de::IgnoredAny;

use super::elements::{Element, element, value_end};
use crate::{ReadError, encoding::Encoding, error::code, input::Input, json_pointer, location::SourceFile};

/// A first value that is longer than this is not looked at to tell lines from values.
const LOOK_AHEAD: usize = 8 << 20;

/// A record within the bytes at hand.
#[derive(Debug, Clone)]
pub(super) struct Piece {
    place: Range<usize>,
    /// Bytes that are done with once it is taken.
    done: usize,
    /// The line on which it begins.
    pub(super) line: u64,
}

#[derive(Debug, Clone, Copy)]
enum Form {
    Lines,
    /// Values with or without space between them, over as many lines as they like.
    Values,
    List {
        is_first: bool,
    },
    /// An object that the pointer points to.
    Object,
    /// Behind it.
    Closing,
    Ended,
}

/// A file that is being cut.
#[derive(Debug)]
pub(super) struct Cutter {
    pub(super) name: String,
    pub(super) input: Input,
    pub(super) line: u64,
    form: Form,
    /// What the records are within: how each ends, and the step of the pointer that was found in it.
    pub(super) around: Vec<(u8, String)>,
}

impl Cutter {
    /// Opens a file. Without `format`, one that begins with `[` is a list.
    pub(super) fn open(file: &SourceFile, json: &JsonSpec, window: usize) -> Result<Self, ReadError> {
        let mut input = Input::open(file, Encoding::default(), window)?;
        input.fill(1)?;
        let mut cutter =
            Self { name: file.name.clone(), input, line: 1, form: Form::Lines, around: Vec::new() };
        match (&json.records, json.format.as_deref()) {
            (Some(pointer), _) => cutter.form = cutter.pointed(pointer)?,
            (None, Some("ndjson")) => {}
            (None, format) => cutter.form = cutter.detected(format.is_some())?,
        }
        Ok(cutter)
    }

    /// The bytes of a record.
    pub(super) fn bytes(&self, piece: &Piece) -> &[u8] {
        &self.input.bytes()[piece.place.clone()]
    }

    /// True if a record is a line, which may hold several values.
    pub(super) fn cuts_lines(&self) -> bool {
        matches!(self.form, Form::Lines)
    }

    /// Bytes read since this was asked last.
    pub(super) fn bytes_read(&mut self) -> u64 {
        self.input.bytes_read()
    }

    /// Moves past a record.
    pub(super) fn pass(&mut self, piece: &Piece) {
        match self.form {
            Form::Lines => self.pass_line(piece.done),
            _ => self.skip(piece.done),
        }
    }

    /// Finds the next record; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Piece>, ReadError> {
        loop {
            match self.form {
                Form::Ended => return Ok(None),
                Form::Lines => {
                    if let Some(found) = self.next_line()? {
                        return Ok(found);
                    }
                }
                Form::Values => return self.next_value(),
                Form::List { is_first } => {
                    if let Some(piece) = self.next_item(is_first)? {
                        return Ok(Some(piece));
                    }
                }
                Form::Object => {
                    self.form = Form::Closing;
                    return self.next_value();
                }
                Form::Closing => {
                    self.close()?;
                    self.form = Form::Ended;
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
            self.pass_line(done);
            return Ok(None);
        }
        Ok(Some(Some(Piece { place: 0..content, done, line: self.line })))
    }

    fn next_value(&mut self) -> Result<Option<Piece>, ReadError> {
        if self.peek()?.is_none() {
            return Ok(None);
        }
        loop {
            let (bytes, is_all) = (self.input.bytes(), self.input.is_at_end());
            match value_end(bytes, is_all) {
                Some(end) => return Ok(Some(Piece { place: 0..end, done: end, line: self.line })),
                None if is_all => return Err(self.broken("the value that begins there never ends")),
                None => self.input.fill(self.line)?,
            }
        }
    }

    fn next_item(&mut self, is_first: bool) -> Result<Option<Piece>, ReadError> {
        match element(self.input.bytes(), is_first, self.input.is_at_end()) {
            Element::Item { start, end } => {
                let line = self.line + self.line_ends(start);
                self.form = Form::List { is_first: false };
                return Ok(Some(Piece { place: start..end, done: end, line }));
            }
            Element::End(done) => {
                self.skip(done);
                self.close()?;
                self.form = Form::Ended;
            }
            Element::Beyond => self.input.fill(self.line)?,
            Element::Broken { at, reason } => {
                let line = self.line + self.line_ends(at);
                return Err(self.broken_on(line, reason));
            }
        }
        Ok(None)
    }

    // A list; values if the first object takes more than its line, or leaves room on it; else lines.
    fn detected(&mut self, must_be_list: bool) -> Result<Form, ReadError> {
        match self.peek()? {
            Some(b'[') => {
                self.skip(1);
                return Ok(Form::List { is_first: true });
            }
            Some(_) if must_be_list => {
                return Err(self.broken("it is no list; set `json.records` to where its records are"));
            }
            Some(b'{') => {}
            _ => return Ok(Form::Lines),
        }
        loop {
            let (bytes, is_all) = (self.input.bytes(), self.input.is_at_end());
            let line = memchr::memchr(b'\n', bytes);
            match value_end(bytes, is_all) {
                Some(end) if line.is_some_and(|line| line >= end) || line.is_none() && is_all => {
                    let rest = &bytes[end..line.unwrap_or(bytes.len())];
                    let is_alone = rest.trim_ascii().is_empty();
                    return Ok(if is_alone || !is_json(&bytes[..end]) { Form::Lines } else { Form::Values });
                }
                Some(end) if line.is_some() => {
                    return Ok(if is_json(&bytes[..end]) { Form::Values } else { Form::Lines });
                }
                _ if is_all || bytes.len() >= LOOK_AHEAD => return Ok(Form::Lines),
                _ => self.input.fill(self.line)?,
            }
        }
    }

    fn pointed(&mut self, pointer: &str) -> Result<Form, ReadError> {
        self.seek(pointer, &json_pointer::steps(pointer))?;
        match self.peek()? {
            Some(b'[') => {
                self.skip(1);
                Ok(Form::List { is_first: true })
            }
            Some(b'{') => Ok(Form::Object),
            Some(b'n') => {
                self.skip_value()?;
                self.close()?;
                Ok(Form::Ended)
            }
            Some(_) => Err(self.no_records(format!("what is at `records: {pointer}` is no list of records"))),
            None => Err(self.broken("the file ends within the document")),
        }
    }

    // === Bytes and lines ===

    /// Moves past space, and says what stands behind it; `None` at the end.
    pub(super) fn peek(&mut self) -> Result<Option<u8>, ReadError> {
        loop {
            let bytes = self.input.bytes();
            let blank = bytes.len() - bytes.trim_ascii_start().len();
            let found = bytes.get(blank).copied();
            self.skip(blank);
            if found.is_some() || self.input.is_at_end() {
                return Ok(found);
            }
            self.input.fill(self.line)?;
        }
    }

    fn pass_line(&mut self, bytes: usize) {
        self.line += 1;
        self.input.consume(bytes);
    }

    /// Moves past bytes at hand.
    pub(super) fn skip(&mut self, bytes: usize) {
        self.line += self.line_ends(bytes);
        self.input.consume(bytes);
    }

    fn line_ends(&self, bytes: usize) -> u64 {
        memchr::memchr_iter(b'\n', &self.input.bytes()[..bytes]).count() as u64
    }

    /// The file is no JSON on the line at hand.
    pub(super) fn broken(&self, reason: &str) -> ReadError {
        self.broken_on(self.line, reason)
    }

    fn broken_on(&self, line: u64, reason: &str) -> ReadError {
        let message = format!("`{}` is not JSON at line {line}: {reason}", self.name);
        ReadError::permanent(Stage::Decode, code::NOT_JSON, message)
    }

    /// There are no records where the pointer points.
    pub(super) fn no_records(&self, reason: String) -> ReadError {
        ReadError::permanent(Stage::Decode, code::RECORDS_NOT_FOUND, format!("`{}`: {reason}", self.name))
    }
}

fn is_json(bytes: &[u8]) -> bool {
    serde_json::from_slice::<IgnoredAny>(bytes).is_ok()
}
