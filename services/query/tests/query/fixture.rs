//! A lake with files, a catalog that shows them, and the role served on a port.

use std::{path::Path, sync::Arc};

use arrow_array::{
    ArrayRef, Date32Array, Float64Array, Int64Array, RecordBatch, StringArray, StructArray,
    TimestampMicrosecondArray,
};
use arrow_flight::{
    decode::FlightRecordBatchStream, error::FlightError, flight_service_client::FlightServiceClient,
    sql::client::FlightSqlServiceClient,
};
use arrow_schema::{DataType, Field, Fields, Schema, SchemaRef};
use futures::TryStreamExt as _;
use parquet::arrow::ArrowWriter;
use rfe_lake::{Bucket, Lake, LocalLake};
use rfe_mesh::{Metrics, Shutdown, pages::Pages, server::GrpcPort, tokens::Tokens};
use rfe_model::name::LINEAGE_IDS;
use rfe_proto::metadata::{Column, DataFile, Dataset, ResolvedDataset};
use rfe_query::{Config, Deps};
use tokio::net::TcpListener;
use tonic::{Status, service::RoutesBuilder, transport::Channel};

use crate::shown::Shown;

/// Snapshot 1 shows one file of `finance_csv`, snapshot 2 both.
pub const NEWEST: u64 = 2;

/// A served role.
pub struct Served {
    /// Its address.
    pub url: String,
    /// The folder of its lake.
    pub folder: tempfile::TempDir,
    /// Its metrics.
    pub metrics: Metrics,
    /// Its lake.
    pub lake: Arc<dyn Lake>,
    /// What its catalog shows.
    pub shown: Shown,
    shutdown: Shutdown,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.shutdown.begin();
    }
}

impl Served {
    /// A plain client.
    pub async fn plain(&self) -> FlightServiceClient<Channel> {
        let channel =
            Channel::from_shared(self.url.clone()).expect("address").connect().await.expect("connect");
        FlightServiceClient::new(channel).max_decoding_message_size(64 << 20)
    }

    /// A Flight SQL client.
    pub async fn sql(&self) -> FlightSqlServiceClient<Channel> {
        FlightSqlServiceClient::new_from_inner(self.plain().await)
    }

    /// The rows of a statement, by plain DoGet.
    pub async fn rows(&self, sql: &str) -> Result<Vec<RecordBatch>, Status> {
        let stream =
            self.plain().await.do_get(arrow_flight::Ticket::new(sql.as_bytes().to_vec())).await?.into_inner();
        collect(stream).await
    }

    /// Ends it, and leaves its folder, its lake and what its catalog shows.
    pub async fn end(mut self) -> (tempfile::TempDir, Arc<dyn Lake>, Shown) {
        self.shutdown.begin();
        assert!(self.shutdown.drained(std::time::Duration::from_secs(20)).await, "the role ends");
        let folder = std::mem::replace(&mut self.folder, tempfile::tempdir().expect("folder"));
        (folder, Arc::clone(&self.lake), self.shown.clone())
    }

    /// The value of a metric, 0 before it is counted.
    pub fn metric(&self, name: &str) -> u64 {
        let text = self.metrics.render();
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.map_or(0, |value| value.parse().expect("a number"))
    }

    /// The rows as text, a row a line, values joined by `|`.
    pub async fn text(&self, sql: &str) -> Vec<String> {
        text(&self.rows(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}")))
    }
}

/// Reads a stream to its end.
pub async fn collect(stream: tonic::Streaming<arrow_flight::FlightData>) -> Result<Vec<RecordBatch>, Status> {
    FlightRecordBatchStream::new_from_flight_data(
        stream.map_err(|status| FlightError::Tonic(Box::new(status))),
    )
    .try_collect()
    .await
    .map_err(Status::from)
}

/// Rows as text.
pub fn text(batches: &[RecordBatch]) -> Vec<String> {
    let options = arrow::util::display::FormatOptions::default().with_null("NULL");
    let mut lines = Vec::new();
    for batch in batches {
        let shown: Vec<ArrayRef> = batch.columns().iter().map(with_offset).collect();
        let columns = shown
            .iter()
            .map(|column| {
                arrow::util::display::ArrayFormatter::try_new(column.as_ref(), &options).expect("formatter")
            })
            .collect::<Vec<_>>();
        for row in 0..batch.num_rows() {
            lines.push(
                columns.iter().map(|column| column.value(row).to_string()).collect::<Vec<_>>().join("|"),
            );
        }
    }
    lines
}

// The formatter knows offsets and no names of zones.
fn with_offset(column: &ArrayRef) -> ArrayRef {
    match column.as_any().downcast_ref::<TimestampMicrosecondArray>() {
        Some(instants) if instants.timezone().is_some() => Arc::new(instants.clone().with_timezone("+00:00")),
        _ => column.clone(),
    }
}

/// Serves the role with default settings.
pub async fn serve() -> Served {
    serve_with(Config::default()).await
}

/// Serves the role.
pub async fn serve_with(config: Config) -> Served {
    serve_datasets(config, datasets).await
}

/// Serves the role over datasets of one's own, on a local lake.
pub async fn serve_datasets(config: Config, make: impl Fn(&dyn Lake) -> Vec<ResolvedDataset>) -> Served {
    let folder = tempfile::tempdir().expect("folder");
    let lake: Arc<dyn Lake> = Arc::new(LocalLake::open(folder.path()).expect("lake"));
    let shown = Shown::new(make(lake.as_ref()));
    serve_on(config, lake, shown, folder).await
}

/// Serves the role over what a catalog shows of a lake.
pub async fn serve_on(
    config: Config,
    lake: Arc<dyn Lake>,
    shown: Shown,
    folder: tempfile::TempDir,
) -> Served {
    serve_behind(None, config, lake, shown, folder).await
}

/// Serves three datasets to callers with these tokens.
pub async fn serve_to(tokens: Tokens) -> Served {
    let folder = tempfile::tempdir().expect("folder");
    let lake: Arc<dyn Lake> = Arc::new(LocalLake::open(folder.path()).expect("lake"));
    let shown = Shown::new(datasets(lake.as_ref()));
    serve_behind(Some(tokens), Config::default(), lake, shown, folder).await
}

async fn serve_behind(
    tokens: Option<Tokens>,
    config: Config,
    lake: Arc<dyn Lake>,
    shown: Shown,
    folder: tempfile::TempDir,
) -> Served {
    let shutdown = Shutdown::new();
    let metrics = Metrics::default();
    let role = build(config, &lake, &shown, &shutdown, &metrics).await;
    let mut routes = RoutesBuilder::default();
    for (_, task) in role.register(&mut routes) {
        shutdown.spawn(task);
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("port");
    let url = format!("http://{}", listener.local_addr().expect("address"));
    rfe_mesh::server::spawn(
        listener,
        GrpcPort::new(routes.routes(), Pages { metrics: metrics.clone(), ..Pages::default() }).tokens(tokens),
        None,
        &shutdown,
    );
    Served { url, folder, metrics, lake, shown, shutdown }
}

async fn build(
    config: Config,
    lake: &Arc<dyn Lake>,
    shown: &Shown,
    shutdown: &Shutdown,
    metrics: &Metrics,
) -> rfe_mesh::Role {
    let deps = Deps {
        metadata: shown.serve(shutdown).await,
        lake: Arc::clone(lake),
        shutdown: shutdown.clone(),
        metrics: metrics.clone(),
    };
    rfe_query::build(config, deps).expect("the role")
}

/// The datasets that are served by default.
pub fn datasets(lake: &dyn Lake) -> Vec<ResolvedDataset> {
    vec![
        finance(lake),
        clicks(lake),
        nested(lake),
        dataset(
            "empty_one",
            "csv",
            false,
            &[(1, "id", "BIGINT"), (2, "at", "TIMESTAMPTZ"), (3, "doc", "JSON")],
        ),
    ]
}

fn finance(lake: &dyn Lake) -> ResolvedDataset {
    let mut finance = dataset(
        "finance_csv",
        "csv",
        false,
        &[
            (1, "id", "BIGINT"),
            (2, "account", "VARCHAR"),
            (3, "amount", "DOUBLE"),
            (4, "booked", "DATE"),
            (5, "note", "VARCHAR"),
        ],
    );
    // Written when `amount` was an integer and `note` unknown.
    let old: Vec<(u32, &str, ArrayRef)> = vec![
        (1, "id", Arc::new(Int64Array::from(vec![1, 2, 3]))),
        (2, "account", Arc::new(StringArray::from(vec!["a", "b", "a"]))),
        (3, "amount", Arc::new(Int64Array::from(vec![10, 20, 30]))),
        (4, "booked", Arc::new(Date32Array::from(vec![Some(20000), None, Some(20001)]))),
    ];
    let new: Vec<(u32, &str, ArrayRef)> = vec![
        (1, "id", Arc::new(Int64Array::from(vec![4, 5]))),
        (2, "account", Arc::new(StringArray::from(vec!["00123", "b"]))),
        (3, "amount", Arc::new(Float64Array::from(vec![1.5, 2.5]))),
        (4, "booked", Arc::new(Date32Array::from(vec![20002, 20003]))),
        (5, "note", Arc::new(StringArray::from(vec![Some("new"), None]))),
    ];
    finance.processed = vec![
        file(lake, Bucket::Processed, "finance_csv", 1, lined(old, 3, false)),
        file(lake, Bucket::Processed, "finance_csv", 2, lined(new, 2, false)),
    ];
    let raw = |from: i64, extra: Option<&str>, snapshot| {
        let texts = |name: &str, values: [&str; 2]| {
            (0, name.to_owned(), Arc::new(StringArray::from(values.to_vec())) as ArrayRef)
        };
        let mut columns = vec![texts("id", ["1", "2"]), texts("account", ["00123", "x"])];
        columns.extend(extra.map(|name| texts(name, ["n", "m"])));
        columns.extend([texts("_run_id", ["r", "r"]), texts("_file", ["f.csv", "f.csv"])]);
        columns.push((0, "_line".to_owned(), Arc::new(Int64Array::from(vec![from, from + 1]))));
        let mut file = file(
            lake,
            Bucket::Raw,
            "finance_csv",
            snapshot,
            columns.iter().map(|(id, name, column)| (*id, name.as_str(), Arc::clone(column))).collect(),
        );
        file.raw_columns = columns
            .iter()
            .map(|(_, name, _)| column(0, name, if name == "_line" { "BIGINT" } else { "VARCHAR" }))
            .collect();
        file
    };
    finance.raw = vec![raw(2, None, 1), raw(4, Some("note"), 2)];
    finance.raw_columns = finance.raw[1].raw_columns.clone();
    finance
}

fn clicks(lake: &dyn Lake) -> ResolvedDataset {
    let mut clicks = dataset(
        "clicks",
        "synthetic",
        true,
        &[(1, "n", "BIGINT"), (2, "doc", "JSON"), (3, "word", "VARCHAR")],
    );
    let rows = 5000;
    let columns: Vec<(u32, &str, ArrayRef)> = vec![
        (1, "n", Arc::new(Int64Array::from_iter_values(0..rows))),
        (2, "doc", Arc::new(StringArray::from_iter_values((0..rows).map(|n| format!("{{\"n\": {n}}}"))))),
        // The last cannot be cast to a number.
        (
            3,
            "word",
            Arc::new(StringArray::from_iter_values(
                (0..rows).map(|n| if n == rows - 1 { "last".to_owned() } else { n.to_string() }),
            )),
        ),
    ];
    clicks.processed = vec![file(lake, Bucket::Processed, "clicks", 1, lined(columns, rows, true))];
    clicks
}

fn nested(lake: &dyn Lake) -> ResolvedDataset {
    let mut nested = dataset(
        "nested",
        "parquet",
        false,
        &[(1, "place", "STRUCT(city VARCHAR, zip BIGINT)"), (2, "tags", "VARCHAR[]")],
    );
    let fields = Fields::from(vec![
        Field::new("city", DataType::Utf8, true),
        Field::new("zip", DataType::Int64, true),
    ]);
    let city: ArrayRef = Arc::new(StringArray::from(vec!["Bonn"]));
    let zip: ArrayRef = Arc::new(Int64Array::from(vec![53111]));
    let mut tags = arrow_array::builder::ListBuilder::new(arrow_array::builder::StringBuilder::new());
    tags.append_value([Some("x"), Some("y")]);
    let columns: Vec<(u32, &str, ArrayRef)> = vec![
        (1, "place", Arc::new(StructArray::new(fields, vec![city, zip], None))),
        (2, "tags", Arc::new(tags.finish())),
    ];
    nested.processed = vec![file(lake, Bucket::Processed, "nested", 1, lined(columns, 1, false))];
    nested
}

/// A dataset without files.
pub fn dataset(name: &str, kind: &str, events: bool, columns: &[(u32, &str, &str)]) -> ResolvedDataset {
    let columns = columns.iter().map(|(id, name, kind)| column(*id, name, kind)).collect();
    let dataset = Dataset {
        name: name.into(),
        source: name.into(),
        kind: kind.into(),
        events,
        columns,
        ..Dataset::default()
    };
    ResolvedDataset { dataset: Some(dataset), ..ResolvedDataset::default() }
}

fn column(id: u32, name: &str, kind: &str) -> Column {
    Column { id, name: name.into(), r#type: kind.into(), ..Column::default() }
}

fn lined(
    mut columns: Vec<(u32, &'static str, ArrayRef)>,
    rows: i64,
    events: bool,
) -> Vec<(u32, &'static str, ArrayRef)> {
    for (name, id) in LINEAGE_IDS {
        let values: ArrayRef = match name {
            "_ingested_at" | "_received_at" => {
                Arc::new(TimestampMicrosecondArray::from_iter_values(0..rows).with_timezone("UTC"))
            }
            "_schema_version" => Arc::new(Int64Array::from_iter_values((0..rows).map(|_| 1))),
            _ => Arc::new(StringArray::from_iter_values((0..rows).map(|row| format!("{name}-{row}")))),
        };
        if events || !matches!(name, "_event_id" | "_received_at") {
            columns.push((id, name, values));
        }
    }
    columns
}

fn file(
    lake: &dyn Lake,
    bucket: Bucket,
    dataset: &str,
    snapshot: u64,
    columns: Vec<(u32, &str, ArrayRef)>,
) -> DataFile {
    let key = format!("{dataset}/dt=2026-01-01/run/{snapshot}-00000-aa.parquet");
    let path = lake.local_path(bucket, &key).expect("a local lake");
    write_parquet(&path, columns);
    DataFile { key, dataset: dataset.into(), begin_snapshot: snapshot, ..DataFile::default() }
}

fn write_parquet(path: &Path, columns: Vec<(u32, &str, ArrayRef)>) {
    std::fs::create_dir_all(path.parent().expect("parent")).expect("folders");
    let fields = columns.iter().map(|(id, name, column)| {
        let field = Field::new(*name, column.data_type().clone(), true);
        if *id == 0 {
            field
        } else {
            field.with_metadata([("PARQUET:field_id".to_owned(), id.to_string())].into())
        }
    });
    let schema: SchemaRef = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let batch =
        RecordBatch::try_new(Arc::clone(&schema), columns.into_iter().map(|(.., column)| column).collect())
            .expect("batch");
    let mut writer =
        ArrowWriter::try_new(std::fs::File::create(path).expect("file"), schema, None).expect("writer");
    writer.write(&batch).expect("write");
    writer.close().expect("close");
}
