use proptest::prelude::*;

use super::*;

fn dialect(quote: Option<u8>, escape: Option<u8>) -> Dialect {
    Dialect { delimiter: b',', quote, escape, ..Dialect::default() }
}

// All records with their fields; the flag says whether quotes are fine.
fn framed(dialect: &Dialect, mut bytes: &[u8]) -> Vec<(Vec<String>, Quoting)> {
    let mut records = Vec::new();
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let blank = line_end(bytes, true).expect("all bytes are there");
        if blank > 0 {
            bytes = &bytes[blank..];
            continue;
        }
        let found = frame(dialect, bytes, true, &mut fields).expect("all bytes are there");
        let text = std::str::from_utf8(bytes).expect("text");
        let values = fields
            .iter()
            .map(|field| value(dialect, Cow::Borrowed(&text[field.start..field.end]), *field).into_owned());
        records.push((values.collect(), found.quoting));
        bytes = &bytes[found.next..];
    }
    records
}

#[test]
fn quotes_and_line_ends_are_told_apart() {
    let plain = dialect(Some(b'"'), None);
    let read = framed(&plain, b"a,\"b\r\nc\",\"say \"\"hi\"\"\"\r\n\r\nx\"y,,\rlast");
    assert_eq!(
        read,
        [
            (vec!["a".to_owned(), "b\r\nc".to_owned(), "say \"hi\"".to_owned()], Quoting::Fine),
            (vec!["x\"y".to_owned(), String::new(), String::new()], Quoting::Fine),
            (vec!["last".to_owned()], Quoting::Fine),
        ]
    );
}

#[test]
fn text_behind_a_closing_quote_and_an_open_quote_are_flaws() {
    let plain = dialect(Some(b'"'), None);
    assert_eq!(
        framed(&plain, b"\"a\"b,c\nd,e\n").iter().map(|r| r.1).collect::<Vec<_>>(),
        [Quoting::Stray, Quoting::Fine]
    );
}

#[test]
fn a_quote_that_never_closes_takes_its_own_line_and_no_other() {
    let plain = dialect(Some(b'"'), None);
    let read = framed(&plain, b"a,\"b,x\r\nc,d\n");
    assert_eq!(
        read,
        [
            (vec!["a".to_owned(), "\"b,x".to_owned()], Quoting::Unclosed),
            (vec!["c".to_owned(), "d".to_owned()], Quoting::Fine),
        ]
    );
    let read = framed(&plain, b"\"a\nb\",\"open\nc,d\n");
    assert_eq!(read[0], (vec!["a\nb".to_owned(), "\"open".to_owned()], Quoting::Unclosed));
    assert_eq!(read[1].1, Quoting::Fine);
}

#[test]
fn a_quote_left_open_does_not_take_the_good_record_behind_it() {
    let plain = dialect(Some(b'"'), None);
    let judged = |bytes: &[u8], width| {
        let (mut fields, mut scratch) = (Vec::new(), Vec::new());
        let framed = frame(&plain, bytes, true, &mut fields).expect("all bytes are there");
        assert_eq!(framed.quoting, Quoting::Stray);
        match stray(&plain, bytes, true, framed, width, &mut scratch) {
            Stray::LeftOpen(first) => Some((first.length, first.next)),
            _ => None,
        }
    };
    assert_eq!(judged(b"1,\"abc\n2,\"def\"\n3,x\n", 2), Some((6, 7)));
    assert_eq!(judged(b"\"1\",\"abc\r\n\"2\",\"def\"\r\n", 2), Some((8, 10)));
    assert_eq!(
        judged(b"1,\"many\nlines \"said\" he\",x\n", 3),
        None,
        "what follows is no record of the file"
    );
    assert_eq!(judged(b"1,\"a\"b\n2,c\n", 2), None, "the quote closes on its own line");
}

#[test]
fn lines_are_counted_once_however_they_end() {
    assert_eq!(count_lines(b"a\nb\r\nc\rd"), 3);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn framing_agrees_with_the_csv_crate(
        text in prop::collection::vec(prop::sample::select(vec!["a", "é", ",", "\"", "\n", "\r\n", "\r", "\\", " ", "\"\"", ",\"", "\","]), 0..40)
            .prop_map(|parts| parts.concat()),
        escape in prop::sample::select(vec![None, Some(b'\\')]),
    ) {
        let ours = framed(&dialect(Some(b'"'), escape), text.as_bytes());
        let theirs: Vec<Vec<String>> = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .escape(escape)
            .from_reader(text.as_bytes())
            .records()
            .map(|record| record.expect("text").iter().map(str::to_owned).collect())
            .collect();
        // Behind a quote that never closes it reads no more, and we do.
        let alike = ours.iter().position(|(_, quoting)| *quoting == Quoting::Unclosed).map_or(ours.len(), |at| at + 1);
        prop_assert_eq!(alike, theirs.len());
        for ((fields, quoting), theirs) in ours.iter().zip(&theirs) {
            match quoting {
                Quoting::Fine => prop_assert_eq!(fields, theirs),
                Quoting::Stray => prop_assert_eq!(fields.len(), theirs.len()),
                Quoting::Unclosed => {}
            }
        }
    }

    #[test]
    fn a_record_is_the_same_however_many_bytes_are_at_hand(
        text in prop::collection::vec(prop::sample::select(vec!["a", ",", "\"", "\n", "\r\n", "\r", "\\"]), 1..30)
            .prop_map(|parts| parts.concat()),
        escape in prop::sample::select(vec![None, Some(b'\\')]),
    ) {
        let dialect = dialect(Some(b'"'), escape);
        let (mut whole, mut part) = (Vec::new(), Vec::new());
        let all = frame(&dialect, text.as_bytes(), true, &mut whole).expect("all");
        for cut in 0..text.len() {
            if let Some(early) = frame(&dialect, &text.as_bytes()[..cut], false, &mut part) {
                prop_assert_eq!(early, all);
                prop_assert_eq!(&part, &whole);
            }
        }
    }

    #[test]
    fn whatever_is_written_reads_back(rows in prop::collection::vec(prop::collection::vec("[a\",\n\r é]{0,6}", 3), 1..8)) {
        let mut writer = csv::WriterBuilder::new().quote_style(csv::QuoteStyle::Always).from_writer(Vec::new());
        rows.iter().for_each(|row| writer.write_record(row).expect("write"));
        let text = writer.into_inner().expect("flush");
        let read: Vec<Vec<String>> = framed(&dialect(Some(b'"'), None), &text).into_iter().map(|(fields, _)| fields).collect();
        prop_assert_eq!(read, rows);
    }
}
