//! Text that is not UTF-8, made UTF-8 while it is read.

use std::io::{self, Read};

use encoding_rs::{DecoderResult, UTF_8, UTF_16BE, UTF_16LE};

/// How bytes mean text. Whatever it is, a byte order mark at the beginning of a file wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Encoding(&'static encoding_rs::Encoding);

impl Default for Encoding {
    fn default() -> Self {
        Self(UTF_8)
    }
}

impl Encoding {
    /// Reads its name: any label of the web's encoding standard.
    ///
    /// # Errors
    /// With the reason for a person.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let label = text.trim().to_ascii_lowercase().replace('_', "-");
        let known = match label.as_str() {
            "ascii" | "us-ascii" | "utf-8-sig" => Some(UTF_8),
            "latin-1" => encoding_rs::Encoding::for_label(b"latin1"),
            label => encoding_rs::Encoding::for_label_no_replacement(label.as_bytes()),
        };
        known.map(Self).ok_or_else(|| {
            format!("`{text}` is no encoding that is read; utf-8, utf-16, windows-1252, latin1, shift_jis and the other names of the web's encoding standard are")
        })
    }

    /// Its name, in lower case.
    pub(crate) fn name(self) -> String {
        self.0.name().to_ascii_lowercase()
    }

    /// True if its bytes are read as they are.
    pub(crate) fn is_utf8(self) -> bool {
        self.0 == UTF_8
    }

    /// What to say of bytes that are no text of it.
    pub(crate) fn no_text(self) -> String {
        match self.is_utf8() {
            true => "is not UTF-8; set `encoding`".to_owned(),
            false => format!("is no {} text; set `encoding` to another", self.name()),
        }
    }

    /// What a file's first bytes say, and the length of the mark that says it.
    pub(crate) fn of_mark(head: &[u8]) -> Option<(Self, usize)> {
        encoding_rs::Encoding::for_bom(head).map(|(encoding, length)| (Self(encoding), length))
    }

    /// True if the first bytes of a file without mark look like UTF-16 of plain letters.
    pub(crate) fn is_unmarked_utf16(head: &[u8]) -> Option<Self> {
        let of_units = |low: usize| {
            let units = head.get(..8).into_iter().flat_map(|head| head.chunks_exact(2));
            units.filter(|unit| unit[1 - low] == 0 && matches!(unit[low], 1..=0x7f)).count() == 4
        };
        match (of_units(0), of_units(1)) {
            (true, _) => Some(Self(UTF_16LE)),
            (_, true) => Some(Self(UTF_16BE)),
            _ => None,
        }
    }
}

const INPUT: usize = 32 << 10;
/// Malformed sequences are no longer, and may begin before the bytes at hand.
const KEPT: usize = 16;

/// Bytes of another encoding as UTF-8. What is no text of it comes out as bytes that are no UTF-8, so that the record that holds
/// it is bad and the others are not.
pub(crate) struct Transcoded<R> {
    inner: R,
    encoding: Encoding,
    decoder: encoding_rs::Decoder,
    input: Vec<u8>,
    at: usize,
    is_last: bool,
    output: Vec<u8>,
    given: usize,
    is_done: bool,
}

impl<R: Read> Transcoded<R> {
    /// Reads `inner`, which stands behind its byte order mark.
    pub(crate) fn new(inner: R, encoding: Encoding) -> Self {
        Self {
            inner,
            encoding,
            decoder: encoding.0.new_decoder_without_bom_handling(),
            input: Vec::with_capacity(INPUT + KEPT),
            at: 0,
            is_last: false,
            output: Vec::with_capacity(4 * INPUT),
            given: 0,
            is_done: false,
        }
    }

    fn refill(&mut self) -> io::Result<()> {
        let kept = self.at.saturating_sub(KEPT);
        self.input.drain(..kept);
        self.at -= kept;
        let held = self.input.len();
        self.input.resize(held + INPUT, 0);
        let read = loop {
            match self.inner.read(&mut self.input[held..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        self.input.truncate(held + *read.as_ref().unwrap_or(&0));
        self.is_last = read? == 0;
        Ok(())
    }

    fn decode(&mut self) -> io::Result<()> {
        self.output.clear();
        self.given = 0;
        while self.output.is_empty() && !self.is_done {
            if self.at == self.input.len() && !self.is_last {
                self.refill()?;
            }
            let most = self.output.capacity();
            self.output.resize(most, 0);
            let (result, read, written) = self.decoder.decode_to_utf8_without_replacement(
                &self.input[self.at..],
                &mut self.output,
                self.is_last,
            );
            self.at += read;
            self.output.truncate(written);
            match result {
                DecoderResult::InputEmpty => self.is_done = self.is_last,
                DecoderResult::OutputFull => {}
                DecoderResult::Malformed(length, behind) => {
                    self.malformed(usize::from(length), usize::from(behind));
                }
            }
        }
        Ok(())
    }

    fn malformed(&mut self, length: usize, behind: usize) {
        let end = self.at.saturating_sub(behind);
        let bytes = &self.input[end.saturating_sub(length)..end];
        match (bytes, self.encoding.0) {
            // A surrogate without its other half, as the three bytes that UTF-8 does not allow.
            ([low, high], is) if is == UTF_16LE => {
                surrogate(&mut self.output, u16::from_le_bytes([*low, *high]))
            }
            ([high, low], is) if is == UTF_16BE => {
                surrogate(&mut self.output, u16::from_be_bytes([*high, *low]))
            }
            _ => {
                self.output.push(0xff);
                self.output.extend(bytes.iter().filter(|byte| !byte.is_ascii()));
            }
        }
    }
}

fn surrogate(output: &mut Vec<u8>, unit: u16) {
    let [high, low] = unit.to_be_bytes();
    output.extend([0xe0 | high >> 4, 0x80 | (high & 0x0f) << 2 | low >> 6, 0x80 | low & 0x3f]);
}

impl<R: Read> Read for Transcoded<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.given == self.output.len() {
            self.decode()?;
        }
        let length = into.len().min(self.output.len() - self.given);
        into[..length].copy_from_slice(&self.output[self.given..self.given + length]);
        self.given += length;
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(label: &str, bytes: &[u8]) -> Vec<u8> {
        // One byte at a time is the hardest case.
        struct Drops<'a>(&'a [u8]);
        impl Read for Drops<'_> {
            fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
                let length = self.0.len().min(into.len()).min(1);
                into[..length].copy_from_slice(&self.0[..length]);
                self.0 = &self.0[length..];
                Ok(length)
            }
        }
        let encoding = Encoding::parse(label).expect("label");
        let (mut whole, mut drops) = (Vec::new(), Vec::new());
        Transcoded::new(bytes, encoding).read_to_end(&mut whole).expect("read");
        Transcoded::new(Drops(bytes), encoding).read_to_end(&mut drops).expect("read");
        assert_eq!(whole, drops, "{label}");
        whole
    }

    fn utf16(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    #[test]
    fn text_of_any_encoding_comes_out_as_utf8() {
        assert_eq!(read("utf-16le", &utf16("a,é,😀\n")), "a,é,😀\n".as_bytes());
        assert_eq!(read("utf-16be", b"\0a\x20\xac"), "a€".as_bytes());
        assert_eq!(read("latin1", b"M\xfcller \x80"), "Müller €".as_bytes());
        assert_eq!(read("shift_jis", b"\x83\x65\x83\x58\x83\x67"), "テスト".as_bytes());
        let long = "é😀x".repeat(100_000);
        assert_eq!(read("utf-16", &utf16(&long)), long.as_bytes());
    }

    #[test]
    fn what_is_no_text_comes_out_as_no_utf8_and_nothing_else_is_touched() {
        let mut lone = utf16("a\n");
        lone.extend([0x0a, 0xd8]);
        lone.extend(utf16("\nb"));
        assert_eq!(read("utf-16le", &lone), b"a\n\xed\xa0\x8a\nb");
        lone.extend([0x00, 0xdc, 0x41]);
        assert_eq!(read("utf-16le", &lone), b"a\n\xed\xa0\x8a\nb\xed\xb0\x80\xff");
        assert_eq!(read("shift_jis", b"a\x81\nb"), b"a\xff\x81\nb");
    }

    #[test]
    fn names_are_those_of_the_web() {
        for label in [
            "UTF-8",
            "utf8",
            "Latin-1",
            "ISO-8859-15",
            "windows-1252",
            "cp1251",
            "UTF_16",
            "gb18030",
            "ascii",
        ] {
            assert!(Encoding::parse(label).is_ok(), "{label}");
        }
        for label in ["utf-32", "ebcdic", "", "hz-gb-2312"] {
            assert!(Encoding::parse(label).is_err(), "{label}");
        }
    }
}
