//! Lines of NDJSON from a file or a pipe, read on a thread of their own so that a slow pipe holds nothing up.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::Path,
};

use tokio::sync::mpsc;

use crate::error::CliError;

const BATCH: usize = 64 << 10;
/// The largest event that the platform takes, with room for white space.
pub(crate) const LONGEST: usize = 26 << 20;

/// One line without its end.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// From 1.
    pub(crate) number: u64,
    pub(crate) bytes: Vec<u8>,
    /// True if it is longer than [`LONGEST`]; the rest is skipped.
    pub(crate) cut: bool,
}

type Batch = io::Result<Vec<Line>>;

/// Opens a file, or stdin for `-`, and sends its lines in batches.
pub(crate) fn read(file: &Path) -> Result<mpsc::Receiver<Batch>, CliError> {
    let from: Box<dyn Read + Send> = if file == Path::new("-") {
        Box::new(io::stdin())
    } else {
        Box::new(File::open(file).map_err(|error| CliError::read(file, error))?)
    };
    let (sender, receiver) = mpsc::channel(4);
    // A runtime's blocking thread would hold up the end of the process while it waits for a pipe.
    std::thread::spawn(move || pump(BufReader::with_capacity(BATCH, from), &sender));
    Ok(receiver)
}

fn pump<R: Read>(mut from: BufReader<R>, to: &mpsc::Sender<Batch>) {
    let mut number = 0;
    loop {
        let mut batch = Vec::new();
        let mut bytes = 0;
        let end = loop {
            match next(&mut from, number + 1, LONGEST) {
                Ok(Some(line)) => {
                    number += 1;
                    bytes += line.bytes.len() + 1;
                    batch.push(line);
                }
                Ok(None) => break Some(None),
                Err(error) => break Some(Some(error)),
            }
            // What a pipe has given so far must not wait for what it has not.
            if bytes >= BATCH || from.buffer().is_empty() {
                break None;
            }
        };
        if !batch.is_empty() && to.blocking_send(Ok(batch)).is_err() {
            return;
        }
        match end {
            None => {}
            Some(None) => return,
            Some(Some(error)) => {
                let _nobody_waits = to.blocking_send(Err(error));
                return;
            }
        }
    }
}

fn next(from: &mut impl BufRead, number: u64, longest: usize) -> io::Result<Option<Line>> {
    let mut line = Line { number, bytes: Vec::new(), cut: false };
    let mut any = false;
    loop {
        let buffer = from.fill_buf()?;
        if buffer.is_empty() {
            return Ok(any.then(|| finished(line)));
        }
        any = true;
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let part = &buffer[..end.unwrap_or(buffer.len())];
        let room = longest - line.bytes.len();
        line.cut |= part.len() > room;
        line.bytes.extend_from_slice(&part[..part.len().min(room)]);
        let used = end.map_or(buffer.len(), |end| end + 1);
        from.consume(used);
        if end.is_some() {
            return Ok(Some(finished(line)));
        }
    }
}

fn finished(mut line: Line) -> Line {
    if line.bytes.last() == Some(&b'\r') {
        line.bytes.pop();
    }
    if line.number == 1 && line.bytes.starts_with(b"\xef\xbb\xbf") {
        line.bytes.drain(..3);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &[u8], longest: usize) -> Vec<(String, bool)> {
        let mut from = BufReader::with_capacity(3, text);
        let mut lines = Vec::new();
        while let Some(line) = next(&mut from, lines.len() as u64 + 1, longest).expect("lines") {
            lines.push((String::from_utf8(line.bytes).expect("text"), line.cut));
        }
        lines
    }

    #[test]
    fn lines_end_with_or_without_a_newline() {
        let plain = |text: &str| (text.to_owned(), false);
        assert_eq!(all(b"\xef\xbb\xbf{}\r\n\n[1]", 100), [plain("{}"), plain(""), plain("[1]")]);
        assert_eq!(all(b"a\n", 100), [plain("a")]);
        assert_eq!(all(b"", 100), []);
    }

    #[test]
    fn a_line_that_is_too_long_is_cut_and_the_next_one_is_whole() {
        assert_eq!(all(b"123456789\nab\n", 4), [("1234".to_owned(), true), ("ab".to_owned(), false)]);
    }

    #[tokio::test]
    async fn a_file_is_read_whole() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let text: String = (0..50_000).map(|number| format!("{{\"n\":{number}}}\n")).collect();
        std::fs::write(file.path(), text).expect("written");
        let mut lines = read(file.path()).expect("opened");
        let mut last = 0;
        while let Some(batch) = lines.recv().await {
            for line in batch.expect("lines") {
                assert_eq!(line.number, last + 1);
                last = line.number;
            }
        }
        assert_eq!(last, 50_000);
    }
}
