//! Walks through a document of any size to where its records are, and from there to its end. What is passed over is checked, not held.

use serde::de::IgnoredAny;

use super::{cutter::Cutter, elements::string_end};
use crate::{ReadError, flaw::shortened};

/// Deeper nesting is refused outside of records: each level costs a byte.
const MAX_DEPTH: usize = 1 << 20;
/// Keys that an error names.
const SHOWN_KEYS: usize = 20;

impl Cutter {
    /// Moves to what the pointer points to.
    pub(super) fn seek(&mut self, pointer: &str, steps: &[String]) -> Result<(), ReadError> {
        for step in steps {
            let (close, found) = match self.peek()? {
                Some(b'{') => (b'}', self.seek_key(step)?),
                Some(b'[') => (b']', self.seek_item(step)?),
                Some(_) => (0, Err("a value that holds nothing".to_owned())),
                None => return Err(self.broken("the file ends within the document")),
            };
            found.map_err(|has| {
                self.no_records(format!("there is nothing at `records: {pointer}`; the body has {has}"))
            })?;
            self.around.push((close, step.clone()));
        }
        Ok(())
    }

    /// Moves from the end of the records to the end of the document.
    pub(super) fn close(&mut self) -> Result<(), ReadError> {
        while let Some((close, step)) = self.around.pop() {
            loop {
                match self.peek()? {
                    Some(b',') => self.skip(1),
                    Some(byte) if byte == close => {
                        self.skip(1);
                        break;
                    }
                    _ => return Err(self.missing(close)),
                }
                if close == b'}' && self.key()? == step {
                    let reason = format!("the key `{}` is there twice, and holds records", shortened(&step));
                    return Err(self.broken(&reason));
                }
                self.skip_value()?;
            }
        }
        match self.peek()? {
            None => Ok(()),
            Some(_) => Err(self.broken(
                "text follows the list; set `json.format: ndjson` if every line is a record of its own",
            )),
        }
    }

    // `Err`: what is there instead.
    fn seek_key(&mut self, step: &str) -> Result<Result<(), String>, ReadError> {
        let mut keys = Vec::new();
        self.skip(1);
        if self.peek()? == Some(b'}') {
            return Ok(Err("no keys".to_owned()));
        }
        loop {
            let key = self.key()?;
            if key == step {
                return Ok(Ok(()));
            }
            if keys.len() < SHOWN_KEYS {
                keys.push(format!("`{}`", shortened(&key)));
            }
            self.skip_value()?;
            match self.peek()? {
                Some(b',') => self.skip(1),
                Some(b'}') => return Ok(Err(format!("the keys {}", keys.join(", ")))),
                _ => return Err(self.missing(b'}')),
            }
        }
    }

    fn seek_item(&mut self, step: &str) -> Result<Result<(), String>, ReadError> {
        let is_index =
            step == "0" || !step.starts_with('0') && step.bytes().all(|byte| byte.is_ascii_digit());
        let wanted = step.parse::<u64>().ok().filter(|_| is_index);
        self.skip(1);
        let mut count = 0;
        while self.peek()? != Some(b']') {
            if Some(count) == wanted {
                return Ok(Ok(()));
            }
            self.skip_value()?;
            count += 1;
            match self.peek()? {
                Some(b',') => self.skip(1),
                Some(b']') => {}
                _ => return Err(self.missing(b']')),
            }
        }
        Ok(Err(format!("a list of {count} items")))
    }

    // Takes a key and its colon.
    fn key(&mut self) -> Result<String, ReadError> {
        if self.peek()? != Some(b'"') {
            return Err(self.broken("a key is missing"));
        }
        let end = self.string()?;
        let text = &self.input.bytes()[..end];
        let key = serde_json::from_slice(text).unwrap_or_else(|_| String::from_utf8_lossy(text).into_owned());
        self.skip(end);
        self.colon()?;
        Ok(key)
    }

    fn missing(&self, close: u8) -> ReadError {
        self.broken(&format!("a comma or `{}` is missing behind a value", char::from(close)))
    }

    fn colon(&mut self) -> Result<(), ReadError> {
        if self.peek()? != Some(b':') {
            return Err(self.broken("a colon is missing behind a key"));
        }
        self.skip(1);
        Ok(())
    }

    // Holds the string at hand, and says where it ends.
    fn string(&mut self) -> Result<usize, ReadError> {
        loop {
            match string_end(self.input.bytes(), 1) {
                Some(end) => return Ok(end + 1),
                None if self.input.is_at_end() => return Err(self.broken("a string never ends")),
                None => self.input.fill(self.line)?,
            }
        }
    }

    /// Moves past a value, whatever its size.
    pub(super) fn skip_value(&mut self) -> Result<(), ReadError> {
        let mut open = Vec::new();
        loop {
            match self.peek()? {
                Some(byte @ (b'{' | b'[')) => {
                    self.skip(1);
                    let close = if byte == b'{' { b'}' } else { b']' };
                    if self.peek()? != Some(close) {
                        if open.len() == MAX_DEPTH {
                            return Err(self.broken("it is nested too deep"));
                        }
                        open.push(close);
                        self.enter(close)?;
                        continue;
                    }
                    self.skip(1);
                }
                Some(b'"') => self.skip_string()?,
                Some(_) => self.skip_plain()?,
                None => return Err(self.broken("the file ends within the document")),
            }
            if !self.leave(&mut open)? {
                return Ok(());
            }
        }
    }

    // Stands before the first value within brackets, or the next one.
    fn enter(&mut self, close: u8) -> Result<(), ReadError> {
        if close == b'}' {
            if self.peek()? != Some(b'"') {
                return Err(self.broken("a key is missing"));
            }
            self.skip_string()?;
            self.colon()?;
        }
        Ok(())
    }

    // Behind a value: closes what ends there. False if nothing is open any more.
    fn leave(&mut self, open: &mut Vec<u8>) -> Result<bool, ReadError> {
        while let Some(close) = open.last().copied() {
            match self.peek()? {
                Some(b',') => {
                    self.skip(1);
                    self.enter(close)?;
                    return Ok(true);
                }
                Some(byte) if byte == close => {
                    self.skip(1);
                    open.pop();
                }
                _ => return Err(self.missing(close)),
            }
        }
        Ok(false)
    }

    fn skip_string(&mut self) -> Result<(), ReadError> {
        self.skip(1);
        loop {
            let bytes = self.input.bytes();
            let (done, ends) = match memchr::memchr2(b'"', b'\\', bytes) {
                Some(at) if bytes[at] == b'"' => (at + 1, true),
                Some(at) if at + 1 < bytes.len() => (at + 2, false),
                Some(at) => (at, false),
                None => (bytes.len(), false),
            };
            self.skip(done);
            if ends {
                return Ok(());
            }
            if self.input.bytes().len() < 2 {
                if self.input.is_at_end() {
                    return Err(self.broken("a string never ends"));
                }
                self.input.fill(self.line)?;
            }
        }
    }

    // A number, `true`, `false` or `null`.
    fn skip_plain(&mut self) -> Result<(), ReadError> {
        loop {
            let bytes = self.input.bytes();
            let ends =
                |byte: &u8| matches!(byte, b',' | b']' | b'}' | b':' | b'"') || byte.is_ascii_whitespace();
            match bytes.iter().position(ends) {
                None if !self.input.is_at_end() => self.input.fill(self.line)?,
                found => {
                    let token = &bytes[..found.unwrap_or(bytes.len())];
                    if serde_json::from_slice::<IgnoredAny>(token).is_err() {
                        let token = String::from_utf8_lossy(token);
                        return Err(self.broken(&format!("`{}` is no value", shortened(&token))));
                    }
                    let done = token.len();
                    self.skip(done);
                    return Ok(());
                }
            }
        }
    }
}
