//! SQL from a client reads datasets and nothing else. The larger corpus is in `services/query`; here the door is tried from
//! outside, and the world is looked at afterwards.

use rfe_tests::{Platform, grpc::reason};
use tonic::Code;

const HOSTILE: &[&str] = &[
    "COPY (SELECT 1) TO 'stolen.csv'",
    "COPY orders FROM 'stolen.csv'",
    "EXPORT DATABASE 'stolen'",
    "IMPORT DATABASE 'stolen'",
    "ATTACH ':memory:' AS elsewhere",
    "ATTACH 'registry.db' AS registry (TYPE sqlite)",
    "DETACH main",
    "INSTALL httpfs",
    "LOAD httpfs",
    "SET enable_external_access = true",
    "RESET ALL",
    "SET VARIABLE x = 1",
    "PRAGMA database_list",
    "CALL pragma_version()",
    "CREATE TABLE t AS SELECT 1",
    "CREATE OR REPLACE VIEW orders AS SELECT 1",
    "CREATE MACRO f() AS 1",
    "CREATE SECRET s (TYPE s3)",
    "DROP TABLE orders",
    "ALTER TABLE orders ADD COLUMN x INTEGER",
    "INSERT INTO orders VALUES (1)",
    "UPDATE orders SET total = 0",
    "DELETE FROM orders",
    "TRUNCATE orders",
    "BEGIN TRANSACTION",
    "VACUUM",
    "CHECKPOINT",
    "PREPARE p AS SELECT 1",
    "SELECT 1; DROP TABLE orders",
    "SELECT 1; SELECT 2",
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM read_blob('/proc/self/environ')",
    "SELECT * FROM '/etc/passwd'",
    "SELECT * FROM 'data.parquet'",
    "SELECT * FROM read_parquet('https://example.com/a.parquet')",
    "SELECT * FROM glob('/*')",
    "SELECT * FROM sniff_csv('/etc/passwd')",
    "SELECT getenv('HOME')",
    "SELECT * FROM duckdb_settings()",
    "SELECT * FROM duckdb_secrets()",
    "SELECT (SELECT content FROM read_text('/etc/passwd'))",
    "WITH x AS (FROM read_csv('/etc/passwd')) SELECT * FROM x",
    "SELECT * FROM query('SELECT 1')",
    "SELECT * FROM query_table('orders')",
    "/* SELECT */ COPY (SELECT 1) TO 'stolen.csv' -- harmless",
];

async fn with_orders() -> Platform {
    let platform = Platform::start().await;
    assert_eq!(platform.webhook("orders").json(r#"{"total": 5}"#).await.status, 200);
    platform.shows("SELECT total FROM orders", &["5"]).await;
    platform
}

#[tokio::test]
async fn a_hostile_statement_is_refused_and_changes_nothing() {
    let mut platform = with_orders().await;
    let mut let_through = Vec::new();
    for sql in HOSTILE {
        match platform.query(sql).await {
            Ok(_) => let_through.push(format!("{sql}: answered")),
            Err(status) => {
                let known =
                    matches!(status.code(), Code::InvalidArgument | Code::PermissionDenied | Code::NotFound);
                let reason = reason(&status);
                if !known || !matches!(reason.as_str(), "SQL_NOT_ALLOWED" | "SQL_INVALID") {
                    let_through.push(format!("{sql}: {:?} {reason} {}", status.code(), status.message()));
                }
                if status.message().contains("root:") {
                    let_through.push(format!("{sql}: leaked a file"));
                }
            }
        }
    }
    assert!(let_through.is_empty(), "{}", let_through.join("\n"));
    assert!(!platform.work().join("stolen.csv").exists() && !platform.work().join("stolen").exists());
    assert!(platform.is_alive());
    assert_eq!(platform.sql("SELECT total FROM orders").await, ["5"]);
}

#[tokio::test]
async fn wrong_sql_is_explained() {
    let platform = with_orders().await;
    for (sql, says) in [
        ("SELEC 1", "syntax"),
        ("SELECT totl FROM orders", "total"),
        ("SELECT * FROM ordres", "orders"),
        ("SELECT no_such_function(1)", "no_such_function"),
        ("SELECT total + FROM orders", "syntax"),
        ("", ""),
    ] {
        let status = platform.refused(sql).await;
        assert_eq!(
            (status.code(), reason(&status).as_str()),
            (Code::InvalidArgument, "SQL_INVALID"),
            "{sql}: {status}"
        );
        assert!(status.message().contains(says), "{sql}: {}", status.message());
    }
    let late =
        platform.refused("SELECT 1 // 0, CAST(repeat('x', range::INT) AS INTEGER) FROM range(10)").await;
    assert_eq!(late.code(), Code::InvalidArgument, "{late}");
    assert_eq!(platform.sql("SELECT total FROM orders").await, ["5"], "the door stays open");
}

#[tokio::test]
async fn a_query_sees_the_names_of_the_contract() {
    let platform = with_orders().await;
    let tables =
        platform.sql("SELECT table_schema, table_name FROM information_schema.tables ORDER BY 1, 2").await;
    for name in ["main|orders", "raw|orders", "meta|ingestion_runs", "meta|freshness", "meta|data_files"] {
        assert!(tables.iter().any(|table| table == name), "{name} is in {tables:?}");
    }
    for table in [
        "ingestion_runs",
        "ingestion_schemas",
        "ingestion_failures",
        "ingestion_run_summary",
        "freshness",
        "sources",
        "schedules",
        "data_files",
    ] {
        let _rows = platform.value(&format!("SELECT count(*) FROM meta.{table}")).await;
    }
    let summary = "SELECT source_name, row_count, total_rows, runs, failures FROM meta.ingestion_run_summary";
    assert_eq!(platform.sql(summary).await, ["orders|1|1|1|0"]);
    assert_eq!(platform.value("SELECT count(*) FROM meta.data_files").await, "2", "one raw, one processed");
}

#[tokio::test]
async fn a_dataset_without_rows_is_an_empty_typed_relation() {
    let platform = Platform::start().await;
    platform
        .apply("version: 1\nsources:\n- {name: quiet, kind: webhook, columns: {total: \"DECIMAL(9,2)\"}}\n")
        .await;
    assert_eq!(platform.value("SELECT count(*), sum(total) FROM quiet").await, "0|NULL");
    let columns = platform.columns("main.quiet").await;
    assert!(
        columns.contains(&"total DECIMAL(9,2)".to_owned()) && columns.contains(&"_run_id VARCHAR".to_owned()),
        "{columns:?}"
    );
    assert_eq!(platform.value("SELECT count(body) FROM raw.quiet").await, "0");
}
