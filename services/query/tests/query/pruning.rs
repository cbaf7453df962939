//! Leaving files out by their bounds never changes a result.

use rfe_lake::Lake;
use rfe_proto::metadata::{DataFile, ResolvedDataset};
use rfe_query::Config;

use crate::{
    fixture::{NEWEST, Served, dataset, serve_datasets, text},
    made::{Dice, Made, Maker},
};

const FILES: u64 = 14;
const COLUMNS: [(u32, &str, &str); 10] = [
    (1, "id", "BIGINT"),
    (2, "d", "DOUBLE"),
    (3, "s", "VARCHAR"),
    (4, "day", "DATE"),
    (5, "ts", "TIMESTAMP"),
    (6, "tz", "TIMESTAMPTZ"),
    (7, "b", "BOOLEAN"),
    (8, "m", "DECIMAL(10,2)"),
    (9, "j", "JSON"),
    (10, "late", "VARCHAR"),
];

/// Two datasets of the same files: of `known` the bounds are known, of `every` nothing is.
async fn served() -> Served {
    serve_datasets(Config::default(), |lake| {
        let files = files(lake, "known");
        let bare = |file: &DataFile| DataFile { stats: Vec::new(), ..file.clone() };
        let every = files.iter().map(bare).collect();
        vec![made("known", files), made("every", every)]
    })
    .await
}

fn made(name: &str, processed: Vec<DataFile>) -> ResolvedDataset {
    let mut made = ResolvedDataset { processed, ..dataset(name, "parquet", false, &COLUMNS) };
    // A dataset that was committed to is kept by the role.
    made.dataset.as_mut().expect("a dataset").snapshot = NEWEST;
    made
}

// Values of a file lie near each other, and the first files were written when columns had other types.
fn files(lake: &dyn Lake, name: &str) -> Vec<DataFile> {
    let maker = Maker::new();
    let nullable = |value: String, every: u64| format!("CASE WHEN hash(i) % {every} > 0 THEN {value} END");
    let one = |number: u64| {
        let old = number < 4;
        let base = number * 10;
        let day = format!("DATE '2026-01-01' + CAST({base} + i % 15 AS INTEGER)");
        let instant = format!("TIMESTAMP '2026-01-01' + to_hours({base} * 24 + i * 7)");
        let double = if number % 5 == 4 { "if(i = 3, 'nan'::DOUBLE, i / 3)" } else { "i / 3 - 2" };
        let mut columns: Vec<Made<'_>> = vec![
            (1, "id", "BIGINT", format!("{base} + i % 15")),
            (4, "day", "DATE", nullable(day.clone(), if number == 7 { 1 } else { 6 })),
            (6, "tz", "TIMESTAMPTZ", format!("({instant}) AT TIME ZONE 'UTC'")),
            (
                7,
                "b",
                "BOOLEAN",
                format!("CASE {number} % 4 WHEN 0 THEN true WHEN 1 THEN false ELSE i % 2 = 0 END"),
            ),
            (8, "m", "DECIMAL(10,2)", format!("({base} + i) / 4 - 9")),
            (9, "j", "VARCHAR", format!("'{{\"n\": ' || ({base} + i) || '}}'")),
        ];
        if old {
            columns.push((2, "d", "BIGINT", "i - 5".to_owned()));
            columns.push((3, "s", "BIGINT", format!("{base} + i")));
            columns.push((5, "ts", "DATE", day));
        } else {
            columns.push((2, "d", "DOUBLE", double.to_owned()));
            columns.push((
                3,
                "s",
                "VARCHAR",
                nullable(format!("'{base}' || repeat('x', CAST(i % 4 AS BIGINT))"), 5),
            ));
            columns.push((5, "ts", "TIMESTAMP", nullable(instant, 4)));
            columns.push((10, "late", "VARCHAR", nullable(format!("'late {base}'"), 3)));
        }
        let rows = if number == 9 { 0 } else { 5 + number };
        maker.file(lake, name, (1 + number % 2, number as u32), &columns, &format!("range({rows}) AS r(i)"))
    };
    (0..FILES).map(one).collect()
}

fn literals(column: &str) -> &'static [&'static str] {
    match column {
        "id" => &["17", "42", "-1", "99.5", "'63'", "3e1", "'80'::BIGINT", "140", "12345678901234567890"],
        "d" => &["0", "1.5", "'2.5'", "-2", "1e3", "2.3333333333333335", "'nan'::DOUBLE", "3::TINYINT"],
        "s" => &["'40'", "'7'", "'100xx'", "'25'", "''", "'zz'", "'50x'::VARCHAR"],
        "day" => {
            &["DATE '2026-02-10'", "'2026-03-05'", "TIMESTAMP '2026-01-20 12:00:00'", "'2026-04-30'::DATE"]
        }
        "ts" => &[
            "TIMESTAMP '2026-02-01 07:00:00'",
            "'2026-01-15'",
            "DATE '2026-03-20'",
            "'2026-05-01 00:00:00.5'",
        ],
        "tz" => &[
            "TIMESTAMPTZ '2026-02-01 07:00:00+00'",
            "'2026-01-20 09:00:00+02'",
            "'2026-03-01'",
            "TIMESTAMP '2026-04-01 00:00:00'",
        ],
        "b" => &["true", "false", "'true'::BOOLEAN"],
        "m" => &["3", "2.25", "-9.00", "10.1::DOUBLE", "20.50::DECIMAL(4,2)"],
        "j" => &["'{\"n\": 30}'", "'{\"n\": 3}'"],
        _ => &["'late 60'", "'late 9'", "'late'"],
    }
}

fn predicate(dice: &mut Dice, prefix: &str, depth: u64) -> String {
    if depth > 0 && dice.roll(3) > 0 {
        let (left, right) = (predicate(dice, prefix, depth - 1), predicate(dice, prefix, depth - 1));
        return match dice.roll(5) {
            0 => format!("NOT ({left})"),
            1 | 2 => format!("({left} OR {right})"),
            _ => format!("({left} AND {right})"),
        };
    }
    let name = dice.pick(&COLUMNS).1;
    let column = format!("{prefix}{name}");
    let mut value = || *dice.pick(literals(name));
    let (one, two, three) = (value(), value(), value());
    match dice.roll(18) {
        0 => format!("{column} BETWEEN {one} AND {two}"),
        1 => format!("{column} IN ({one}, {two}, NULL, {three})"),
        2 => format!("{column} NOT IN ({one}, {two})"),
        3 => format!("{column} IS NULL"),
        4 => format!("{column} IS NOT NULL"),
        5 => format!("{one} >= {column}"),
        6 => format!("{one} < {column}"),
        7 => format!("{column} <> {one}"),
        8 => format!("{column} IS NOT DISTINCT FROM {one}"),
        9 => format!("{column} NOT BETWEEN {one} AND {two}"),
        10 => format!("coalesce({column}, {one}) = {two}"),
        11 => format!("{one} BETWEEN {column} AND {two}"),
        12 => format!("{column} = NULL"),
        at => format!("{column} {} {one}", ["=", "<", "<=", ">", ">="][at as usize - 13]),
    }
}

fn statement(dice: &mut Dice) -> String {
    let depth = dice.roll(3);
    let p = predicate(dice, "", depth);
    let (a, b) = (predicate(dice, "a.", depth), predicate(dice, "b.", depth));
    let join = *dice.pick(&["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"]);
    let half = *dice.pick(&["SEMI", "ANTI"]);
    match dice.roll(16) {
        0 => format!("SELECT a.id, b.id FROM $t a {join} $t b ON a.id = b.id AND {b} WHERE {a}"),
        1 => format!("SELECT a.id, b.id, b.s FROM $t a {join} $t b ON a.id = b.id AND {a} WHERE {b}"),
        2 => format!("SELECT a.id, b.d FROM $t a {join} $t b ON a.id = b.id WHERE {a} AND {b}"),
        3 => format!("SELECT * FROM $t a {half} JOIN $t b ON a.id = b.id + 20 AND {a} AND {b}"),
        4 => format!("SELECT * FROM $t a {half} JOIN $t b ON a.id = b.id + 20 AND {b} WHERE {a}"),
        5 => {
            format!("SELECT id, count(*) FROM $t a {join} $t b USING (id) WHERE id > 30 AND {a} GROUP BY id")
        }
        6 => format!("SELECT count(*) FROM $t a NATURAL {join} $t b WHERE {p}"),
        7 => format!(
            "WITH c AS (SELECT * FROM $t WHERE {p}) SELECT c.id, a.s FROM c JOIN $t a ON c.id = a.id WHERE {a}"
        ),
        8 => format!("SELECT * FROM $t a WHERE EXISTS (FROM $t b WHERE a.id = b.id AND {b}) AND {a}"),
        9 => format!("SELECT * FROM $t a WHERE a.id NOT IN (SELECT id FROM $t WHERE {p})"),
        10 => format!("SELECT id FROM $t WHERE {p} EXCEPT SELECT id FROM $t a WHERE {a}"),
        11 => "SELECT * FROM (SELECT id + 1 AS id, s FROM $t) q WHERE id = 42".to_owned(),
        12 => format!("SELECT s AS id, count(*) OVER () FROM $t WHERE {p}"),
        _ => format!("SELECT * FROM $t WHERE {p}"),
    }
}

fn sorted(rows: Result<Vec<arrow_array::RecordBatch>, tonic::Status>) -> Result<Vec<String>, String> {
    let mut lines = text(&rows.map_err(|status| status.message().to_owned())?);
    lines.sort();
    Ok(lines)
}

#[tokio::test]
async fn a_result_is_the_same_whether_files_are_left_out_or_not() {
    let served = served().await;
    let mut dice = Dice(26);
    let (mut answered, mut refused) = (0, 0);
    while answered < 500 {
        let sql = statement(&mut dice);
        let whole = sorted(served.rows(&sql.replace("$t", "every")).await);
        let pruned = sorted(served.rows(&sql.replace("$t", "known")).await);
        match whole {
            Ok(whole) => assert_eq!(pruned.as_ref(), Ok(&whole), "{sql}"),
            // A comparison that fails on a value may not meet the value.
            Err(_) => refused += 1,
        }
        answered += 1;
    }
    assert!(refused < answered / 5, "{refused} of {answered} statements were refused");
    let (read, left_out) = (counted(&served, "read"), counted(&served, "pruned"));
    // Half of all were those of the dataset without bounds. Of the others a tenth is enough to have tried what pruning does.
    let bounded = (read + left_out) / 2;
    assert!(left_out * 10 > bounded, "{left_out} of {bounded} files left out");
}

fn counted(served: &Served, outcome: &str) -> u64 {
    let text = served.metrics.render();
    let line = format!("rfe_query_files_total{{outcome=\"{outcome}\"}} ");
    let found = text.lines().find_map(|known| known.strip_prefix(&line)).unwrap_or("0");
    found.parse().expect("a number")
}

#[tokio::test]
async fn only_the_files_that_can_match_are_read() {
    let served = served().await;
    let mut before = 0;
    let mut read = async |sql: &str| {
        served.rows(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        let now = counted(&served, "read");
        now - std::mem::replace(&mut before, now)
    };
    for (sql, files) in [
        ("SELECT * FROM known", FILES),
        ("SELECT * FROM known WHERE id = 3", 1),
        ("EXPLAIN SELECT * FROM known WHERE id = 3", 1),
        ("SELECT * FROM known WHERE id = '3' AND s IS NOT NULL", 1),
        ("SELECT * FROM known x WHERE x.id IN (3, 4)", 1),
        ("SELECT * FROM known WHERE day > DATE '2026-05-12'", 2),
        ("SELECT * FROM known WHERE tz < '2026-01-02'", 1),
        ("SELECT * FROM known WHERE late = 'late 60'", 1),
        // Files without the column hold only NULLs; the empty file holds neither.
        ("SELECT * FROM known WHERE late IS NOT NULL", 9),
        // Of the four files in which it was a number the order of texts is not known.
        ("SELECT * FROM known WHERE s = '130x'", 5),
        ("SELECT * FROM known WHERE id = NULL", 0),
        ("SELECT * FROM known a, known b WHERE a.id = 3 AND b.id = 3", 1),
        // What a function gives has no bounds.
        ("SELECT * FROM known WHERE abs(id) = 3", FILES),
        ("SELECT * FROM known WHERE id = 3 OR random() < 2", FILES),
        ("SELECT * FROM known a, known b WHERE a.id = 3", FILES),
    ] {
        assert_eq!(read(sql).await, files, "{sql}");
    }
}
