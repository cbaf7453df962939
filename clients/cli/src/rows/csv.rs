//! RFC 4180, with a newline as the end of a line, as tools on the command line expect it.

use std::io::Write;

use arrow::util::display::{ArrayFormatter, FormatOptions};
use arrow_array::{Array as _, RecordBatch};
use arrow_schema::SchemaRef;

use super::{RowWriter, wrong, zone};
use crate::error::CliError;

/// Writes CSV.
pub(super) struct Csv<'a> {
    to: Box<dyn Write + Send + 'a>,
    cell: String,
    line: String,
}

impl<'a> Csv<'a> {
    pub(super) fn new(schema: &SchemaRef, mut to: Box<dyn Write + Send + 'a>) -> Result<Self, CliError> {
        let mut header = String::new();
        for (at, field) in schema.fields().iter().enumerate() {
            separate(&mut header, at);
            quote(&mut header, field.name());
        }
        writeln!(to, "{header}").map_err(CliError::Output)?;
        Ok(Self { to, cell: String::new(), line: header })
    }
}

impl RowWriter for Csv<'_> {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), CliError> {
        let batch = zone::in_utc(batch)?;
        let options = FormatOptions::new().with_display_error(false);
        let columns = batch.columns().iter().map(|column| ArrayFormatter::try_new(column.as_ref(), &options));
        let columns = columns.collect::<Result<Vec<_>, _>>().map_err(wrong)?;
        for row in 0..batch.num_rows() {
            self.line.clear();
            for (at, column) in columns.iter().enumerate() {
                separate(&mut self.line, at);
                if batch.column(at).is_valid(row) {
                    self.cell.clear();
                    column.value(row).write(&mut self.cell).map_err(wrong)?;
                    quote(&mut self.line, &self.cell);
                }
            }
            self.line.push('\n');
            self.to.write_all(self.line.as_bytes()).map_err(CliError::Output)?;
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<Option<String>, CliError> {
        self.to.flush().map_err(CliError::Output)?;
        Ok(None)
    }
}

fn separate(line: &mut String, at: usize) {
    if at > 0 {
        line.push(',');
    }
}

fn quote(line: &mut String, cell: &str) {
    if !cell.is_empty() && !cell.contains(['"', ',', '\n', '\r']) {
        line.push_str(cell);
        return;
    }
    line.push('"');
    line.push_str(&cell.replace('"', "\"\""));
    line.push('"');
}
