//! Bytes that nobody meant: a reader says what is wrong with them, or reads what is left; it never breaks.

use apache_avro::{Codec, DeflateSettings, ZstandardSettings};
use polars::prelude::*;
use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::{Value as Json, json};

use crate::{
    desk::gz,
    trial::{Trial, holds},
};

/// What is done to the bytes of a good file.
#[derive(Debug, Clone)]
struct Damage {
    /// Bytes that are replaced, by their place in thousandths of the file.
    replaced: Vec<(usize, u8)>,
    /// How much of the file is left, in thousandths.
    left: usize,
}

impl Damage {
    fn to(&self, good: &[u8]) -> Vec<u8> {
        let mut bytes = good.to_vec();
        for (place, byte) in &self.replaced {
            let at = place * bytes.len() / 100_000;
            bytes[at] = *byte;
        }
        bytes.truncate(self.left * good.len() / 1000);
        bytes
    }
}

fn damage() -> impl Strategy<Value = Damage> {
    let byte = prop_oneof![any::<u8>(), select(vec![0, 1, 0x7f, 0x80, 0xff])];
    let left = prop_oneof![4 => Just(1000_usize), 1 => 0..1000_usize];
    (vec((0..100_000_usize, byte), 1..6), left).prop_map(|(replaced, left)| Damage { replaced, left })
}

fn is_survived(trial: &Trial, kind: &str, config: Json, bytes: &[u8]) -> Result<(), TestCaseError> {
    trial.desk.write("a", bytes);
    let mut config = config;
    config["location"] = json!("a");
    match trial.read(kind, config, 5000) {
        Ok(chunks) => {
            for chunk in chunks {
                prop_assert_eq!(chunk.read, (chunk.rows() + chunk.bad.len()) as u64);
            }
        }
        Err(error) => {
            prop_assert!(error.is_permanent(), "{}", error);
            prop_assert_ne!(error.code, "READER_BROKE", "{}", error);
        }
    }
    Ok(())
}

fn numbers() -> DataFrame {
    let ids: Vec<i64> = (0..400).collect();
    let texts: Vec<Option<String>> =
        ids.iter().map(|id| (id % 5 != 0).then(|| format!("text {}", id % 17))).collect();
    let lists: Vec<Series> =
        ids.iter().map(|id| Series::new("".into(), vec![*id; (*id % 4) as usize])).collect();
    df!(
        "id" => ids.clone(),
        "text" => texts,
        "flag" => ids.iter().map(|id| id % 2 == 0).collect::<Vec<_>>(),
        "number" => ids.iter().map(|id| *id as f64 / 3.0).collect::<Vec<_>>(),
        "list" => Series::new("list".into(), lists),
    )
    .expect("frame")
}

#[test]
fn any_bytes_are_survived_by_the_readers_of_text() {
    let trial = Trial::new();
    let token = prop_oneof![
        any::<u8>().prop_map(|byte| vec![byte]),
        select(vec!["{", "}", "[", "]", "\"", ",", "\n", "\r", ":", "a", "1", "\\", "\u{feff}", "\\ud800"])
            .prop_map(|text| text.as_bytes().to_vec()),
    ];
    holds(300, &vec(token, 0..60), |tokens| {
        let bytes = tokens.concat();
        is_survived(&trial, "csv", json!({}), &bytes)?;
        is_survived(&trial, "json", json!({}), &bytes)?;
        is_survived(&trial, "parquet", json!({}), &bytes)?;
        is_survived(&trial, "avro", json!({}), &bytes)
    });
}

#[test]
fn damaged_parquet_is_survived() {
    let trial = Trial::new();
    let files: Vec<Vec<u8>> =
        [ParquetCompression::Uncompressed, ParquetCompression::Snappy, ParquetCompression::Zstd(None)]
            .into_iter()
            .map(|codec| {
                let mut bytes = Vec::new();
                let writer =
                    ParquetWriter::new(&mut bytes).with_compression(codec).with_row_group_size(Some(150));
                writer.finish(&mut numbers()).expect("write");
                bytes
            })
            .collect();
    holds(250, &(select(files), damage()), |(good, damage)| {
        is_survived(&trial, "parquet", json!({}), &damage.to(&good))
    });
}

#[test]
fn damaged_avro_is_survived() {
    let trial = Trial::new();
    let files: Vec<Vec<u8>> = [
        Codec::Null,
        Codec::Deflate(DeflateSettings::default()),
        Codec::Snappy,
        Codec::Zstandard(ZstandardSettings::default()),
    ]
    .into_iter()
    .map(crate::avro::every_type)
    .collect();
    holds(400, &(select(files), damage()), |(good, damage)| {
        is_survived(&trial, "avro", json!({}), &damage.to(&good))
    });
}

#[test]
fn damaged_gzip_is_survived() {
    let trial = Trial::new();
    let lines: String = (0..2000).map(|n| format!("{n},\"text {n}\",{}\n", n as f64 / 7.0)).collect();
    let good = gz(lines);
    holds(150, &damage(), |damage| is_survived(&trial, "csv", json!({}), &damage.to(&good)));
}
