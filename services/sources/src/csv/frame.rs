//! The framing pass: where a record ends and where its fields are.

use std::borrow::Cow;

use super::dialect::Dialect;

/// A field within its record, quotes not among it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) is_quoted: bool,
    /// Quotes within it are doubled or escaped.
    is_escaped: bool,
}

/// What is wrong with a record's quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quoting {
    Fine,
    /// Text follows a closing quote.
    Stray,
    /// A quote opens and does not close.
    Unclosed,
}

/// Where a record ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Framed {
    /// Its bytes, the line end not among them.
    pub(super) length: usize,
    /// Where the next record begins.
    pub(super) next: usize,
    pub(super) quoting: Quoting,
    /// The quote at fault, if one is.
    pub(super) fault: usize,
}

/// Finds the record at the beginning of `bytes` and its fields. `None`: it goes on behind them. One whose quote does not close
/// ends with the line on which it opens, so that it takes no other record with it.
pub(super) fn frame(
    dialect: &Dialect,
    bytes: &[u8],
    is_all: bool,
    fields: &mut Vec<Field>,
) -> Option<Framed> {
    fields.clear();
    let mut quoting = Quoting::Fine;
    let mut fault = 0;
    let mut at = 0;
    loop {
        let field_start = at;
        let mut field = Field { start: at, end: at, is_quoted: false, is_escaped: false };
        if dialect.quote.is_some() && bytes.get(at).copied() == dialect.quote {
            match close(dialect, bytes, at, is_all) {
                Close::Beyond => return None,
                Close::At { end, is_escaped } => {
                    field = Field { start: at + 1, end, is_quoted: true, is_escaped };
                    at = end + 1;
                }
                Close::Never => {
                    let end = end_of_line(&bytes[at..]).map_or(bytes.len(), |length| at + length);
                    fields.push(Field { start: at, end, is_quoted: false, is_escaped: false });
                    let next = end + line_end(&bytes[end..], is_all)?;
                    return Some(Framed { length: end, next, quoting: Quoting::Unclosed, fault: at });
                }
            }
        }
        let rest = at;
        at = match memchr::memchr3(dialect.delimiter, b'\n', b'\r', &bytes[at..]) {
            Some(found) => at + found,
            None if is_all => bytes.len(),
            None => return None,
        };
        if field.is_quoted && at > rest {
            if quoting == Quoting::Fine {
                fault = field_start;
            }
            quoting = Quoting::Stray;
            field = Field { start: field_start, end: at, is_quoted: false, is_escaped: false };
        } else if !field.is_quoted {
            field.end = at;
        }
        fields.push(field);
        if bytes.get(at) == Some(&dialect.delimiter) {
            at += 1;
            continue;
        }
        let next = at + line_end(&bytes[at..], is_all)?;
        return Some(Framed { length: at, next, quoting, fault });
    }
}

/// What a record with text behind a closing quote may be instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stray {
    /// One record, as it was framed.
    Alone,
    /// Its quote was left open on its own line, and the line behind is a good record that the open quote would take with it.
    LeftOpen(Framed),
    /// That can be told once there are more bytes.
    Beyond,
}

/// Judges a record with text behind a closing quote: if the quote closes on another line and what follows the first line is a
/// record of `width` fields by itself, then the quote was left open.
pub(super) fn stray(
    dialect: &Dialect,
    bytes: &[u8],
    is_all: bool,
    framed: Framed,
    width: usize,
    scratch: &mut Vec<Field>,
) -> Stray {
    let Some(length) = end_of_line(&bytes[framed.fault..framed.length]) else { return Stray::Alone };
    let end = framed.fault + length;
    let next = end + line_end(&bytes[end..], true).unwrap_or(0);
    match frame(dialect, &bytes[next..], is_all, scratch) {
        None => Stray::Beyond,
        Some(second) if second.quoting == Quoting::Fine && scratch.len() == width => {
            Stray::LeftOpen(Framed { length: end, next, quoting: Quoting::Unclosed, fault: framed.fault })
        }
        Some(_) => Stray::Alone,
    }
}

fn end_of_line(bytes: &[u8]) -> Option<usize> {
    memchr::memchr2(b'\n', b'\r', bytes)
}

/// Where a quote closes.
enum Close {
    At {
        end: usize,
        is_escaped: bool,
    },
    /// Behind the bytes at hand.
    Beyond,
    Never,
}

fn close(dialect: &Dialect, bytes: &[u8], open: usize, is_all: bool) -> Close {
    let missing = if is_all { Close::Never } else { Close::Beyond };
    let Some(quote) = dialect.quote else { return missing };
    let escape = dialect.escape.unwrap_or(quote);
    let mut at = open + 1;
    let mut is_escaped = false;
    while let Some(found) = memchr::memchr2(quote, escape, &bytes[at..]) {
        at += found;
        match bytes.get(at + 1) {
            Some(next) if bytes[at] != quote || *next == quote => {
                is_escaped = true;
                at += 2;
            }
            None if !is_all || bytes[at] != quote => return missing,
            _ => return Close::At { end: at, is_escaped },
        }
    }
    missing
}

/// The length of the line end at the beginning of `bytes`, 0 at the end of all; `None`: it may go on behind them.
#[inline]
pub(super) fn line_end(bytes: &[u8], is_all: bool) -> Option<usize> {
    match bytes {
        [b'\n', ..] => Some(1),
        [b'\r', b'\n', ..] => Some(2),
        [b'\r'] if !is_all => None,
        [b'\r', ..] => Some(1),
        _ => Some(0),
    }
}

/// Line ends among bytes.
pub(super) fn count_lines(bytes: &[u8]) -> u64 {
    let feeds = memchr::memchr_iter(b'\n', bytes).count();
    let returns = memchr::memchr_iter(b'\r', bytes).filter(|at| bytes.get(at + 1) != Some(&b'\n')).count();
    (feeds + returns) as u64
}

/// A field's text, with doubled and escaped quotes made plain.
#[inline]
pub(super) fn value<'a>(dialect: &Dialect, text: Cow<'a, str>, field: Field) -> Cow<'a, str> {
    if field.is_escaped { Cow::Owned(unescaped(dialect, &text)) } else { text }
}

fn unescaped(dialect: &Dialect, text: &str) -> String {
    let (quote, escape) = (dialect.quote.map(char::from), dialect.escape.map(char::from));
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(next) = chars.next() {
        let skips = Some(next) == escape && chars.peek().is_some()
            || Some(next) == quote && chars.peek().copied() == quote;
        match (skips, skips.then(|| chars.next()).flatten()) {
            (true, Some(kept)) => plain.push(kept),
            _ => plain.push(next),
        }
    }
    plain
}

#[cfg(test)]
#[path = "frame_tests.rs"]
mod tests;
