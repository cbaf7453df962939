//! The view of mode `merge`: of the rows of one key the latest, if it is not deleted.
//!
//! A narrow aggregation finds where the latest row of each key stands, and a join fetches it. The engine pushes a filter on the key
//! into both scans, and only the key, the order and the place pass through the aggregation; a window over all columns took almost
//! twice as long.

use rfe_model::SqlType;
use rfe_proto::metadata::MergeOptions;

use crate::{
    files::{File, Holds},
    relation::Rows,
};

// A row's place: its file in the order of commits, then its number in the file.
const PLACE: &str = "((file_index::BIGINT << 40) + file_row_number::BIGINT)";

/// The query.
pub fn view(rows: &Rows, options: &MergeOptions, files: &[&File]) -> String {
    let scan = rows.scan();
    let alive = alive(rows, options);
    let keys = options.key.iter().map(|key| rows.column(key)).collect::<Option<Vec<_>>>().unwrap_or_default();
    // A row without its key is the same row as no other, and without the column all rows are such.
    if keys.is_empty() {
        return format!("SELECT {} FROM {scan} WHERE {alive}", rows.shown());
    }
    let names = keys.iter().map(|(_, name, _)| name.as_str()).collect::<Vec<_>>();
    let same = names.iter().map(|name| format!("a.{name} = w.{name}")).collect::<Vec<_>>().join(" AND ");
    let latest = format!(
        "SELECT {} FROM (SELECT {}, {PLACE} AS place FROM {scan}) AS a \
         JOIN (SELECT {keys}, {} AS place FROM {scan} GROUP BY {keys}) AS w ON a.place = w.place AND {same}",
        rows.all("a."),
        rows.all(""),
        latest(rows, options),
        keys = names.join(", "),
    );
    let without = names.iter().map(|name| format!("{name} IS NULL")).collect::<Vec<_>>().join(" OR ");
    let complete = files.iter().all(|file| keys.iter().all(|(id, ..)| file.holds(*id) == Holds::NoNulls));
    let keyless = if complete {
        String::new()
    } else {
        format!(" UNION ALL SELECT {} FROM {scan} WHERE {without}", rows.all(""))
    };
    format!("SELECT {} FROM ({latest}{keyless}) WHERE {alive}", rows.shown())
}

// The place of the row with the greatest order; of equals, and without an order, the greatest place.
fn latest(rows: &Rows, options: &MergeOptions) -> String {
    let Some((_, order, kind)) = rows.column(&options.order_by) else { return format!("max({PLACE})") };
    // Order and place in one number, where they fit, are compared fastest. NULL is one less than all values.
    let packed = |number: String| {
        format!(
            "coalesce({number}::HUGEINT, (-9223372036854775809)::HUGEINT) * 9223372036854775808::HUGEINT + {PLACE}"
        )
    };
    let order = match kind {
        SqlType::BigInt => packed(order),
        SqlType::Timestamp | SqlType::TimestampTz => packed(format!("epoch_us({order})")),
        _ => format!("create_sort_key({order}, 'ASC NULLS FIRST', {PLACE}, 'ASC NULLS FIRST')"),
    };
    format!("arg_max({PLACE}, {order})")
}

fn alive(rows: &Rows, options: &MergeOptions) -> String {
    match rows.column(&options.deleted) {
        None => "true".to_owned(),
        Some((_, name, SqlType::Boolean)) => format!("{name} IS NOT TRUE"),
        Some((_, name, _)) => {
            format!("coalesce(lower(CAST({name} AS VARCHAR)), '') NOT IN ('true', 't', '1', 'yes')")
        }
    }
}
