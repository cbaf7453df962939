//! CSV against an independent reader: what both accept has the same fields, nothing goes missing, and no window changes it.

use proptest::{collection::vec, prelude::*, sample::select};
use rfe_model::letter::BadRecord;
use rfe_sources::Chunk;
use serde_json::{Value as Json, json};

use crate::{
    desk::texts,
    trial::{Trial, holds},
};

/// A file's bytes, and how they are to be cut.
#[derive(Debug, Clone)]
struct Case {
    delimiter: u8,
    quote: Option<u8>,
    escape: Option<u8>,
    width: usize,
    bytes: Vec<u8>,
}

/// A record as it was read: its line, and its fields or what is wrong with it.
type Record = (u64, Result<Vec<String>, Box<BadRecord>>);

impl Case {
    fn config(&self) -> Json {
        let text = |byte: Option<u8>| byte.map(|byte| char::from(byte).to_string()).unwrap_or_default();
        let names: Vec<String> = (0..self.width).map(|at| format!("c{at}")).collect();
        json!({"location": "a.csv", "header": false, "names": names, "delimiter": text(Some(self.delimiter)),
            "quote": text(self.quote), "escape": text(self.escape)})
    }

    // The first record of some bytes, and where it ends, as the independent reader has them.
    fn independent(&self, bytes: &[u8]) -> (Vec<Vec<u8>>, usize) {
        let mut builder = csv::ReaderBuilder::new();
        builder.has_headers(false).flexible(true).delimiter(self.delimiter).escape(self.escape);
        match self.quote {
            Some(quote) => builder.quote(quote),
            None => builder.quoting(false),
        };
        let mut reader = builder.from_reader(bytes);
        let mut record = csv::ByteRecord::new();
        assert!(reader.read_byte_record(&mut record).expect("memory"), "a record");
        (record.iter().map(<[u8]>::to_vec).collect(), reader.position().byte() as usize)
    }

    // Where a line begins.
    fn place_of(&self, line: u64) -> usize {
        let mut at = 0;
        for _ in 1..line {
            let found = self.bytes[at..].iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            at += found.expect("a line of the file") + 1;
            if self.bytes[at - 1] == b'\r' && self.bytes.get(at) == Some(&b'\n') {
                at += 1;
            }
        }
        at
    }

    // The next byte that is no line end.
    fn without_line_ends(&self, at: usize) -> usize {
        at + self.bytes[at..].iter().take_while(|byte| matches!(byte, b'\n' | b'\r')).count()
    }
}

fn hostile() -> impl Strategy<Value = Case> {
    let dialect = (
        select(vec![b',', b';', b'\t', b'|']),
        select(vec![Some(b'"'), Some(b'"'), Some(b'\''), None]),
        select(vec![None, None, Some(b'\\')]),
    );
    (dialect, 1..4_usize).prop_flat_map(|((delimiter, quote, escape), width)| {
        let quote_or_letter = quote.unwrap_or(b'q');
        let special = vec![delimiter, delimiter, quote_or_letter, quote_or_letter, b'\n', b'\r', b' ', b'\\'];
        let piece = prop_oneof![
            12 => select(special).prop_map(|byte| vec![byte]),
            4 => Just(b"\r\n".to_vec()),
            6 => "[a-c0-9\"',;|]{1,3}".prop_map(String::into_bytes),
            2 => select(vec!["é", "漢", "😀", "\u{301}", "\u{0}"]).prop_map(|text| text.as_bytes().to_vec()),
            // Records across the smallest window.
            1 => (1..3000_usize).prop_map(|many| vec![b'x'; many]),
            1 => Just(vec![b'a', 0xff]),
        ];
        let bytes = vec(piece, 0..120).prop_map(|pieces| pieces.concat());
        bytes.prop_map(move |bytes| Case { delimiter, quote, escape, width, bytes })
    })
}

fn records(chunks: &[Chunk], width: usize) -> Vec<Record> {
    let mut records: Vec<Record> = Vec::new();
    for chunk in chunks {
        let fields: Vec<_> =
            (0..width).map(|at| texts(chunk.raw.column(&format!("c{at}")).expect("a field"))).collect();
        let lines = chunk.raw.column("_line").expect("_line").i64().expect("integers");
        for (row, line) in lines.iter().enumerate() {
            let texts = fields.iter().map(|field| field[row].clone().unwrap_or_default()).collect();
            records.push((line.expect("a line") as u64, Ok(texts)));
        }
        let bad = chunk.bad.iter().map(|bad| (u64::from(bad.position.line), Err(Box::new(bad.clone()))));
        records.extend(bad);
    }
    records.sort_by_key(|(line, _)| *line);
    records
}

// Neither marked as another encoding nor looking like one.
fn is_plain(bytes: &[u8]) -> bool {
    let head = &bytes[..bytes.len().min(4)];
    !matches!(head.first(), Some(0xfe | 0xff)) && !head.starts_with(b"\xef\xbb\xbf") && !head.contains(&0)
}

// Checks the record that begins at a place, and says where it ends.
fn agrees(case: &Case, record: &Record, at: usize) -> Result<usize, TestCaseError> {
    let (line, read) = record;
    prop_assert_eq!(
        case.place_of(*line),
        at,
        "the record on line {} begins where the one before ended",
        line
    );
    let rest = &case.bytes[at..];
    let (independent, end) = case.independent(rest);
    let bad = match read {
        Ok(fields) => {
            let fields: Vec<&[u8]> = fields.iter().map(String::as_bytes).collect();
            prop_assert_eq!(fields, independent, "line {}", line);
            return Ok(at + end);
        }
        Err(bad) => bad,
    };
    prop_assert!(rest.starts_with(&bad.raw), "{:?} has its exact bytes", bad);
    if bad.code == "UNCLOSED_QUOTE" {
        // It costs the lines up to where it opens; what the independent reader makes of the rest means nothing then.
        prop_assert!(case.quote.is_some_and(|quote| bad.raw.contains(&quote)), "{:?}", bad);
        return Ok(at + bad.raw.len());
    }
    prop_assert_eq!(case.independent(&bad.raw).0, independent.clone(), "{:?}", bad);
    let is_so = match bad.code {
        "RAGGED_ROW" => independent.len() != case.width,
        "BAD_ENCODING" => std::str::from_utf8(&bad.raw).is_err(),
        "STRAY_QUOTE" => case.quote.is_some_and(|quote| bad.raw.contains(&quote)),
        _ => false,
    };
    prop_assert!(is_so, "{:?}", bad);
    Ok(at + end)
}

#[test]
fn csv_has_the_records_and_fields_of_an_independent_reader() {
    let trial = Trial::new();
    holds(600, &hostile(), |case| {
        prop_assume!(is_plain(&case.bytes));
        trial.desk.write("a.csv", &case.bytes);
        let chunks = trial.read("csv", case.config(), 1 << 20).expect("read");
        let mut at = case.without_line_ends(0);
        for record in records(&chunks, case.width) {
            at = case.without_line_ends(agrees(&case, &record, at)?);
        }
        prop_assert_eq!(at, case.bytes.len(), "every byte belongs to a record");
        Ok(())
    });
}

#[test]
fn csv_has_the_same_records_in_windows_and_chunks_of_any_size() {
    let trial = Trial::new();
    holds(200, &(hostile(), 1..9000_usize), |(case, chunk_bytes)| {
        trial.desk.write("a.csv", &case.bytes);
        let whole = trial.read("csv", case.config(), 1 << 20);
        let pieces = trial.read("csv", case.config(), chunk_bytes);
        match (whole, pieces) {
            (Ok(whole), Ok(pieces)) => {
                prop_assert_eq!(records(&whole, case.width), records(&pieces, case.width));
                let sum = |chunks: &[Chunk]| chunks.iter().map(|chunk| chunk.bytes_read).sum::<u64>();
                let all = case.bytes.len() as u64;
                prop_assert!(whole.is_empty() || sum(&whole) == all, "{} of {} bytes", sum(&whole), all);
                // Blank lines behind the last record belong to no chunk.
                prop_assert!(sum(&pieces) <= all, "{} of {} bytes", sum(&pieces), all);
            }
            (whole, pieces) => prop_assert_eq!(
                whole.map(|_| ()).map_err(|error| error.to_string()),
                pieces.map(|_| ()).map_err(|error| error.to_string())
            ),
        }
        Ok(())
    });
}

#[test]
fn what_a_csv_writer_writes_lands_whole() {
    let trial = Trial::new();
    let field = prop_oneof![
        3 => "[ -~]{0,8}",
        1 => any::<String>(),
        1 => "[a\"\r\n,;]{0,6}",
    ];
    let table = (1..5_usize).prop_flat_map(move |width| vec(vec(field.clone(), width), 1..20));
    let style = (select(vec![b',', b';', b'\t']), any::<bool>(), any::<bool>());
    holds(300, &(table, style), |(table, (delimiter, always, crlf))| {
        let mut writer = csv::WriterBuilder::new();
        writer.delimiter(delimiter).has_headers(false);
        if always {
            writer.quote_style(csv::QuoteStyle::Always);
        }
        if crlf {
            writer.terminator(csv::Terminator::CRLF);
        }
        let mut writer = writer.from_writer(Vec::new());
        for record in &table {
            writer.write_record(record).expect("memory");
        }
        let bytes = writer.into_inner().expect("memory");
        prop_assume!(is_plain(&bytes));
        let case = Case { delimiter, quote: Some(b'"'), escape: None, width: table[0].len(), bytes };
        trial.desk.write("a.csv", &case.bytes);
        let chunks = trial.read("csv", case.config(), 1 << 20).expect("read");
        let read: Vec<_> = records(&chunks, case.width).into_iter().map(|(_, record)| record).collect();
        prop_assert_eq!(read, table.into_iter().map(Ok).collect::<Vec<_>>());
        Ok(())
    });
}

#[test]
fn compressed_csv_reads_as_plain() {
    let trial = Trial::new();
    holds(60, &hostile(), |case| {
        let read = |bytes: &[u8]| {
            trial.desk.write("a.csv", bytes);
            trial.read("csv", case.config(), 5000).map(|chunks| records(&chunks, case.width))
        };
        let plain = read(&case.bytes).map_err(|error| error.code);
        let compressed = read(&crate::desk::gz(&case.bytes)).map_err(|error| error.code);
        prop_assert_eq!(plain, compressed);
        Ok(())
    });
}
