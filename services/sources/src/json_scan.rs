//! The grammar of JSON in one pass: checks a text as serde_json does, and tells where the members of its object stand.

use std::ops::Range;

/// What stands at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Null,
    Boolean,
    Number,
    /// A string whose text stands between its quotes as it is.
    Text,
    /// A string with escapes.
    Escaped,
    /// An object or a list.
    Nested,
}

/// A member of the object: places in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Member {
    /// The key between its quotes.
    pub(crate) key: Range<usize>,
    /// The key has escapes.
    pub(crate) is_escaped: bool,
    /// The value's exact JSON.
    pub(crate) value: Range<usize>,
    pub(crate) kind: Kind,
}

/// What a text is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Shape {
    /// An object; its members are in [`Scan::members`], in order, equal keys included.
    Object,
    /// Another value, which stands here.
    Other(Range<usize>),
}

/// A scan, used for one text after the other.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scan {
    pub(crate) members: Vec<Member>,
    // The brackets that are open within a nested value: true for an object. No recursion, so that no depth is too deep.
    open: Vec<bool>,
}

impl Scan {
    /// Scans a text; `None` if it is not JSON.
    pub(crate) fn take(&mut self, text: &str) -> Option<Shape> {
        let bytes = text.as_bytes();
        self.members.clear();
        let start = blank(bytes, 0);
        let (shape, end) = if bytes.get(start) == Some(&b'{') {
            (Shape::Object, self.object(bytes, start)?)
        } else {
            let (_, end) = self.value(bytes, start)?;
            (Shape::Other(start..end), end)
        };
        (blank(bytes, end) == bytes.len()).then_some(shape)
    }

    // Each of these gives the place behind what it reads.

    fn object(&mut self, bytes: &[u8], start: usize) -> Option<usize> {
        let mut at = blank(bytes, start + 1);
        if bytes.get(at) == Some(&b'}') {
            return Some(at + 1);
        }
        loop {
            let (key, is_escaped, begin) = key(bytes, at)?;
            let (kind, end) = self.value(bytes, begin)?;
            self.members.push(Member { key, is_escaped, value: begin..end, kind });
            at = blank(bytes, end);
            match bytes.get(at)? {
                b',' => at = blank(bytes, at + 1),
                b'}' => return Some(at + 1),
                _ => return None,
            }
        }
    }

    #[inline]
    fn value(&mut self, bytes: &[u8], at: usize) -> Option<(Kind, usize)> {
        match bytes.get(at)? {
            b'{' | b'[' => self.nested(bytes, at).map(|end| (Kind::Nested, end)),
            _ => scalar(bytes, at),
        }
    }

    fn nested(&mut self, bytes: &[u8], mut at: usize) -> Option<usize> {
        self.open.clear();
        loop {
            at = match bytes.get(at)? {
                b'{' => {
                    let first = blank(bytes, at + 1);
                    if bytes.get(first) != Some(&b'}') {
                        self.open.push(true);
                        at = key(bytes, first)?.2;
                        continue;
                    }
                    first + 1
                }
                b'[' => {
                    let first = blank(bytes, at + 1);
                    if bytes.get(first) != Some(&b']') {
                        self.open.push(false);
                        at = first;
                        continue;
                    }
                    first + 1
                }
                _ => scalar(bytes, at)?.1,
            };
            match self.close(bytes, at)? {
                Next::Value(next) => at = next,
                Next::End(end) => return Some(end),
            }
        }
    }

    // Behind a value within brackets: closes those that end here.
    fn close(&mut self, bytes: &[u8], mut at: usize) -> Option<Next> {
        while let Some(is_object) = self.open.last().copied() {
            at = blank(bytes, at);
            match (bytes.get(at)?, is_object) {
                (b',', true) => {
                    return key(bytes, blank(bytes, at + 1)).map(|(_, _, next)| Next::Value(next));
                }
                (b',', false) => return Some(Next::Value(blank(bytes, at + 1))),
                (b'}', true) | (b']', false) => {
                    self.open.pop();
                    at += 1;
                }
                _ => return None,
            }
        }
        Some(Next::End(at))
    }
}

enum Next {
    Value(usize),
    End(usize),
}

#[inline]
fn blank(bytes: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\n' | b'\t' | b'\r') = bytes.get(at) {
        at += 1;
    }
    at
}

// A key, whether it has escapes, and where its value begins.
#[inline]
fn key(bytes: &[u8], at: usize) -> Option<(Range<usize>, bool, usize)> {
    if bytes.get(at)? != &b'"' {
        return None;
    }
    let (end, is_escaped) = string(bytes, at + 1)?;
    let colon = blank(bytes, end + 1);
    (bytes.get(colon)? == &b':').then(|| (at + 1..end, is_escaped, blank(bytes, colon + 1)))
}

#[inline]
fn scalar(bytes: &[u8], at: usize) -> Option<(Kind, usize)> {
    match bytes.get(at)? {
        b'"' => {
            let (end, is_escaped) = string(bytes, at + 1)?;
            Some((if is_escaped { Kind::Escaped } else { Kind::Text }, end + 1))
        }
        b'-' | b'0'..=b'9' => number(bytes, at).map(|end| (Kind::Number, end)),
        b't' => word(bytes, at, b"true").map(|end| (Kind::Boolean, end)),
        b'f' => word(bytes, at, b"false").map(|end| (Kind::Boolean, end)),
        b'n' => word(bytes, at, b"null").map(|end| (Kind::Null, end)),
        _ => None,
    }
}

fn word(bytes: &[u8], at: usize, word: &[u8]) -> Option<usize> {
    bytes[at..].starts_with(word).then_some(at + word.len())
}

fn number(bytes: &[u8], at: usize) -> Option<usize> {
    let at = at + usize::from(bytes[at] == b'-');
    let mut at = match bytes.get(at)? {
        b'0' => at + 1,
        _ => digits(bytes, at)?,
    };
    if bytes.get(at) == Some(&b'.') {
        at = digits(bytes, at + 1)?;
    }
    if let Some(b'e' | b'E') = bytes.get(at) {
        let sign = matches!(bytes.get(at + 1), Some(b'+' | b'-'));
        at = digits(bytes, at + 1 + usize::from(sign))?;
    }
    Some(at)
}

// At least one.
fn digits(bytes: &[u8], at: usize) -> Option<usize> {
    let count = bytes.get(at..)?.iter().take_while(|byte| byte.is_ascii_digit()).count();
    (count > 0).then_some(at + count)
}

// Where the string's closing quote stands, and whether escapes stand before it.
#[inline]
fn string(bytes: &[u8], mut at: usize) -> Option<(usize, bool)> {
    let mut is_escaped = false;
    loop {
        at = plain(bytes, at);
        match bytes.get(at)? {
            b'"' => return Some((at, is_escaped)),
            b'\\' => {
                is_escaped = true;
                at = escape(bytes, at + 1)?;
            }
            _ => return None,
        }
    }
}

fn escape(bytes: &[u8], at: usize) -> Option<usize> {
    match bytes.get(at)? {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(at + 1),
        b'u' => bytes.get(at + 1..at + 5)?.iter().all(u8::is_ascii_hexdigit).then_some(at + 5),
        _ => None,
    }
}

// The first byte that is a quote, a backslash or a control character: eight bytes at a time. A borrow makes bytes above the
// first hit look like hits, never one below it.
#[inline]
fn plain(bytes: &[u8], mut at: usize) -> usize {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGHS: u64 = ONES << 7;
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word;
    while let Some(chunk) = bytes.get(at..).and_then(|rest| rest.first_chunk()) {
        let word = u64::from_le_bytes(*chunk);
        let control = word.wrapping_sub(ONES * 0x20) & !word;
        let hits = (control | zeros(word ^ (ONES * 0x22)) | zeros(word ^ (ONES * 0x5c))) & HIGHS;
        if hits != 0 {
            return at + (hits.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    while bytes.get(at).is_some_and(|byte| !matches!(byte, b'"' | b'\\' | 0..0x20)) {
        at += 1;
    }
    at
}

/// Appends what the text between a string's quotes stands for; false if half of a surrogate pair stands alone in it. The text
/// must have been scanned.
pub(crate) fn unescape(quoted: &str, into: &mut String) -> bool {
    let mut rest = quoted;
    while let Some(at) = memchr::memchr(b'\\', rest.as_bytes()) {
        into.push_str(&rest[..at]);
        let Some(escape) = rest.as_bytes().get(at + 1) else { return false };
        rest = &rest[at + 2..];
        into.push(match escape {
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let Some((character, behind)) = unicode(rest) else { return false };
                rest = behind;
                character
            }
            itself => char::from(*itself),
        });
    }
    into.push_str(rest);
    true
}

// The character behind `\u`, and what follows.
fn unicode(rest: &str) -> Option<(char, &str)> {
    let (first, behind) = unit(rest)?;
    if let Some(character) = char::from_u32(first) {
        return Some((character, behind));
    }
    let (second, behind) = unit(behind.strip_prefix("\\u")?)?;
    if !(0xd800..0xdc00).contains(&first) || !(0xdc00..0xe000).contains(&second) {
        return None;
    }
    let character = char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00))?;
    Some((character, behind))
}

fn unit(rest: &str) -> Option<(u32, &str)> {
    let (digits, behind) = rest.split_at_checked(4)?;
    Some((u32::from_str_radix(digits, 16).ok()?, behind))
}

/// True if a string of the JSON escapes half a character (`\ud800` without its other half), which no text can hold.
pub(crate) fn has_lone_surrogate(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut from = 0;
    while let Some(found) = memchr::memmem::find(&bytes[from..], b"\\u") {
        let at = from + found;
        from = at + 2;
        let slashes = bytes[..at].iter().rev().take_while(|byte| **byte == b'\\').count();
        if slashes % 2 == 1 {
            continue;
        }
        match surrogate(bytes, at) {
            Some(Half::High) if surrogate(bytes, at + 6) == Some(Half::Low) => from = at + 12,
            Some(_) => return true,
            None => {}
        }
    }
    false
}

#[derive(PartialEq)]
enum Half {
    High,
    Low,
}

// Which half of a character the escape at a place is.
fn surrogate(bytes: &[u8], at: usize) -> Option<Half> {
    match bytes.get(at..at + 4)? {
        [b'\\', b'u', b'd' | b'D', b'8' | b'9' | b'a' | b'b' | b'A' | b'B'] => Some(Half::High),
        [b'\\', b'u', b'd' | b'D', b'c'..=b'f' | b'C'..=b'F'] => Some(Half::Low),
        _ => None,
    }
}

#[cfg(test)]
#[path = "json_scan_tests.rs"]
mod tests;
