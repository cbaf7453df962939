//! Tables of `meta` as an Arrow stream. Each part is a read of its own, so that a slow reader holds no transaction open and
//! no more than a part is in memory.

use std::{collections::VecDeque, sync::Arc};

use arrow_array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{ArrowError, DataType, Field, Schema, TimeUnit};
use bytes::Bytes;
use futures::{Stream, stream};
use rfe_model::{ErrorCode, Fault, fault::reason};
use rfe_registry::{CatalogStore, META_TABLES, MetaPart, MetaTable, MetaValue, SCAN_ROWS};

/// Bytes of one message.
const MESSAGE: usize = 1 << 20;
/// Rows of one part.
const PART: u32 = 2000;

/// The pieces of one Arrow IPC stream.
///
/// # Errors
/// A NOT_FOUND that names the tables, if there is no such one.
pub(crate) async fn stream(
    catalog: Arc<dyn CatalogStore>,
    table: String,
) -> Result<impl Stream<Item = Result<Bytes, Fault>> + Send + 'static, Fault> {
    let part = catalog.scan_part(&table, None, PART).await?.ok_or_else(|| unknown(&table))?;
    let schema = schema(&part.table);
    let writer = StreamWriter::try_new(Vec::new(), &schema).map_err(arrow)?;
    let scan = Scan { catalog, table, schema, writer, part: Some(part), rows: 0, ready: VecDeque::new() };
    Ok(stream::try_unfold(scan, Scan::next))
}

fn unknown(table: &str) -> Fault {
    let tables = META_TABLES.map(|table| format!("meta.{table}")).join(", ");
    let text = format!("table `meta.{table}` does not exist; the tables are {tables}");
    Fault::new(ErrorCode::NotFound, reason::DATASET_NOT_FOUND, text).with("dataset", format!("meta.{table}"))
}

struct Scan {
    catalog: Arc<dyn CatalogStore>,
    table: String,
    schema: Arc<Schema>,
    writer: StreamWriter<Vec<u8>>,
    /// Read and not yet written; `None`: the stream's end is written.
    part: Option<MetaPart>,
    rows: usize,
    ready: VecDeque<Bytes>,
}

impl Scan {
    async fn next(mut self) -> Result<Option<(Bytes, Self)>, Fault> {
        loop {
            if let Some(bytes) = self.ready.pop_front() {
                return Ok(Some((bytes, self)));
            }
            let Some(part) = self.part.take() else { return Ok(None) };
            self.write(&part.table)?;
            self.part = match part.next.filter(|_| self.rows < SCAN_ROWS) {
                Some(after) => self.catalog.scan_part(&self.table, Some(after), PART).await?,
                None => None,
            };
            if self.part.is_none() {
                self.writer.finish().map_err(arrow)?;
            }
            self.cut();
        }
    }

    fn write(&mut self, table: &MetaTable) -> Result<(), Fault> {
        let rows = &table.rows[..table.rows.len().min(SCAN_ROWS - self.rows)];
        self.rows += rows.len();
        if rows.is_empty() {
            return Ok(());
        }
        let columns = table.columns.iter().enumerate().map(|(at, (_, kind))| array(rows, at, kind)).collect();
        let batch = RecordBatch::try_new(self.schema.clone(), columns).map_err(arrow)?;
        self.writer.write(&batch).map_err(arrow)
    }

    fn cut(&mut self) {
        let mut written = Bytes::from(std::mem::take(self.writer.get_mut()));
        while !written.is_empty() {
            self.ready.push_back(written.split_to(written.len().min(MESSAGE)));
        }
    }
}

fn schema(table: &MetaTable) -> Arc<Schema> {
    let field = |(name, kind): &(&str, &str)| Field::new(*name, data_type(kind), true);
    Arc::new(Schema::new(table.columns.iter().map(field).collect::<Vec<_>>()))
}

fn data_type(kind: &str) -> DataType {
    match kind {
        "BIGINT" => DataType::Int64,
        "DOUBLE" => DataType::Float64,
        "BOOLEAN" => DataType::Boolean,
        "TIMESTAMPTZ" => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        _ => DataType::Utf8,
    }
}

fn array(rows: &[Vec<MetaValue>], at: usize, kind: &str) -> ArrayRef {
    let values = rows.iter().map(|row| &row[at]);
    match kind {
        "BIGINT" => Arc::new(values.map(integer).collect::<Int64Array>()),
        "DOUBLE" => Arc::new(values.map(double).collect::<Float64Array>()),
        "BOOLEAN" => Arc::new(values.map(boolean).collect::<BooleanArray>()),
        "TIMESTAMPTZ" => {
            Arc::new(values.map(integer).collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
        }
        _ => Arc::new(values.map(text).collect::<StringArray>()),
    }
}

fn integer(value: &MetaValue) -> Option<i64> {
    match value {
        MetaValue::Integer(value) | MetaValue::Time(value) => Some(*value),
        _ => None,
    }
}

fn double(value: &MetaValue) -> Option<f64> {
    if let MetaValue::Double(value) = value { Some(*value) } else { None }
}

fn boolean(value: &MetaValue) -> Option<bool> {
    if let MetaValue::Boolean(value) = value { Some(*value) } else { None }
}

fn text(value: &MetaValue) -> Option<&str> {
    if let MetaValue::Text(value) = value { Some(value) } else { None }
}

fn arrow(error: ArrowError) -> Fault {
    Fault::internal(format!("a table of meta as Arrow: {error}"))
}
