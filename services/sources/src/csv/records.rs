//! The records of one file, one after the other.

use super::{
    dialect::Dialect,
    frame::{Field, Framed, Quoting, Stray, count_lines, frame, line_end, stray},
};
use crate::{ReadError, encoding::Encoding, input::Input, location::SourceFile};

/// A file that is being cut into records.
#[derive(Debug)]
pub(super) struct Records {
    input: Input,
    line: u64,
    fields: Vec<Field>,
    width: Option<usize>,
    scratch: Vec<Field>,
}

impl Records {
    /// Opens a file and skips the lines that the dialect says.
    pub(super) fn open(file: &SourceFile, dialect: &Dialect, window: usize) -> Result<Self, ReadError> {
        let mut input = Input::open(file, dialect.encoding, window)?;
        input.fill(1)?;
        let mut records = Self { input, line: 1, fields: Vec::new(), width: None, scratch: Vec::new() };
        for _ in 0..dialect.skip_rows {
            records.skip_line()?;
        }
        Ok(records)
    }

    /// What the file's bytes mean.
    pub(super) fn encoding(&self) -> Encoding {
        self.input.encoding()
    }

    /// Records have so many fields from here on.
    pub(super) fn expect_fields(&mut self, width: usize) {
        self.width = Some(width);
    }

    /// Stands before the next record and says where it ends; `None` at the end. Blank lines and comments are passed over.
    pub(super) fn next(&mut self, dialect: &Dialect) -> Result<Option<Framed>, ReadError> {
        loop {
            let (bytes, is_all) = (self.input.bytes(), self.input.is_at_end());
            if bytes.is_empty() && is_all {
                return Ok(None);
            }
            match line_end(bytes, is_all) {
                Some(0) if bytes.is_empty() => self.input.fill(self.line)?,
                Some(0) if bytes.first().copied() == dialect.comment => self.skip_line()?,
                Some(0) => match self.frame(dialect) {
                    Some(framed) => return Ok(Some(framed)),
                    None => self.input.fill(self.line)?,
                },
                Some(length) => {
                    self.input.consume(length);
                    self.line += 1;
                }
                None => self.input.fill(self.line)?,
            }
        }
    }

    // `None`: more bytes must be at hand.
    fn frame(&mut self, dialect: &Dialect) -> Option<Framed> {
        let (bytes, is_all) = (self.input.bytes(), self.input.is_at_end());
        let Some(framed) = frame(dialect, bytes, is_all, &mut self.fields) else {
            return self.input.is_full().then(|| self.left_open(dialect)).flatten();
        };
        let (Quoting::Stray, Some(width)) = (framed.quoting, self.width) else { return Some(framed) };
        match stray(dialect, bytes, is_all, framed, width, &mut self.scratch) {
            Stray::LeftOpen(first) => {
                self.fields.retain(|field| field.start <= first.fault);
                Some(first)
            }
            Stray::Beyond if !self.input.is_full() => None,
            Stray::Beyond | Stray::Alone => Some(framed),
        }
    }

    // Where there is no room for more bytes, a quote that did not close is taken for one that never will.
    fn left_open(&mut self, dialect: &Dialect) -> Option<Framed> {
        let bytes = self.input.bytes();
        let framed = frame(dialect, bytes, true, &mut self.fields)?;
        (framed.quoting == Quoting::Unclosed && framed.next < bytes.len()).then_some(framed)
    }

    /// The bytes of the record that [`Self::next`] found.
    pub(super) fn record(&self, framed: Framed) -> &[u8] {
        &self.input.bytes()[..framed.length]
    }

    /// Its fields.
    pub(super) fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// The line on which it begins.
    pub(super) fn line(&self) -> u64 {
        self.line
    }

    /// Moves past it.
    pub(super) fn pass(&mut self, framed: Framed) {
        let spans_lines = framed.quoting != Quoting::Fine || self.fields.iter().any(|field| field.is_quoted);
        self.line += if spans_lines { count_lines(&self.input.bytes()[..framed.next]) } else { 1 };
        self.input.consume(framed.next);
    }

    /// Bytes read since this was asked last.
    pub(super) fn bytes_read(&mut self) -> u64 {
        self.input.bytes_read()
    }

    fn skip_line(&mut self) -> Result<(), ReadError> {
        loop {
            let (bytes, is_all) = (self.input.bytes(), self.input.is_at_end());
            let end = memchr::memchr2(b'\n', b'\r', bytes);
            let length = end.and_then(|at| line_end(&bytes[at..], is_all).map(|length| at + length));
            match length {
                Some(length) => {
                    self.input.consume(length);
                    self.line += 1;
                    return Ok(());
                }
                None if is_all => {
                    self.input.consume(bytes.len());
                    return Ok(());
                }
                None => self.input.fill(self.line)?,
            }
        }
    }
}
