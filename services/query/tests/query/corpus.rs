//! What may run and what may not.

use rfe_mesh::fault_from_status;
use rfe_model::fault::reason;

use crate::fixture;

const HOSTILE: &[&str] = &[
    // Statements that are no query.
    "COPY finance_csv TO '/tmp/stolen.csv'",
    "COPY (SELECT 1) TO 'evil.parquet' (FORMAT parquet)",
    "COPY finance_csv FROM '/etc/passwd'",
    "ATTACH '/tmp/x.db' AS x",
    "ATTACH ':memory:' AS x",
    "DETACH q0",
    "INSTALL httpfs",
    "LOAD httpfs",
    "PRAGMA database_list",
    "PRAGMA enable_profiling",
    "SET threads = 64",
    "SET VARIABLE x = 1",
    "SET search_path = 'temp'",
    "RESET memory_limit",
    "CALL enable_logging()",
    "CALL pragma_version()",
    "EXPORT DATABASE '/tmp/x'",
    "IMPORT DATABASE '/tmp/x'",
    "CREATE TABLE x AS SELECT 1",
    "CREATE OR REPLACE VIEW finance_csv AS SELECT 1",
    "CREATE TEMP TABLE x (a INT)",
    "CREATE MACRO f(x) AS x + 1",
    "CREATE SECRET s (TYPE s3, KEY_ID 'x', SECRET 'y')",
    "CREATE FUNCTION f(x) AS getenv(x)",
    "DROP VIEW finance_csv",
    "INSERT INTO finance_csv VALUES (1)",
    "UPDATE finance_csv SET id = 1",
    "DELETE FROM finance_csv",
    "TRUNCATE finance_csv",
    "MERGE INTO finance_csv USING (SELECT 1 AS id) s ON s.id = finance_csv.id WHEN MATCHED THEN DELETE",
    "ALTER TABLE finance_csv ADD COLUMN x INT",
    "BEGIN TRANSACTION",
    "COMMIT",
    "CHECKPOINT",
    "VACUUM",
    "USE memory",
    "PREPARE s AS SELECT 1",
    "EXECUTE s(1)",
    "DEALLOCATE s",
    "EXPLAIN ANALYZE DELETE FROM finance_csv",
    "EXPLAIN COPY finance_csv TO '/tmp/x'",
    "EXPLAIN (ANALYZE) SELECT 1",
    "SHOW DATABASES",
    "SHOW VARIABLES",
    // Several statements.
    "SELECT 1; SELECT 2",
    "SELECT 1; DROP VIEW finance_csv",
    "SELECT 1;;; ATTACH ':memory:' AS x",
    "CREATE TABLE x AS SELECT 1; SELECT 1",
    "SELECT 1 /* ; */; SET threads = 1 -- ",
    // Files and addresses as tables.
    "SELECT * FROM '/etc/passwd'",
    "FROM '/etc/passwd'",
    "FROM \"/etc/passwd\"",
    "FROM 'file:///etc/passwd'",
    "FROM 'http://127.0.0.1:1/x.parquet'",
    "FROM 'https://example.com/x.csv'",
    "FROM 's3://bucket/x.parquet?s3_endpoint=attacker:9999&s3_access_key_id=x'",
    "FROM 'LAKE/processed/finance_csv/dt=2026-01-01/run/1-00000-aa.parquet'",
    "FROM 'LAKE/processed/*/*/*/*.parquet'",
    "TABLE '/etc/passwd'",
    "DESCRIBE '/etc/passwd'",
    "SUMMARIZE 'LAKE/processed/finance_csv/dt=2026-01-01/run/1-00000-aa.parquet'",
    "SELECT * FROM main.'/etc/passwd'",
    // Functions in FROM.
    "FROM read_csv('/etc/passwd')",
    "FROM read_parquet('LAKE/processed/*/*/*/*.parquet')",
    "FROM ReAd_TeXt('/etc/passwd')",
    "FROM \"read_text\"('/etc/passwd')",
    "FROM read_blob('/etc/*')",
    "FROM read_json('/etc/passwd')",
    "FROM read_ndjson_objects('/etc/passwd')",
    "FROM parquet_metadata('LAKE/processed/*/*/*/*.parquet')",
    "FROM parquet_scan('x')",
    "FROM sniff_csv('/etc/passwd')",
    "FROM glob('/etc/*')",
    "FROM query('SELECT 1')",
    "FROM query_table('finance_csv')",
    "FROM duckdb_secrets()",
    "FROM duckdb_settings()",
    "FROM duckdb_views()",
    "FROM duckdb_databases()",
    "FROM pragma_database_size()",
    "FROM which_secret('s3://x', 's3')",
    "FROM json_execute_serialized_sql(json_serialize_sql('SELECT 1'))",
    "FROM histogram_values('/etc/passwd', x)",
    "FROM system.main.range(5), read_text('/etc/passwd')",
    "FROM seq_scan('x')",
    "FROM test_all_types()",
    "FROM enable_logging()",
    // Functions in expressions.
    "SELECT getenv('HOME')",
    "SELECT getvariable('x')",
    "SELECT current_setting('temp_directory')",
    "SELECT write_log('x')",
    "SELECT nextval('s')",
    "SELECT sleep_ms(100000)",
    "SELECT pg_sleep(1000)",
    "SELECT json_serialize_sql('IMPORT DATABASE x')",
    "SELECT 'SELECT 1'.json_serialize_sql()",
    "SELECT pg_get_viewdef(0)",
    "SELECT pg_catalog.current_setting('threads')",
    "SELECT system.main.current_setting('threads')",
    "SELECT current_setting('threads') OVER ()",
    // Hidden somewhere.
    "WITH a AS (SELECT * FROM read_text('/etc/passwd')) SELECT 1",
    "WITH a AS (INSERT INTO finance_csv VALUES (1) RETURNING *) FROM a",
    "WITH a AS (COPY finance_csv TO '/tmp/x') SELECT 1",
    "WITH a AS (DELETE FROM finance_csv RETURNING *) SELECT 1",
    "SELECT (WITH \"/etc/passwd\" AS (SELECT 1) SELECT 1) FROM '/etc/passwd'",
    "SELECT * FROM (WITH \"/etc/passwd\" AS (SELECT 1) FROM \"/etc/passwd\") a, '/etc/passwd' b",
    "WITH \"/etc/passwd\" AS (FROM \"/etc/passwd\") FROM \"/etc/passwd\"",
    "SELECT (SELECT content FROM read_text('/etc/passwd'))",
    "SELECT 1 WHERE EXISTS (FROM read_text('/etc/passwd'))",
    "SELECT 1 WHERE 'x' IN (SELECT content FROM read_text('/etc/passwd'))",
    "SELECT 1 ORDER BY (SELECT count(*) FROM read_text('/etc/passwd'))",
    "SELECT 1 LIMIT (SELECT count(*) FROM read_text('/etc/passwd'))",
    "SELECT 1 OFFSET (SELECT count(*) FROM glob('/etc/*'))",
    "SELECT count(*) FROM finance_csv GROUP BY (SELECT count(*) FROM glob('/etc/*'))",
    "SELECT account FROM finance_csv GROUP BY 1 HAVING count(*) > (SELECT count(*) FROM glob('/*'))",
    "SELECT id FROM finance_csv QUALIFY row_number() OVER (ORDER BY (SELECT count(*) FROM glob('/*'))) = 1",
    "SELECT sum(id) FILTER (WHERE getenv('x') IS NULL) FROM finance_csv",
    "SELECT sum(id) OVER (PARTITION BY current_setting('threads')) FROM finance_csv",
    "SELECT * FROM finance_csv f, LATERAL (SELECT * FROM read_text(f.account)) t",
    "SELECT * FROM finance_csv f JOIN read_text('/etc/passwd') t ON true",
    "SELECT * FROM finance_csv f JOIN finance_csv g ON f.id = (SELECT count(*) FROM glob('/*'))",
    "SELECT DISTINCT ON (current_setting('threads')) id FROM finance_csv",
    "FROM (PIVOT (FROM read_text('/etc/passwd')) ON filename IN ('x') USING count(*))",
    "FROM (UNPIVOT (FROM read_text('/etc/passwd')) ON content)",
    "VALUES ((SELECT content FROM read_text('/etc/passwd')))",
    "SELECT 1 UNION ALL SELECT content FROM read_text('/etc/passwd')",
    "SELECT list_transform([1], lambda x: getenv('HOME'))",
    "SELECT [getenv(x) FOR x IN ['HOME']]",
    "SELECT CASE WHEN true THEN (SELECT content FROM read_text('/etc/passwd')) END",
    "SELECT * REPLACE (getenv('HOME') AS id) FROM finance_csv",
    "SELECT COLUMNS(c -> getenv(c) IS NULL) FROM finance_csv",
    "SELECT * FROM unnest((SELECT list(content) FROM read_text('/etc/passwd')))",
    "SELECT * FROM range((SELECT count(*) FROM glob('/*')))",
    "WITH RECURSIVE r AS (SELECT 1 AS i UNION ALL SELECT i FROM r, read_text('/etc/passwd')) FROM r",
    "EXPLAIN SELECT * FROM read_text('/etc/passwd')",
    "DESCRIBE SELECT * FROM read_text('/etc/passwd')",
    "SUMMARIZE SELECT * FROM glob('/etc/*')",
    // Comments, blanks and letters.
    "SELECT * FROM/**/read_text/**/('/etc/passwd')",
    "SELECT * FROM -- x\n read_text('/etc/passwd')",
    "SELECT\u{a0}*\u{a0}FROM\u{a0}'/etc/passwd'",
    "SELECT * FROM \u{ff52}ead_text('/etc/passwd')",
    "\u{feff}DROP VIEW finance_csv",
    "/* SELECT */ DROP VIEW finance_csv",
    "SELECT '",
    "SELECT \"",
    "SELECT $$",
    "/*",
    "",
    " ; ",
    "-- nothing",
    // Names of the engine's own.
    "FROM q0.main.finance_csv",
    "FROM system.information_schema.tables",
    "FROM pg_catalog.pg_class",
    "FROM sqlite_master",
    "FROM duckdb_tables",
    "FROM temp.main.x",
    "FROM memory.main.x",
    "FROM information_schema.key_column_usage",
    "FROM other.finance_csv",
    "FROM meta.secrets",
    "FROM raw.unknown",
    // Parameters where no value may stand.
    "FROM $1",
    "FROM ?",
    "SELECT * FROM identifier($1)",
    "SELECT * FROM finance_csv AT (VERSION => 1)",
];

const HONEST: &[&str] = &[
    "SELECT 1",
    "select 1;",
    "VALUES (1, 'a'), (2, 'b')",
    "FROM finance_csv",
    "TABLE finance_csv",
    "SELECT count(*) FROM finance_csv",
    "SELECT count(*) FROM main.finance_csv",
    "SELECT * EXCLUDE (note) REPLACE (id + 1 AS id) FROM finance_csv",
    "SELECT COLUMNS('a.*') FROM finance_csv",
    "SELECT account, sum(amount) FROM finance_csv GROUP BY ALL ORDER BY ALL",
    "SELECT account, sum(amount) FROM finance_csv GROUP BY account HAVING sum(amount) > 1 ORDER BY 2 DESC NULLS LAST LIMIT 3 OFFSET 1",
    "SELECT f.id, c.n FROM finance_csv f JOIN clicks c ON c.n = f.id",
    "SELECT * FROM finance_csv f LEFT JOIN clicks c ON c.n = f.id AND c.word <> 'x'",
    "SELECT * FROM finance_csv f SEMI JOIN clicks c ON c.n = f.id",
    "SELECT * FROM finance_csv f ANTI JOIN clicks c USING (_source)",
    "SELECT * FROM finance_csv f ASOF JOIN clicks c ON f.id >= c.n",
    "SELECT * FROM finance_csv NATURAL JOIN (SELECT id FROM finance_csv)",
    "SELECT * FROM finance_csv POSITIONAL JOIN nested",
    "SELECT id, row_number() OVER (PARTITION BY account ORDER BY id) FROM finance_csv",
    "SELECT id, sum(amount) OVER w FROM finance_csv WINDOW w AS (ORDER BY id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)",
    "SELECT id FROM finance_csv QUALIFY row_number() OVER (PARTITION BY account ORDER BY id DESC) = 1",
    "WITH a AS (SELECT id FROM finance_csv), b AS (SELECT id + 1 AS id FROM a) SELECT * FROM a JOIN b USING (id)",
    "WITH a AS MATERIALIZED (SELECT 1 AS x) SELECT * FROM a, a AS again",
    "WITH a AS (SELECT 1 AS x) SELECT (SELECT max(x) FROM a), EXISTS (FROM a)",
    "WITH a AS (WITH b AS (SELECT 1 AS x) FROM b) FROM a",
    "WITH RECURSIVE r AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM r WHERE i < 10) SELECT sum(i) FROM r",
    "WITH FINANCE AS (FROM finance_csv) SELECT * FROM finance",
    "SELECT list_transform([1, 2, 3], lambda x: x + 1)",
    "SELECT [x * 2 FOR x IN [1, 2, 3] IF x > 1]",
    "SELECT list_filter(tags, lambda t: t <> 'x'), len(tags), tags[1:1] FROM nested",
    "SELECT place.city, struct_pack(a := 1), {'a': 1}.a FROM nested",
    "SELECT map(['a'], [1])['a'], MAP {'k': 1}",
    "SELECT unnest([1, 2]), unnest({'a': 1, 'b': 2})",
    "SELECT * FROM unnest([1, 2, 3]) t(x)",
    "SELECT * FROM range(3) a, generate_series(1, 3) b",
    "SELECT f.id, t.x FROM finance_csv f, LATERAL (SELECT f.id * 2 AS x) t",
    "SELECT doc->>'$.n', doc->'n', json_extract(doc, '$.n')::BIGINT FROM clicks LIMIT 2",
    "SELECT * FROM clicks, json_each(doc) LIMIT 2",
    "SELECT id::VARCHAR, CAST(amount AS DECIMAL(18, 2)), TRY_CAST(account AS INT) FROM finance_csv",
    "SELECT 1 AS a UNION BY NAME SELECT 2 AS b",
    "SELECT id FROM finance_csv UNION ALL SELECT n FROM clicks EXCEPT SELECT 3 INTERSECT SELECT 4",
    "SELECT * FROM finance_csv USING SAMPLE 50%",
    "SELECT * FROM finance_csv TABLESAMPLE reservoir(2)",
    "SELECT now() - INTERVAL 1 DAY, current_date, today(), date_trunc('month', now())",
    "SELECT strftime(booked, '%Y'), extract(year FROM booked), age(booked) FROM finance_csv",
    "SELECT _ingested_at AT TIME ZONE 'Europe/Berlin' FROM finance_csv",
    "SELECT DISTINCT ON (account) * FROM finance_csv ORDER BY account, id",
    "SELECT count(*) FILTER (WHERE amount > 2), string_agg(account, ',' ORDER BY id) FROM finance_csv",
    "SELECT account, id, sum(amount) FROM finance_csv GROUP BY GROUPING SETS ((account), (id), ())",
    "SELECT account, sum(amount) FROM finance_csv GROUP BY ROLLUP (account)",
    "SELECT CASE WHEN id > 1 THEN 'a' ELSE 'b' END, coalesce(note, '-'), nullif(id, 1), id BETWEEN 1 AND 2 FROM finance_csv",
    "SELECT * FROM finance_csv WHERE id IN (SELECT n FROM clicks) AND account LIKE 'a%' ESCAPE '!'",
    "SELECT * FROM finance_csv WHERE id = ANY (SELECT n FROM clicks) AND NOT EXISTS (SELECT 1 FROM clicks c WHERE c.n = id + 100000)",
    "SELECT regexp_replace(account, '[0-9]+', '#', 'g'), account ILIKE 'A', upper(account)[1], printf('%s %d', account, id) FROM finance_csv",
    "SELECT quantile_cont(amount, 0.5), approx_count_distinct(account), arg_max(id, amount), histogram(id) FROM finance_csv",
    "SELECT * FROM (PIVOT finance_csv ON account IN ('a', 'b') USING sum(amount) GROUP BY id)",
    "FROM finance_csv PIVOT (sum(amount) FOR account IN ('a', 'b'))",
    "FROM (SELECT id, amount FROM finance_csv) UNPIVOT (value FOR name IN (amount))",
    "DESCRIBE finance_csv",
    "DESCRIBE SELECT 1 AS a",
    "SUMMARIZE finance_csv",
    "SHOW TABLES",
    "SHOW ALL TABLES",
    "SHOW finance_csv",
    "EXPLAIN SELECT * FROM finance_csv",
    "EXPLAIN ANALYZE SELECT count(*) FROM finance_csv",
    "-- a comment\nSELECT /* another */ 1 -- and one more",
    "SELECT 'it''s; a -- text', E'a\\nb', $$a$$, \"id\" AS \"Ü n\" FROM finance_csv",
    "SELECT id, (SELECT max(n) FROM clicks c WHERE c.n <= f.id) FROM finance_csv f",
    "SELECT a.id FROM finance_csv a, raw.finance_csv b, meta.ingestion_runs c LIMIT 1",
    "SELECT * FROM information_schema.tables",
    "SELECT 1 ORDER BY (SELECT 1)",
    "SELECT version(), typeof(1), pg_typeof(1), hash(1), md5('x'), uuid() IS NULL",
    "SELECT #1, id FROM finance_csv ORDER BY #2",
    "SELECT 0x1F, 1_000, 1e3, .5, 'x' || 1, 7 // 2, 7 % 2, 2 ** 3, -1, ~1, 1 << 2",
];

#[tokio::test]
async fn hostile_statements_are_refused() {
    let served = fixture::serve().await;
    let lake = served.folder.path().display().to_string();
    let mut passed = Vec::new();
    for sql in HOSTILE.iter().map(|sql| sql.replace("LAKE", &lake)) {
        match served.rows(&sql).await {
            Ok(_) => passed.push(format!("{sql}: answered")),
            Err(status) => {
                let fault = fault_from_status(&status);
                // Blank text is no ticket.
                let refused = [reason::SQL_NOT_ALLOWED, reason::SQL_INVALID].contains(&fault.reason.as_str());
                let blank = sql.trim().is_empty() && fault.reason == reason::INVALID_FIELD;
                if !(refused || blank) {
                    passed.push(format!("{sql}: {} {}", fault.reason, fault.message));
                }
                if fault.message.contains(&lake) && !sql.contains(&lake) {
                    passed.push(format!("{sql}: names a path: {}", fault.message));
                }
            }
        }
    }
    assert!(passed.is_empty(), "{} of {}:\n{}", passed.len(), HOSTILE.len(), passed.join("\n"));
    assert_eq!(served.text("SELECT count(*) FROM finance_csv").await, ["5"], "and nothing has changed");
}

#[tokio::test]
async fn honest_statements_pass() {
    let served = fixture::serve().await;
    let mut failed = Vec::new();
    for sql in HONEST {
        if let Err(status) = served.rows(sql).await {
            failed.push(format!("{sql}: {}", status.message()));
        }
    }
    assert!(failed.is_empty(), "{} of {}:\n{}", failed.len(), HONEST.len(), failed.join("\n"));
}

#[tokio::test]
async fn statements_that_nest_deeply_or_never_end_are_refused_and_harm_nothing() {
    let served = fixture::serve().await;
    let deep = [
        format!("SELECT {}1{}", "(".repeat(100_000), ")".repeat(100_000)),
        format!("SELECT {}1", "NOT ".repeat(50_000)),
        format!("SELECT {}1", "- ".repeat(100_000)),
        format!("SELECT 1{}", " + 1".repeat(60_000)),
        format!("SELECT {}1{}", "(SELECT ".repeat(20_000), ")".repeat(20_000)),
        format!("{}SELECT 1{}", "SELECT * FROM (".repeat(15_000), ")".repeat(15_000)),
        format!("SELECT 1{}", " UNION ALL SELECT 1".repeat(13_000)),
        format!("SELECT {}1{}", "CASE WHEN true THEN ".repeat(10_000), " END".repeat(10_000)),
        format!("SELECT {}{}", "[".repeat(100_000), "]".repeat(100_000)),
        format!("SELECT 'x'{}", ".upper()".repeat(30_000)),
        format!("{}SELECT 1", "WITH a AS (".repeat(20_000)),
        format!("SELECT 1 FROM range(1){}", " JOIN range(1) ON true".repeat(11_000)),
        format!("SELECT '{}'", "x".repeat(300_000)),
        format!("SELECT {}", "/*".repeat(100_000)),
        format!("SELECT 1{}{}", "/*".repeat(20_000), "*/".repeat(20_000)),
        format!("SELECT {}1", "+".repeat(100_000)),
        format!("SELECT {}y", "x.".repeat(50_000)),
        format!("SELECT 1{}", "::INT".repeat(40_000)),
        format!("SELECT 1{}", " COLLATE a".repeat(20_000)),
        format!("SELECT x{}", "[1]".repeat(50_000)),
    ];
    for sql in deep {
        let began = std::time::Instant::now();
        let Err(refused) = served.rows(&sql).await else { panic!("{}... was answered", &sql[..60]) };
        assert!(
            began.elapsed() < std::time::Duration::from_secs(20),
            "{}... took {:?}",
            &sql[..60],
            began.elapsed()
        );
        assert_eq!(fault_from_status(&refused).reason, reason::SQL_INVALID, "{}...: {refused}", &sql[..60]);
    }
    let wide = format!(
        "SELECT id FROM finance_csv WHERE id IN ({})",
        (0..20_000).map(|n| n.to_string()).collect::<Vec<_>>().join(",")
    );
    assert_eq!(
        served
            .rows(&wide)
            .await
            .expect("long, but flat")
            .iter()
            .map(arrow_array::RecordBatch::num_rows)
            .sum::<usize>(),
        5
    );
    let chain = format!("SELECT 1{}", " + 1".repeat(200));
    assert_eq!(served.text(&chain).await, ["201"]);
}
