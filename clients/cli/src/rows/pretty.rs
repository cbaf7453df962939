//! Aligned columns; rows beyond the limit are counted and not kept.

use std::io::Write;

use arrow::util::display::{ArrayFormatter, FormatOptions};
use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;

use super::{RowWriter, TableLimits, wrong, zone};
use crate::{error::CliError, table::Table, text};

/// Writes a table at the end.
pub(super) struct Pretty<'a> {
    to: Box<dyn Write + Send + 'a>,
    table: Table,
    limits: TableLimits,
    rows: usize,
}

impl<'a> Pretty<'a> {
    pub(super) fn new(schema: &SchemaRef, to: Box<dyn Write + Send + 'a>, limits: TableLimits) -> Self {
        let names = schema.fields().iter().map(|field| {
            let aligned = if field.data_type().is_numeric() { ">" } else { "" };
            format!("{aligned}{}", field.name())
        });
        let table = Table::new(&names.collect::<Vec<_>>()).widest(limits.cell);
        Self { to, table, limits, rows: 0 }
    }
}

impl RowWriter for Pretty<'_> {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), CliError> {
        let shown = batch.num_rows().min(self.limits.rows.saturating_sub(self.rows));
        self.rows += batch.num_rows();
        if shown == 0 {
            return Ok(());
        }
        let batch = zone::in_utc(&batch.slice(0, shown))?;
        let options = FormatOptions::new().with_display_error(false).with_null("NULL");
        let columns = batch.columns().iter().map(|column| ArrayFormatter::try_new(column.as_ref(), &options));
        let columns = columns.collect::<Result<Vec<_>, _>>().map_err(wrong)?;
        for row in 0..shown {
            let cells = columns.iter().map(|column| column.value(row).try_to_string());
            self.table.row(&cells.collect::<Result<Vec<_>, _>>().map_err(wrong)?);
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<Option<String>, CliError> {
        writeln!(self.to, "{}", self.table.render()).map_err(CliError::Output)?;
        self.to.flush().map_err(CliError::Output)?;
        let left_out = self.rows.saturating_sub(self.limits.rows) as i64;
        Ok(match (self.rows, left_out) {
            (0, _) => Some("no rows".to_owned()),
            (_, 0) => None,
            _ => Some(format!(
                "{} left out; --max-rows shows more, --format csv all",
                text::many(left_out, "row")
            )),
        })
    }
}
