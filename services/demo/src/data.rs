//! The generated files. One seed makes all of them, so that a demo looks the same everywhere.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::Path,
    sync::Arc,
};

use arrow_array::{
    ArrayRef, Date32Array, Decimal128Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use flate2::{Compression, write::GzEncoder};
use parquet::{arrow::ArrowWriter, basic, file::properties::WriterProperties};

use crate::CUSTOMERS;

const ORDERS: i64 = 2_000;
const SEED: u64 = 2026;
const FIRST_DAY: i32 = 20_454; // 2026-01-01, in days since the Unix epoch

/// Writes the demo's files into a folder. Files that are there already stay as they are.
///
/// # Errors
/// If the folder or a file can't be written.
pub fn write(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let orders = orders();
    publish(&folder.join("orders.parquet"), |file| write_orders(file, &orders))?;
    publish(&folder.join("finance.csv.gz"), |file| write_finance(file, &orders))
}

struct Order {
    id: i64,
    customer: i64,
    day: i32,
    cents: i128,
    status: &'static str,
}

fn orders() -> Vec<Order> {
    let mut random = fastrand::Rng::with_seed(SEED);
    (1..=ORDERS)
        .map(|id| Order {
            id,
            customer: random.i64(1..=i64::from(CUSTOMERS)),
            day: FIRST_DAY + random.i32(0..300),
            cents: i128::from(random.i64(500..250_000)),
            status: ["paid", "paid", "paid", "shipped", "returned"][random.usize(..5)],
        })
        .collect()
}

fn write_orders(file: File, orders: &[Order]) -> io::Result<()> {
    let micros = |order: &Order| i64::from(order.day) * 86_400_000_000 + order.id * 1_000_000;
    let amounts = Decimal128Array::from_iter_values(orders.iter().map(|order| order.cents))
        .with_precision_and_scale(12, 2)
        .map_err(io::Error::other)?;
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("order_id", Arc::new(Int64Array::from_iter_values(orders.iter().map(|order| order.id)))),
        ("customer_id", Arc::new(Int64Array::from_iter_values(orders.iter().map(|order| order.customer)))),
        ("ordered_on", Arc::new(Date32Array::from_iter_values(orders.iter().map(|order| order.day)))),
        (
            "changed_at",
            Arc::new(
                TimestampMicrosecondArray::from_iter_values(orders.iter().map(micros)).with_timezone("UTC"),
            ),
        ),
        ("amount", Arc::new(amounts)),
        ("status", Arc::new(StringArray::from_iter_values(orders.iter().map(|order| order.status)))),
    ];
    let batch = RecordBatch::try_from_iter(columns).map_err(io::Error::other)?;
    let properties = WriterProperties::builder().set_compression(basic::Compression::SNAPPY).build();
    let mut writer =
        ArrowWriter::try_new(file, batch.schema(), Some(properties)).map_err(io::Error::other)?;
    writer.write(&batch).map_err(io::Error::other)?;
    writer.close().map_err(io::Error::other)?;
    Ok(())
}

// One booking an order, and a refund for what was returned. Account numbers have leading zeros, notes have quoted
// delimiters: a demo should show that both survive.
fn write_finance(file: File, orders: &[Order]) -> io::Result<()> {
    let mut csv = GzEncoder::new(file, Compression::default());
    writeln!(csv, "booking_id;order_id;account;booked_on;amount;note")?;
    let mut booking = 0;
    for order in orders {
        booking += 1;
        let day = date(order.day);
        let account = format!("{:08}", order.customer * 37);
        let euros = format!("{}.{:02}", order.cents / 100, order.cents % 100);
        writeln!(csv, "{booking};{};{account};{day};{euros};order {}", order.id, order.id)?;
        if order.status == "returned" {
            booking += 1;
            writeln!(csv, "{booking};{};{account};{day};-{euros};\"refund; goods returned\"", order.id)?;
        }
    }
    csv.finish()?.sync_all()
}

fn date(day: i32) -> jiff::civil::Date {
    jiff::civil::date(1970, 1, 1).saturating_add(jiff::Span::new().days(day))
}

// A file appears whole or not at all: a demo that was stopped half-way starts again cleanly.
fn publish(path: &Path, write: impl FnOnce(File) -> io::Result<()>) -> io::Result<()> {
    if path.exists() {
        return Ok(());
    }
    let temporary = path.with_extension("part");
    write(File::create(&temporary)?)?;
    fs::rename(&temporary, path)
}
