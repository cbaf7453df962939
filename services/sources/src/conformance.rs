//! The suite that every kind's reader passes.

use std::{collections::HashSet, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use polars::prelude::DataFrame;
use rfe_model::{
    SourceSpec,
    letter::{BadRecord, Stage},
    name,
    source::SchemaPolicy,
};

use crate::{Chunk, Expectation, FileMark, Held, ReadContext, ReadError, ReadMemory, Source, error::code};

/// What a kind is tried with: a spec whose source holds good and bad records.
#[derive(Debug)]
pub struct Case {
    /// The kind.
    pub kind: Arc<dyn Source>,
    /// The spec.
    pub spec: SourceSpec,
    /// How it is read.
    pub context: ReadContext,
    /// Records that the source holds, bad ones included.
    pub records: u64,
    /// How many of them are bad.
    pub bad: u64,
    /// Mends the bytes of a bad record, as a person would by hand.
    pub mend: fn(&[u8]) -> Vec<u8>,
}

/// Runs the whole suite. The source does not change while it runs.
///
/// # Panics
/// Where the reader does not conform.
pub async fn run(case: &Case) {
    case.kind.check(&case.spec).expect("the spec passes its own kind's check");
    let chunks = drain(case, &case.context).await.expect("the source can be read");
    both_forms_have_the_same_rows(&chunks);
    names_are_settled(&chunks);
    what_was_read_landed_or_is_bad(case, &chunks);
    reading_again_reads_the_same(case, &chunks).await;
    chunks_are_bounded(case, &chunks).await;
    a_read_goes_on_at_any_checkpoint(case, &chunks).await;
    checkpoints_of_another_config_are_of_no_account(case, &chunks).await;
    a_mended_record_is_a_row(case, &chunks);
    a_record_that_is_still_bad_stays_bad(case, &chunks);
    records_are_held_to_the_columns_of_the_dataset(case, &chunks).await;
}

/// What earlier attempts of a run left: their checkpoints in order.
#[derive(Debug, Clone, Default)]
pub struct Attempts(pub Vec<Bytes>);

#[async_trait]
impl ReadMemory for Attempts {
    async fn checkpoint(&self, place: usize) -> Result<Option<Bytes>, ReadError> {
        Ok(self.0.get(place).cloned())
    }

    async fn unread(&self, files: Vec<FileMark>) -> Result<Vec<FileMark>, ReadError> {
        Ok(files)
    }
}

/// Reads a source whole.
///
/// # Errors
/// As the reader has them.
pub async fn drain(case: &Case, context: &ReadContext) -> Result<Vec<Chunk>, ReadError> {
    let mut reader = case.kind.open(&case.spec, context.clone()).await?;
    let mut chunks = Vec::new();
    while let Some(chunk) = reader.next().await? {
        chunks.push(chunk);
    }
    assert!(reader.next().await?.is_none(), "the end stays the end");
    Ok(chunks)
}

fn both_forms_have_the_same_rows(chunks: &[Chunk]) {
    for chunk in chunks {
        for column in &chunk.columns {
            assert_eq!(column.values.len(), chunk.rows(), "rows of `{}`", column.name);
            assert_eq!(column.values.name().as_str(), column.name, "a column knows its name");
            let is_null = column.values.null_count() == column.values.len();
            assert!(is_null || column.observed.is_some(), "`{}` has values and so a type", column.name);
        }
    }
}

fn names_are_settled(chunks: &[Chunk]) {
    for chunk in chunks {
        let names: Vec<&str> = chunk.columns.iter().map(|column| column.name.as_str()).collect();
        assert_eq!(name::settle_columns(&names), names, "names are settled");
        let raw = chunk.raw.get_column_names();
        assert!(raw.iter().all(|name| name.as_str() != "_run_id"), "`_run_id` is the worker's");
        let differing: HashSet<String> = raw.iter().map(|name| name.to_lowercase()).collect();
        assert_eq!(differing.len(), raw.len(), "names of raw differ by more than case");
    }
}

fn what_was_read_landed_or_is_bad(case: &Case, chunks: &[Chunk]) {
    for chunk in chunks {
        assert_eq!(chunk.read, (chunk.rows() + chunk.bad.len()) as u64, "read = rows + bad");
    }
    assert_eq!(chunks.iter().map(|chunk| chunk.read).sum::<u64>(), case.records, "records read");
    assert_eq!(bad(chunks).count() as u64, case.bad, "bad records: {:?}", bad(chunks).collect::<Vec<_>>());
    let total = chunks.iter().map(|chunk| chunk.bytes_total).max().unwrap_or(0);
    let read: u64 = chunks.iter().map(|chunk| chunk.bytes_read).sum();
    assert!(total == 0 || read == total, "{read} bytes read of {total}");
}

async fn reading_again_reads_the_same(case: &Case, first: &[Chunk]) {
    let again = drain(case, &case.context).await.expect("the source can be read again");
    assert_eq!(again.len(), first.len(), "chunks");
    for (again, first) in again.iter().zip(first) {
        assert!(again.raw.equals_missing(&first.raw), "raw is the same");
        assert_eq!(again.bad, first.bad, "bad records are the same");
        assert_eq!(again.columns.len(), first.columns.len(), "columns");
        for (again, first) in again.columns.iter().zip(&first.columns) {
            assert_eq!((&again.name, &again.observed), (&first.name, &first.observed));
            assert!(again.values.equals_missing(&first.values), "`{}` is the same", first.name);
        }
    }
}

async fn a_read_goes_on_at_any_checkpoint(case: &Case, whole: &[Chunk]) {
    let left: Vec<Bytes> = whole.iter().filter_map(|chunk| chunk.checkpoint.clone()).collect();
    for survived in 1..=left.len() {
        let again = drain(case, &resumed(case, &left[..survived])).await.expect("the read goes on");
        let rows = |chunks: &[Chunk]| -> Vec<DataFrame> {
            chunks.iter().map(|chunk| chunk.raw.clone()).filter(|raw| raw.height() > 0).collect()
        };
        let (rows, expected) = (rows(&again), rows(whole));
        assert_eq!(rows.len(), expected.len(), "chunks with rows behind checkpoint {survived}");
        let same = rows.iter().zip(&expected).all(|(again, first)| again.equals_missing(first));
        assert!(same, "raw is the same behind checkpoint {survived}");
        assert_eq!(
            bad(&again).collect::<Vec<_>>(),
            bad(whole).collect::<Vec<_>>(),
            "bad records are the same"
        );
        let cursor = |chunks: &[Chunk]| chunks.iter().rev().find_map(|chunk| chunk.cursor.clone());
        assert_eq!(cursor(&again), cursor(whole), "the cursor is the same");
        let new: Vec<Bytes> = again.iter().filter_map(|chunk| chunk.checkpoint.clone()).collect();
        assert_eq!(new, left[survived..], "what is kept already is not offered again");
    }
}

async fn checkpoints_of_another_config_are_of_no_account(case: &Case, whole: &[Chunk]) {
    let strangers = vec![Bytes::from_static(b"no checkpoint of this read"); 2];
    let again = drain(case, &resumed(case, &strangers)).await.expect("the read begins anew");
    assert_eq!(again.iter().map(|chunk| chunk.read).sum::<u64>(), case.records, "nothing is left out");
    assert_eq!(again.len(), whole.len(), "chunks");
}

fn resumed(case: &Case, left: &[Bytes]) -> ReadContext {
    ReadContext { memory: Arc::new(Attempts(left.to_vec())), ..case.context.clone() }
}

async fn chunks_are_bounded(case: &Case, whole: &[Chunk]) {
    let small = ReadContext { chunk_bytes: 1, ..case.context.clone() };
    let chunks = drain(case, &small).await.expect("the source can be read record by record");
    assert!(chunks.iter().all(|chunk| chunk.read <= 1), "a chunk of one byte holds one record");
    assert_eq!(
        chunks.iter().map(|chunk| chunk.read).sum::<u64>(),
        case.records,
        "no record is lost between chunks"
    );
    let one_by_one: Vec<&BadRecord> = bad(&chunks).collect();
    assert_eq!(one_by_one, bad(whole).collect::<Vec<_>>(), "a bad record is the same in any chunk");
}

fn a_mended_record_is_a_row(case: &Case, chunks: &[Chunk]) {
    for record in bad(chunks) {
        let mended = (case.mend)(&record.raw);
        let chunk = decode(case, record, &mended);
        assert_eq!((chunk.rows(), chunk.bad.len(), chunk.read), (1, 0, 1), "mended: {:?}", chunk.bad);
        both_forms_have_the_same_rows(std::slice::from_ref(&chunk));
        let raw = chunks.iter().map(|chunk| &chunk.raw).find(|raw| raw.width() > 0);
        assert!(
            raw.is_none_or(|raw| names(raw).is_superset(&names(&chunk.raw))),
            "raw of a letter has the columns of raw"
        );
    }
}

fn a_record_that_is_still_bad_stays_bad(case: &Case, chunks: &[Chunk]) {
    for record in bad(chunks) {
        let chunk = decode(case, record, &record.raw);
        assert_eq!((chunk.rows(), chunk.read), (0, 1), "not mended: {record:?}");
        let [again] = chunk.bad.as_slice() else { panic!("one bad record, not {:?}", chunk.bad) };
        assert_eq!((&again.raw, &again.event_id, again.code), (&record.raw, &record.event_id, record.code));
        assert_eq!(again.context, record.context, "the letter can be mended later");
    }
}

// As if the dataset had all columns but one: a record with a value there is bad, one without is a row.
async fn records_are_held_to_the_columns_of_the_dataset(case: &Case, chunks: &[Chunk]) {
    let columns = || chunks.iter().flat_map(|chunk| &chunk.columns);
    let is_free =
        |name: &str| case.spec.declared(name).is_none() && !case.context.expected.declared.contains_key(name);
    let Some(unknown) = columns().find(|column| column.observed.is_some() && is_free(&column.name)) else {
        return;
    };
    let values: usize = columns()
        .filter(|column| column.name == unknown.name)
        .map(|column| column.values.len() - column.values.null_count())
        .sum();
    let known =
        columns().filter(|column| column.name != unknown.name).map(|column| (column.name.clone(), None));
    let held = Held { policy: SchemaPolicy::Quarantine, columns: known.collect(), closed: true };
    let expected = Expectation { held: Some(held), ..case.context.expected.clone() };
    let context = ReadContext { expected, ..case.context.clone() };
    let held = drain(case, &context).await.expect("a record that does not fit fails no read");
    let read: u64 = held.iter().map(|chunk| chunk.read).sum();
    assert_eq!(
        (read, bad(&held).count() as u64),
        (case.records, case.bad + values as u64),
        "of `{}`",
        unknown.name
    );
    let drifted = bad(&held).filter(|record| record.code == code::UNKNOWN_COLUMN);
    for record in drifted {
        assert_eq!(record.stage, Stage::Contract);
        assert!(record.field_path.eq_ignore_ascii_case(&unknown.name), "{}", record.field_path);
        let again = decode_in(case, &context, record, &record.raw);
        assert_eq!(again.bad.len(), 1, "a letter of it is held to the same columns");
    }
}

fn decode(case: &Case, record: &BadRecord, raw: &[u8]) -> Chunk {
    decode_in(case, &case.context, record, raw)
}

fn decode_in(case: &Case, context: &ReadContext, record: &BadRecord, raw: &[u8]) -> Chunk {
    let letter = record.clone().into_letter(&case.spec.name, &context.run_id, 1, 1);
    case.kind.decode_letter(&case.spec, context, &letter, raw).expect("the letter tells how")
}

fn bad(chunks: &[Chunk]) -> impl Iterator<Item = &BadRecord> {
    chunks.iter().flat_map(|chunk| &chunk.bad)
}

fn names(frame: &DataFrame) -> HashSet<String> {
    frame.get_column_names().into_iter().map(ToString::to_string).collect()
}
