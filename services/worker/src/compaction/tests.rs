//! Files of many sizes, schemas and types become others, and every row, statistic and field id is as before.

use std::{collections::HashMap, fs::File, path::Path};

use polars::prelude::*;
use polars_parquet::read::read_metadata;
use rfe_model::name;
use rfe_proto::metadata::{Column as ColumnRecord, DataFile, Layer, SchemaVersion};

use super::{
    input::Input,
    rewrite::Rewrite,
    target::{Targets, nested_ids},
};
use crate::{
    config::Config,
    encode::{Form, PartField, encode},
    failure::Stop,
    part::WrittenPart,
    parts::{Limits, Parts},
    raw,
};

const TYPES: [&str; 10] = [
    "BIGINT",
    "DOUBLE",
    "BOOLEAN",
    "VARCHAR",
    "JSON",
    "BLOB",
    "DATE",
    "TIMESTAMPTZ",
    "DECIMAL(12,2)",
    "STRUCT(\"n\" BIGINT)[]",
];

/// One column of the dataset in the test, by its type's place in `TYPES`.
#[derive(Clone)]
struct Known {
    id: u32,
    kind: usize,
}

impl Known {
    fn name(&self) -> String {
        format!("c{}", self.id)
    }
}

fn schema(columns: &[Known]) -> SchemaVersion {
    let columns = columns.iter().map(|column| ColumnRecord {
        id: column.id,
        name: column.name(),
        r#type: TYPES[column.kind].to_owned(),
        ..ColumnRecord::default()
    });
    SchemaVersion { version: 3, columns: columns.collect(), ..SchemaVersion::default() }
}

fn values(column: &Known, rows: usize, random: &mut fastrand::Rng) -> Column {
    let number = |random: &mut fastrand::Rng| (random.u8(..) > 40).then(|| random.i64(-1_000_000..1_000_000));
    let numbers: Vec<Option<i64>> = (0..rows).map(|_| number(random)).collect();
    let texts = numbers.iter().map(|n| n.map(|n| format!("text {n}"))).collect::<Vec<_>>();
    let series = Series::new(column.name().into(), &numbers);
    let utc = DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC));
    let cast = |to: &DataType| series.cast(to).expect("cast");
    let typed = match TYPES[column.kind] {
        "BIGINT" => series,
        "DOUBLE" => cast(&DataType::Float64),
        "BOOLEAN" => {
            Series::new(column.name().into(), numbers.iter().map(|n| n.map(|n| n > 0)).collect::<Vec<_>>())
        }
        "VARCHAR" => Series::new(column.name().into(), texts),
        "JSON" => Series::new(
            column.name().into(),
            numbers.iter().map(|n| n.map(|n| format!("{{\"b\":  {n}}}"))).collect::<Vec<_>>(),
        ),
        "BLOB" => Series::new(column.name().into(), texts).cast(&DataType::Binary).expect("bytes"),
        "DATE" => cast(&DataType::Int32).cast(&DataType::Date).expect("dates"),
        "TIMESTAMPTZ" => cast(&utc),
        "DECIMAL(12,2)" => cast(&DataType::Decimal(12, 2)),
        _ => nested(column, &numbers),
    };
    typed.into_column()
}

// Lists of one struct; some are NULL, some empty.
fn nested(column: &Known, numbers: &[Option<i64>]) -> Series {
    let inner = DataType::Struct(vec![Field::new("n".into(), DataType::Int64)]);
    let lists: Vec<AnyValue<'static>> = numbers
        .iter()
        .map(|n| {
            let Some(n) = n else { return AnyValue::Null };
            let numbers = Series::new("n".into(), vec![*n; (n.unsigned_abs() % 3) as usize]);
            let structs = StructChunked::from_series("".into(), numbers.len(), [numbers].iter());
            AnyValue::List(structs.expect("structs").into_series())
        })
        .collect();
    let dtype = DataType::List(Box::new(inner));
    Series::from_any_values_and_dtype(column.name().into(), &lists, &dtype, true).expect("lists")
}

/// Writes a frame as a run would have: row groups of random sizes, lineage of this run.
fn file_of_main(
    folder: &Path,
    run: usize,
    columns: &[Known],
    frame: &DataFrame,
    random: &mut fastrand::Rng,
) -> (DataFile, DataFrame) {
    let instant = DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC));
    let rows = frame.height();
    let at = Column::new("_ingested_at".into(), vec![run as i64; rows]).cast(&instant).expect("instants");
    let lineage = [
        Column::new("_source".into(), vec!["s"; rows]),
        Column::new("_run_id".into(), vec![format!("run-{run}"); rows]),
        at,
        Column::new("_schema_version".into(), vec![1 + run as i64 % 3; rows]),
    ];
    let mut all = frame.columns().to_vec();
    all.extend(lineage);
    let whole = DataFrame::new(rows, all).expect("frame");
    let ids = columns.iter().map(|column| column.id).chain(name::LINEAGE_IDS.map(|(_, id)| id));
    let fields: Vec<PartField> =
        whole.columns().iter().zip(ids).map(|(column, id)| PartField::of(column, Some(id))).collect();
    let part = write(folder, &format!("main-{run}"), &fields, &whole, Form::Kept, random);
    (record(&part, Layer::Processed), whole)
}

fn write(
    folder: &Path,
    name: &str,
    fields: &[PartField],
    frame: &DataFrame,
    form: Form,
    random: &mut fastrand::Rng,
) -> WrittenPart {
    let folder = folder.join(name);
    std::fs::create_dir(&folder).expect("folder");
    let mut parts = Parts::new(&folder, "in", Limits::from(&Config::default()), form);
    let mut first = 0;
    while first < frame.height() {
        let rows = random.usize(1..=frame.height() - first);
        let group = frame.slice(first as i64, rows);
        let encoded = encode(&group, form).expect("encode");
        parts.write(fields, rows, &encoded.iter().collect::<Vec<_>>(), None).expect("write");
        first += rows;
    }
    parts.close().expect("close");
    parts.take_closed().remove(0)
}

fn record(part: &WrittenPart, layer: Layer) -> DataFile {
    DataFile {
        key: part.path.display().to_string(),
        layer: layer.into(),
        rows: part.rows as i64,
        bytes: part.bytes as i64,
        sha256: part.sha256.clone(),
        stats: part.stats.clone(),
        raw_columns: if layer == Layer::Raw { raw::columns(&part.fields) } else { Vec::new() },
        ..DataFile::default()
    }
}

fn config(random: &mut fastrand::Rng) -> Config {
    Config { row_group_rows: random.usize(20..200), compact_bytes: 1 << 20, ..Config::default() }
}

/// Compacts files, each at its key, with a new file after each of `ends`.
fn compacted(
    folder: &Path,
    config: &Config,
    targets: Option<Targets>,
    inputs: &[DataFile],
    ends: &[usize],
) -> Vec<WrittenPart> {
    let folder = folder.join("out");
    std::fs::create_dir(&folder).expect("folder");
    let mut rewrite = Rewrite::new(&folder, config, targets);
    for (at, input) in inputs.iter().enumerate() {
        rewrite.take(input, Path::new(&input.key)).expect("take");
        if ends.contains(&at) {
            rewrite.end_file().expect("end");
        }
    }
    rewrite.end_file().expect("end");
    rewrite.take_closed()
}

fn read(part: &WrittenPart) -> DataFrame {
    ParquetReader::new(File::open(&part.path).expect("open")).finish().expect("read")
}

fn union(frames: &[DataFrame]) -> DataFrame {
    let mut all = frames[0].clone();
    for frame in &frames[1..] {
        all = all.vstack(frame).expect("the same columns");
    }
    all
}

fn nested_of(schema: &SchemaVersion, inputs: &[DataFile]) -> HashMap<u32, DataType> {
    let ids = nested_ids(Some(schema), inputs).expect("types");
    let columns = inputs.iter().flat_map(|file| {
        let input = Input::open(file, Path::new(&file.key)).expect("open");
        input.columns().expect("columns")
    });
    columns.filter(|(id, _)| ids.contains(id)).collect()
}

#[test]
fn what_random_runs_landed_is_what_their_compaction_holds() {
    for seed in 0..40 {
        let mut random = fastrand::Rng::with_seed(seed);
        let folder = tempfile::tempdir().expect("folder");
        let known: Vec<Known> =
            (1..random.u32(3..9)).map(|id| Known { id, kind: random.usize(..TYPES.len()) }).collect();
        let schema = schema(&known);
        let (mut inputs, mut whole) = (Vec::new(), Vec::new());
        for run in 0..random.usize(1..12) {
            // Older files lack columns that came later.
            let has: Vec<Known> = known.iter().filter(|_| random.u8(..) > 60).cloned().collect();
            let rows = random.usize(1..120);
            let frame = has.iter().map(|column| values(column, rows, &mut random)).collect();
            let frame = DataFrame::new(rows, frame).expect("frame");
            let (file, frame) = file_of_main(folder.path(), run, &has, &frame, &mut random);
            inputs.push(file);
            whole.push(frame);
        }
        let targets = Targets::new(Some(&schema), &inputs, &nested_of(&schema, &inputs)).expect("targets");
        let ends = [inputs.len() / 2];
        let parts = compacted(folder.path(), &config(&mut random), Some(targets), &inputs, &ends);
        assert!(parts.len() <= 2, "seed {seed}: files end where they are ended only");
        let got = union(&parts.iter().map(read).collect::<Vec<_>>());
        let expected = expected(&known, &whole, got.schema());
        assert!(got.equals_missing(&expected), "seed {seed}: {got} is not {expected}");
        for part in &parts {
            check_file(part, &known);
        }
    }
}

// The union of the inputs, columns in the schema's order and then lineage.
fn expected(known: &[Known], inputs: &[DataFrame], types: &Schema) -> DataFrame {
    let names: Vec<PlSmallStr> = known
        .iter()
        .map(|column| column.name().into())
        .chain(name::LINEAGE.map(PlSmallStr::from_static))
        .filter(|name: &PlSmallStr| inputs.iter().any(|input| input.column(name).is_ok()))
        .collect();
    let frames: Vec<DataFrame> = inputs
        .iter()
        .map(|input| {
            let column = |name: &PlSmallStr| match input.column(name) {
                Ok(column) => column.clone(),
                Err(_) => Column::full_null(name.clone(), input.height(), types.get(name).expect("a type")),
            };
            DataFrame::new(input.height(), names.iter().map(column).collect()).expect("frame")
        })
        .collect();
    union(&frames)
}

fn check_file(part: &WrittenPart, known: &[Known]) {
    let bytes = std::fs::read(&part.path).expect("read");
    assert_eq!(part.sha256, rfe_model::id::sha256_hex(&bytes));
    let frame = read(part);
    assert_eq!(part.rows, frame.height() as u64);
    let metadata = read_metadata(&mut File::open(&part.path).expect("open")).expect("metadata");
    for field in metadata.schema().fields() {
        let id = known.iter().find(|column| column.name() == field.name()).map(|column| column.id);
        let id = id
            .or_else(|| name::LINEAGE_IDS.iter().find(|(name, _)| *name == field.name()).map(|(_, id)| *id));
        assert_eq!(field.get_field_info().id, id.map(|id| id as i32), "{}", field.name());
        let stats = part.stats.iter().find(|stats| Some(stats.column_id) == id).expect("statistics");
        let column = frame.column(field.name()).expect("column");
        assert_eq!(stats.nulls, column.null_count() as i64, "{}", field.name());
        if let Ok(numbers) = column.as_materialized_series().i64() {
            let bounds = (numbers.min(), numbers.max());
            let said = stats.has_bounds.then(|| (stats.min.parse().ok(), stats.max.parse().ok()));
            assert_eq!(said.unwrap_or_default(), bounds, "{}", field.name());
        }
    }
}

#[test]
fn files_of_raw_stay_byte_for_byte_and_have_no_field_ids() {
    let mut random = fastrand::Rng::with_seed(7);
    let folder = tempfile::tempdir().expect("folder");
    let (mut inputs, mut whole) = (Vec::new(), Vec::new());
    for run in 0..30 {
        let rows = random.usize(1..50);
        let body = |n: usize| format!("{{\"b\": 1.50, \"a\":  \"00{n}\\u0000\"}}").into_bytes();
        let frame = df!(
            "_run_id" => vec![format!("run-{run}"); rows],
            "_event_id" => (0..rows).map(|n| format!("{run}-{n}")).collect::<Vec<_>>(),
            "small" => (0..rows as i64).collect::<Vec<_>>(),
            "body" => (0..rows).map(|n| (n % 5 != 0).then(|| body(n))).collect::<Vec<_>>(),
        )
        .expect("frame");
        let mut frame = frame;
        frame.try_apply("small", |small| small.cast(&DataType::Int16)).expect("narrow");
        let fields: Vec<PartField> =
            frame.columns().iter().map(|column| PartField::of(column, None)).collect();
        let part = write(folder.path(), &format!("raw-{run}"), &fields, &frame, Form::Stored, &mut random);
        inputs.push(record(&part, Layer::Raw));
        whole.push(frame);
    }
    let parts = compacted(folder.path(), &config(&mut random), None, &inputs, &[]);
    assert_eq!(parts.len(), 1);
    assert!(read(&parts[0]).equals_missing(&union(&whole)));
    assert_eq!(raw::columns(&parts[0].fields), inputs[0].raw_columns);
    let metadata = read_metadata(&mut File::open(&parts[0].path).expect("open")).expect("metadata");
    assert!(metadata.schema().fields().iter().all(|field| field.get_field_info().id.is_none()));
    assert!(metadata.row_groups.len() < 30, "row groups are full");
}

#[test]
fn a_file_that_is_not_what_was_written_is_named() {
    let mut random = fastrand::Rng::with_seed(1);
    let folder = tempfile::tempdir().expect("folder");
    let known = [Known { id: 1, kind: 0 }];
    let frame = DataFrame::new(50, vec![values(&known[0], 50, &mut random)]).expect("frame");
    let (file, _) = file_of_main(folder.path(), 0, &known, &frame, &mut random);
    let mut bytes = std::fs::read(&file.key).expect("read");
    let at = bytes.len() / 2;
    bytes[at] ^= 1;
    std::fs::write(&file.key, &bytes).expect("damage");
    let why = refused(&file);
    assert!(why.contains(&file.key) && why.contains(&file.sha256), "{why}");
    std::fs::write(&file.key, &bytes[..at]).expect("cut");
    assert!(refused(&file).contains(&format!("it has {at} bytes")), "{}", refused(&file));
}

fn refused(file: &DataFile) -> String {
    match Input::open(file, Path::new(&file.key)) {
        Err(Stop::Failed(failed)) => failed.message,
        Err(stop) => panic!("{stop}"),
        Ok(_) => panic!("it is damaged"),
    }
}

#[test]
fn a_column_that_nobody_declared_is_not_lost_but_refused() {
    let mut random = fastrand::Rng::with_seed(2);
    let folder = tempfile::tempdir().expect("folder");
    let known = [Known { id: 1, kind: 0 }, Known { id: 2, kind: 3 }];
    let frame = known.iter().map(|column| values(column, 10, &mut random)).collect();
    let frame = DataFrame::new(10, frame).expect("frame");
    let (file, _) = file_of_main(folder.path(), 0, &known, &frame, &mut random);
    let older = schema(&known[..1]);
    let inputs = [file];
    let targets = Targets::new(Some(&older), &inputs, &HashMap::new()).expect("targets");
    let mut rewrite = Rewrite::new(folder.path(), &config(&mut random), Some(targets));
    let Err(Stop::Failed(failed)) = rewrite.take(&inputs[0], Path::new(&inputs[0].key)) else {
        panic!("column c2 would be lost");
    };
    assert!(failed.message.contains("`c2` (id 2)"), "{}", failed.message);
}
