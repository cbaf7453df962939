//! What the figures read: made from a seed, once, and kept in the cache folder.

use std::{
    fs::{self, File},
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use arrow_array::{
    ArrayRef, Date32Array, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use fastrand::Rng;
use parquet::{arrow::ArrowWriter, basic::Compression, file::properties::WriterProperties};
use rfe_tests::tool;

/// Counts up when what is made changes, so that no old file is read.
const VERSION: u32 = 1;
const CATEGORIES: [&str; 12] = [
    "books", "music", "garden", "toys", "kitchen", "office", "sports", "outdoor", "health", "grocery",
    "tools", "pets",
];
const CITIES: [&str; 10] =
    ["Bonn", "Lyon", "Porto", "Ghent", "Turin", "Graz", "Malmö", "Gdańsk", "Brno", "Košice"];
const WORDS: [&str; 16] = [
    "late", "parcel", "gift", "fragile", "call", "before", "noon", "leave", "at", "door", "paid", "twice",
    "refund", "asked", "green", "box",
];
const FIRST_DAY: i32 = 18_262;
const DAYS: i32 = 2_400;
const ROWS_A_BATCH: u64 = 100_000;

/// The columns of [`parquet`].
pub const PARQUET_COLUMNS: [&str; 8] =
    ["id", "quantity", "price", "weight", "city", "code", "day", "seen_at"];

/// Where the files lie.
pub fn folder() -> PathBuf {
    let folder = tool::cache().join("bench");
    fs::create_dir_all(&folder).expect("the cache folder can be made");
    folder
}

/// A number as people read it.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .map(|group| std::str::from_utf8(group).expect("digits are text"))
        .collect();
    groups.join(",")
}

/// CSV of eight mixed columns, about 115 bytes a row: integer, UUID, number with gaps, date, time, boolean, category, and a
/// text that is quoted now and then.
pub fn csv(rows: u64) -> PathBuf {
    made(&format!("mixed-{rows}.csv"), |file| {
        let mut records = Records::new(7);
        writeln!(file, "id,customer,price,day,at,active,category,note").expect("the file can be written");
        for id in 1..=rows {
            records.csv(file, id);
        }
    })
}

/// NDJSON of twelve keys, about 500 bytes a record, two of them nested.
pub fn ndjson(rows: u64) -> PathBuf {
    made(&format!("records-{rows}.ndjson"), |file| {
        let mut records = Records::new(5);
        for id in 1..=rows {
            writeln!(file, "{}", records.long(id)).expect("the file can be written");
        }
    })
}

/// Parquet of two integers, two doubles, two strings, a date and a time, as a usual writer makes it: Snappy, a million rows a
/// row group.
pub fn parquet(rows: u64) -> PathBuf {
    made(&format!("typed-{rows}.parquet"), |file| {
        let mut rng = Rng::with_seed(3);
        let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
        let schema = batch(0, 0, &mut rng).schema();
        let mut writer = ArrowWriter::try_new(file, schema, Some(properties)).expect("a writer can be made");
        for first in (0..rows).step_by(ROWS_A_BATCH as usize) {
            let count = ROWS_A_BATCH.min(rows - first);
            writer.write(&batch(first, count, &mut rng)).expect("the file can be written");
        }
        writer.close().expect("the file can be written");
    })
}

fn batch(first: u64, rows: u64, rng: &mut Rng) -> RecordBatch {
    let ids = || first..first + rows;
    let id = Int64Array::from_iter_values(ids().map(|id| id as i64));
    let quantity = Int32Array::from_iter_values(ids().map(|_| rng.i32(1..100)));
    let price = Float64Array::from_iter_values(ids().map(|_| f64::from(rng.u32(0..1_000_000)) / 100.0));
    let weight: Float64Array = ids().map(|_| (rng.u8(0..4) > 0).then(|| rng.f64())).collect();
    let city = StringArray::from_iter_values(ids().map(|_| CITIES[rng.usize(0..CITIES.len())]));
    let code = StringArray::from_iter_values(ids().map(|_| format!("{:012x}", rng.u64(0..1 << 48))));
    let day = Date32Array::from_iter_values(ids().map(|_| FIRST_DAY + rng.i32(0..DAYS)));
    let seen_at = |id: u64| (1_577_836_800 + id as i64 * 13) * 1_000_000 + rng.i64(0..1_000_000);
    let seen_at = TimestampMicrosecondArray::from_iter_values(ids().map(seen_at));
    let columns: [ArrayRef; 8] = [
        Arc::new(id),
        Arc::new(quantity),
        Arc::new(price),
        Arc::new(weight),
        Arc::new(city),
        Arc::new(code),
        Arc::new(day),
        Arc::new(seen_at),
    ];
    RecordBatch::try_from_iter(PARQUET_COLUMNS.into_iter().zip(columns)).expect("columns of one length")
}

fn made(name: &str, make: impl FnOnce(&mut BufWriter<File>)) -> PathBuf {
    let path = folder().join(format!("v{VERSION}-{name}"));
    if !path.exists() {
        eprintln!("rfe-bench: making {}", path.display());
        write(&path, make);
    }
    path
}

// A file that is only begun has another name, so that it is never taken for a whole one.
fn write(path: &Path, make: impl FnOnce(&mut BufWriter<File>)) {
    let begun = path.with_extension("begun");
    let mut file =
        BufWriter::with_capacity(1 << 20, File::create(&begun).expect("a file can be made in the cache"));
    make(&mut file);
    file.flush().expect("the file can be written");
    // What is still on its way to the disk would slow down what is measured.
    file.get_ref().sync_all().expect("the file can be written");
    fs::rename(&begun, path).expect("the file can be renamed");
}

/// Records of a seed.
#[derive(Debug)]
pub struct Records {
    rng: Rng,
    days: Vec<String>,
}

impl Records {
    pub fn new(seed: u64) -> Self {
        let first = jiff::civil::date(2020, 1, 1);
        let days = (0..DAYS).map(|day| (first + jiff::Span::new().days(day)).to_string()).collect();
        Self { rng: Rng::with_seed(seed), days }
    }

    fn csv(&mut self, file: &mut impl Write, id: u64) {
        let (high, low) = (self.rng.u64(..), self.rng.u64(..));
        let price = match self.rng.u32(0..1_000_000) {
            few if few < 20_000 => String::new(),
            cents => format!("{}.{:02}", cents / 100, cents % 100),
        };
        let (ordered, day, clock) = (self.day(), self.day(), self.clock());
        let (active, category) = (self.rng.bool(), self.category());
        let note = match self.rng.u32(0..10) {
            0 => format!("\"said \"\"{}\"\", {}\"", self.words(1), self.words(1)),
            1 => String::new(),
            _ => self.words(3),
        };
        let written = writeln!(
            file,
            "{id},{:08x}-{:04x}-{:04x}-{:04x}-{:012x},{price},{ordered},{day} {clock},{active},{category},{note}",
            high >> 32,
            high >> 16 & 0xffff,
            high & 0xffff,
            low >> 48,
            low & 0xffff_ffff_ffff,
        );
        written.expect("the file can be written");
    }

    /// A record of about 150 bytes.
    pub fn short(&mut self, id: u64) -> String {
        let cents = self.rng.u32(0..1_000_000);
        format!(
            r#"{{"id":{id},"name":"customer {}","amount":{}.{:02},"active":{},"updated_at":"{}T{}Z","address":{{"city":"{}","zip":"{:05}"}}}}"#,
            self.rng.u32(0..100_000),
            cents / 100,
            cents % 100,
            self.rng.bool(),
            self.day(),
            self.clock(),
            self.city(),
            self.rng.u32(0..100_000),
        )
    }

    fn long(&mut self, id: u64) -> String {
        let (customer, cents) = (self.rng.u32(0..1_000_000), self.rng.u32(0..1_000_000));
        let referrer = if self.rng.u8(0..4) == 0 { "\"newsletter\"" } else { "null" };
        format!(
            r#"{{"id":{id},"uuid":"{:032x}","name":"customer {customer}","email":"customer.{customer}@example.org","amount":{}.{:02},"quantity":{},"active":{},"created_at":"{}T{}Z","tags":["{}","{}"],"address":{{"city":"{}","zip":"{:05}","lat":{:.5}}},"note":"{}\n{} \"{}\"","referrer":{referrer}}}"#,
            self.rng.u128(..),
            cents / 100,
            cents % 100,
            self.rng.u32(1..100),
            self.rng.bool(),
            self.day(),
            self.clock(),
            self.category(),
            self.category(),
            self.city(),
            self.rng.u32(0..100_000),
            self.rng.f64() * 90.0,
            self.words(18),
            self.words(14),
            self.words(2),
        )
    }

    fn day(&mut self) -> String {
        self.days[self.rng.usize(0..self.days.len())].clone()
    }

    fn clock(&mut self) -> String {
        let second = self.rng.u32(0..86_400);
        format!("{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60)
    }

    fn category(&mut self) -> &'static str {
        CATEGORIES[self.rng.usize(0..CATEGORIES.len())]
    }

    fn city(&mut self) -> &'static str {
        CITIES[self.rng.usize(0..CITIES.len())]
    }

    fn words(&mut self, count: usize) -> String {
        let words: Vec<&str> = (0..count).map(|_| WORDS[self.rng.usize(0..WORDS.len())]).collect();
        words.join(" ")
    }
}
