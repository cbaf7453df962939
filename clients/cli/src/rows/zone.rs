//! Instants print in UTC whatever zone their type names: formatting a named zone needs a zone database that Arrow may lack.

use std::sync::Arc;

use arrow::array::{ArrayData, ArrayRef, RecordBatch, make_array};
use arrow_schema::{DataType, Field, FieldRef, Schema};

use super::wrong;
use crate::error::CliError;

/// The batch with every zone replaced by an offset of zero; the instants stay.
pub(super) fn in_utc(batch: &RecordBatch) -> Result<RecordBatch, CliError> {
    if batch.schema().fields().iter().all(|field| !names_a_zone(field.data_type())) {
        return Ok(batch.clone());
    }
    let fields: Vec<FieldRef> = batch.schema().fields().iter().map(field_in_utc).collect();
    let columns: Result<Vec<ArrayRef>, CliError> =
        batch.columns().iter().map(|column| Ok(make_array(data_in_utc(column.to_data())?))).collect();
    let schema = Schema::new_with_metadata(fields, batch.schema().metadata().clone());
    RecordBatch::try_new(Arc::new(schema), columns?).map_err(wrong)
}

fn names_a_zone(kind: &DataType) -> bool {
    kind_in_utc(kind) != *kind
}

fn data_in_utc(data: ArrayData) -> Result<ArrayData, CliError> {
    let kind = kind_in_utc(data.data_type());
    if kind == *data.data_type() {
        return Ok(data);
    }
    let children: Result<Vec<ArrayData>, CliError> =
        data.child_data().iter().cloned().map(data_in_utc).collect();
    data.into_builder().data_type(kind).child_data(children?).build().map_err(wrong)
}

fn kind_in_utc(kind: &DataType) -> DataType {
    match kind {
        DataType::Timestamp(unit, Some(_)) => DataType::Timestamp(*unit, Some("+00:00".into())),
        DataType::List(field) => DataType::List(field_in_utc(field)),
        DataType::LargeList(field) => DataType::LargeList(field_in_utc(field)),
        DataType::FixedSizeList(field, size) => DataType::FixedSizeList(field_in_utc(field), *size),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(field_in_utc).collect()),
        DataType::Map(field, sorted) => DataType::Map(field_in_utc(field), *sorted),
        other => other.clone(),
    }
}

fn field_in_utc(field: &FieldRef) -> FieldRef {
    let kind = kind_in_utc(field.data_type());
    if kind == *field.data_type() {
        return field.clone();
    }
    Arc::new(Field::new(field.name(), kind, field.is_nullable()).with_metadata(field.metadata().clone()))
}

#[cfg(test)]
mod tests {
    use arrow::array::{Array as _, ListArray, TimestampMicrosecondArray};
    use arrow::buffer::OffsetBuffer;

    use super::*;

    #[test]
    fn zones_within_lists_are_replaced_too() {
        let at = TimestampMicrosecondArray::from(vec![1]).with_timezone("Europe/Berlin");
        let field = Arc::new(Field::new("item", at.data_type().clone(), true));
        let list = ListArray::new(field, OffsetBuffer::from_lengths([1]), Arc::new(at), None);
        let batch = RecordBatch::try_from_iter([("l", Arc::new(list) as ArrayRef)]).expect("a batch");
        let utc = in_utc(&batch).expect("a batch");
        assert!(format!("{:?}", utc.schema().field(0).data_type()).contains("+00:00"));
        assert_eq!(utc.num_rows(), 1);
    }
}
