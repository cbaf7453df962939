//! Query results in the formats of `rfe query`.

mod csv;
mod ndjson;
mod parquet;
mod pretty;
mod zone;

use std::io::Write;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;

use crate::error::CliError;

/// A format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// Aligned columns, for people
    Table,
    /// RFC 4180 with a header; NULL is an empty field, an empty text is ""
    Csv,
    /// One object a row and line; numbers are exact
    Json,
    /// A Parquet file
    Parquet,
}

/// Takes record batches and writes them.
pub(crate) trait RowWriter {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), CliError>;
    /// Writes what is left; a line for people is the answer, if there is something to tell.
    fn finish(self: Box<Self>) -> Result<Option<String>, CliError>;
}

/// How a table is cut to what people can read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TableLimits {
    pub(crate) rows: usize,
    pub(crate) cell: usize,
}

/// The writer of a format.
pub(crate) fn writer<'a>(
    format: Format,
    schema: &SchemaRef,
    to: Box<dyn Write + Send + 'a>,
    limits: TableLimits,
) -> Result<Box<dyn RowWriter + 'a>, CliError> {
    Ok(match format {
        Format::Table => Box::new(pretty::Pretty::new(schema, to, limits)),
        Format::Csv => Box::new(csv::Csv::new(schema, to)?),
        Format::Json => Box::new(ndjson::Ndjson::new(to)),
        Format::Parquet => Box::new(parquet::Parquet::new(schema, to)?),
    })
}

fn wrong(error: impl std::fmt::Display) -> CliError {
    CliError::Rows(error.to_string())
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use arrow_array::{
        Array as _, ArrayRef, BinaryArray, BooleanArray, Decimal128Array, Float64Array, Int64Array,
        StringArray, TimestampMicrosecondArray,
    };

    use super::*;

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("lock").extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn batch() -> RecordBatch {
        let sum = Decimal128Array::from(vec![Some(i128::from(i64::MAX) * 10), None]);
        let at = TimestampMicrosecondArray::from(vec![Some(1_800_000_000_000_001), None]);
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("id", Arc::new(Int64Array::from(vec![Some(9_007_199_254_740_993), None]))),
            ("price", Arc::new(Float64Array::from(vec![Some(0.1), None]))),
            ("name", Arc::new(StringArray::from(vec![Some("say \"hi\",\nyou"), Some("")]))),
            ("none", Arc::new(StringArray::from(vec![None::<&str>, None]))),
            ("ok", Arc::new(BooleanArray::from(vec![Some(true), None]))),
            ("at", Arc::new(at.clone())),
            ("utc", Arc::new(at.with_timezone("UTC"))),
            ("sum", Arc::new(sum.with_precision_and_scale(38, 0).expect("a decimal"))),
            ("blob", Arc::new(BinaryArray::from(vec![Some(b"\x00\xff".as_slice()), None]))),
        ];
        RecordBatch::try_from_iter_with_nullable(
            columns.into_iter().map(|(name, column)| (name, column, true)),
        )
        .expect("a batch")
    }

    fn written(format: Format, batches: &[RecordBatch], limits: TableLimits) -> (Vec<u8>, Option<String>) {
        let sink = Sink::default();
        let mut rows = writer(format, &batch().schema(), Box::new(sink.clone()), limits).expect("a writer");
        batches.iter().try_for_each(|batch| rows.write(batch)).expect("written");
        let told = rows.finish().expect("finished");
        let bytes = sink.0.lock().expect("lock").clone();
        (bytes, told)
    }

    fn text(format: Format, batches: &[RecordBatch]) -> String {
        let limits = TableLimits { rows: 1000, cell: usize::MAX };
        String::from_utf8(written(format, batches, limits).0).expect("text")
    }

    #[test]
    fn csv_tells_null_from_an_empty_text() {
        let header = "id,price,name,none,ok,at,utc,sum,blob\n";
        assert_eq!(
            text(Format::Csv, &[batch()]),
            format!(
                "{header}9007199254740993,0.1,\"say \"\"hi\"\",\nyou\",,true,2027-01-15T08:00:00.000001,\
                 2027-01-15T08:00:00.000001Z,92233720368547758070,00ff\n,,\"\",,,,,,\n"
            )
        );
        assert_eq!(text(Format::Csv, &[]), header);
    }

    #[test]
    fn json_is_one_object_a_line_with_exact_numbers() {
        let text = text(Format::Json, &[batch(), batch()]);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 4);
        assert_eq!(
            lines[0],
            "{\"id\":9007199254740993,\"price\":0.1,\"name\":\"say \\\"hi\\\",\\nyou\",\"none\":null,\"ok\":true,\
             \"at\":\"2027-01-15T08:00:00.000001\",\"utc\":\"2027-01-15T08:00:00.000001Z\",\
             \"sum\":92233720368547758070,\"blob\":\"00ff\"}"
        );
        assert!(lines[1].contains("\"id\":null"), "{}", lines[1]);
    }

    #[test]
    fn a_table_is_aligned_and_says_what_it_leaves_out() {
        let (bytes, told) = written(Format::Table, &[batch(), batch()], TableLimits { rows: 3, cell: 12 });
        let text = String::from_utf8(bytes).expect("text");
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 4, "{text}");
        assert!(lines[0].trim_start().starts_with("id  "), "{text}");
        assert!(lines[1].contains("say \"hi\",\\ny…"), "{text}");
        assert!(lines[2].contains("NULL"), "{text}");
        assert_eq!(told.expect("a word"), "1 row left out; --max-rows shows more, --format csv all");
        let (_, told) = written(Format::Table, &[], TableLimits { rows: 3, cell: 12 });
        assert_eq!(told.expect("a word"), "no rows");
    }

    #[test]
    fn parquet_reads_back_the_same() {
        let (bytes, _) = written(Format::Parquet, &[batch()], TableLimits { rows: 1, cell: 1 });
        let bytes = prost::bytes::Bytes::from(bytes);
        let reader = ::parquet::arrow::arrow_reader::ParquetRecordBatchReader::try_new(bytes, 1024);
        let reader = reader.expect("parquet");
        let read: Vec<_> = reader.map(|batch| batch.expect("a batch")).collect();
        assert_eq!(read.len(), 1);
        assert_eq!(read[0].columns(), batch().columns());
        assert!(read[0].column(6).data_type().is_temporal());
    }
}
