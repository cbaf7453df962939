//! `main` of a merged dataset, beside a model that keeps the latest row of each key.

use std::collections::BTreeMap;

use rfe_lake::Lake;
use rfe_proto::metadata::{DataFile, MergeOptions, ResolvedDataset};
use rfe_query::Config;

use crate::{
    fixture::{NEWEST, Served, dataset, serve_datasets},
    made::{Dice, Made, Maker},
};

const FILES: u64 = 9;
const ROWS: u64 = 40;

/// How a dataset merges: types of `at` and `gone`, and whether each is named.
#[derive(Clone, Copy)]
struct Way {
    name: &'static str,
    at: Option<&'static str>,
    gone: Option<&'static str>,
}

const WAYS: [Way; 7] = [
    Way { name: "by_number", at: Some("BIGINT"), gone: Some("BOOLEAN") },
    Way { name: "by_time", at: Some("TIMESTAMP"), gone: Some("VARCHAR") },
    Way { name: "by_instant", at: Some("TIMESTAMPTZ"), gone: Some("BIGINT") },
    Way { name: "by_text", at: Some("VARCHAR"), gone: Some("BOOLEAN") },
    Way { name: "by_double", at: Some("DOUBLE"), gone: None },
    Way { name: "by_day", at: Some("DATE"), gone: Some("BOOLEAN") },
    Way { name: "by_commit", at: None, gone: Some("BOOLEAN") },
];

#[derive(Clone, Debug)]
struct Row {
    key: Option<u64>,
    part: &'static str,
    at: Option<u64>,
    gone: bool,
    value: u64,
}

/// The rows of each file, in the order of their commits; keys of a file lie near each other.
fn rows() -> Vec<Vec<Row>> {
    let mut dice = Dice(7);
    let mut value = 0;
    let mut row = |file: u64| {
        value += 1;
        let key = file / 3 * 10 + dice.roll(16);
        Row {
            // The files of the middle were written before there was a key in every row.
            key: (file != 4 || dice.roll(4) > 0).then_some(key),
            part: if dice.roll(2) == 0 { "a" } else { "b" },
            at: (dice.roll(5) > 0).then(|| dice.roll(6)),
            gone: dice.roll(5) == 0,
            value,
        }
    };
    (0..FILES).map(|file| (0..ROWS).map(|_| row(file)).collect()).collect()
}

fn files(lake: &dyn Lake, way: Way) -> Vec<DataFile> {
    let maker = Maker::new();
    let write = |(number, rows): (usize, Vec<Row>)| {
        let values = rows.iter().map(|row| {
            let number = |value: Option<u64>| value.map_or("NULL".to_owned(), |value| value.to_string());
            format!("({}, '{}', {}, {}, {})", number(row.key), row.part, number(row.at), row.gone, row.value)
        });
        let from = format!("(VALUES {}) AS v(k, p, a, g, v)", values.collect::<Vec<_>>().join(", "));
        let at = match way.at.unwrap_or("BIGINT") {
            "BIGINT" => "a - 3",
            "DOUBLE" => "a / 4 - 1",
            "VARCHAR" => "chr(CAST(97 + a % 3 AS INTEGER)) || if(a > 2, 'z', '')",
            "DATE" => "DATE '1969-12-30' + CAST(a AS INTEGER)",
            _ => "TIMESTAMP '1969-12-31 22:00:00' + to_hours(CAST(a AS BIGINT))",
        };
        let gone = match way.gone.unwrap_or("BOOLEAN") {
            "VARCHAR" => "CASE WHEN g THEN ['true', 'T', '1', 'Yes'][1 + v % 4] WHEN v % 2 = 0 THEN 'no' END",
            "BIGINT" => "CAST(g AS BIGINT)",
            _ => "CASE WHEN g OR v % 2 = 0 THEN g END",
        };
        let columns: [Made<'_>; 5] = [
            (1, "k", "BIGINT", "k".to_owned()),
            (2, "p", "VARCHAR", "p".to_owned()),
            (3, "at", way.at.unwrap_or("BIGINT"), at.to_owned()),
            (4, "gone", way.gone.unwrap_or("BOOLEAN"), gone.to_owned()),
            (5, "file_index", "BIGINT", "v".to_owned()),
        ];
        let place = (1 + number as u64 / 5, number as u32 % 5);
        maker.file(lake, way.name, place, &columns, &from)
    };
    rows().into_iter().enumerate().map(write).collect()
}

fn merged(lake: &dyn Lake, way: Way) -> ResolvedDataset {
    // A column may be called as the engine calls the number of a file.
    let columns: [(u32, &str, &str); 5] = [
        (1, "k", "BIGINT"),
        (2, "p", "VARCHAR"),
        (3, "at", way.at.unwrap_or("BIGINT")),
        (4, "gone", way.gone.unwrap_or("BOOLEAN")),
        (5, "file_index", "BIGINT"),
    ];
    let mut made = dataset(way.name, "csv", false, &columns);
    made.dataset.as_mut().expect("a dataset").snapshot = NEWEST;
    made.processed = files(lake, way);
    made.processed.reverse();
    made.merge = Some(MergeOptions {
        key: vec!["K".to_owned(), "p".to_owned()],
        order_by: way.at.map_or(String::new(), |_| "at".to_owned()),
        deleted: way.gone.map_or(String::new(), |_| "gone".to_owned()),
    });
    made
}

async fn served() -> Served {
    serve_datasets(Config::default(), |lake| WAYS.iter().map(|way| merged(lake, *way)).collect()).await
}

// The values of the rows that show, and of each its key.
fn model(way: Way) -> Vec<Row> {
    let mut latest = BTreeMap::<_, (Option<i64>, Row)>::new();
    for row in rows().into_iter().flatten() {
        // As the file orders it: texts of 0 to 5 are a, b, c, az, bz, cz.
        let order = row.at.filter(|_| way.at.is_some()).map(|at| match way.at {
            Some("VARCHAR") => [0, 2, 4, 1, 3, 5][at as usize],
            _ => at as i64,
        });
        // A row without its key is the same as no other.
        let key = (row.key, row.part, if row.key.is_some() { 0 } else { row.value });
        if latest.get(&key).is_none_or(|(known, _)| order >= *known) {
            latest.insert(key, (order, row));
        }
    }
    let shown = latest.into_values().map(|(_, row)| row);
    shown.filter(|row| way.gone.is_none() || !row.gone).collect()
}

#[tokio::test]
async fn a_merged_dataset_shows_the_latest_row_of_each_key() {
    let served = served().await;
    for way in WAYS {
        let rows = model(way);
        for (filter, wanted) in [
            ("true", Box::new(|_: &Row| true) as Box<dyn Fn(&Row) -> bool>),
            ("k = 12", Box::new(|row| row.key == Some(12))),
            (
                "k BETWEEN 3 AND 11 AND p = 'b'",
                Box::new(|row| row.part == "b" && matches!(row.key, Some(3..=11))),
            ),
            ("k IS NULL", Box::new(|row| row.key.is_none())),
            // Of a column that is no key: an older version of a row must not come back.
            ("file_index < 60", Box::new(|row| row.value < 60)),
            (
                "file_index IN (20, 100, 180) OR k > 20",
                Box::new(|row| [20, 100, 180].contains(&row.value) || row.key.is_some_and(|key| key > 20)),
            ),
        ] {
            let mut expected = rows.iter().filter(|row| wanted(row)).map(|row| row.value).collect::<Vec<_>>();
            expected.sort_unstable();
            let expected = expected.iter().map(u64::to_string).collect::<Vec<_>>();
            let sql = format!("SELECT file_index FROM {} WHERE {filter} ORDER BY file_index", way.name);
            assert_eq!(served.text(&sql).await, expected, "{sql}");
        }
    }
}

#[tokio::test]
async fn files_of_other_keys_are_left_out_and_no_others() {
    let served = served().await;
    let read = |served: &Served| {
        let text = served.metrics.render();
        let line =
            text.lines().find_map(|line| line.strip_prefix("rfe_query_files_total{outcome=\"read\"} "));
        line.map_or(0, |count| count.parse::<u64>().expect("a number"))
    };
    served.text("SELECT * FROM by_number WHERE k = 3").await;
    assert_eq!(read(&served), 3, "three files have keys below 10");
    served.text("SELECT * FROM by_number WHERE file_index = 3").await;
    assert_eq!(read(&served), 3 + FILES);
}

#[tokio::test]
async fn raw_of_a_merged_dataset_is_not_merged_and_columns_are_as_ever() {
    let served = served().await;
    let columns = served.text("DESCRIBE by_time").await;
    assert!(columns[2].starts_with("at|TIMESTAMP|") && columns.len() == 9, "{columns:?}");
    assert_eq!(served.text("SELECT count(*) FROM raw.by_time").await, ["0"]);
}
