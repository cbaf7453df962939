//! Tables of `meta`.

use rfe_proto::{
    metadata as pb,
    scheduler::{Schedule, schedule::Timing},
};

use super::{
    Stores,
    fixture::{claim_of, commit_of, declare, failure_of, land, letter_of, new_run, pull, register, seen},
};
use crate::{META_TABLES, MetaTable, MetaValue};

pub(super) async fn suite(stores: Stores<'_>) {
    every_table_can_be_scanned_and_each_row_fits_its_columns(stores).await;
    a_table_read_in_parts_is_the_whole_table(stores).await;
    the_summary_shows_the_latest_succeeded_run(stores).await;
    failures_have_a_row_for_each_attempt_and_each_letter(stores).await;
}

async fn scan(stores: Stores<'_>, table: &str) -> MetaTable {
    stores.catalog.scan(table).await.expect("scan").expect("the table exists")
}

/// The rows of a source, only these columns.
async fn rows_of(stores: Stores<'_>, table: &str, source: &str, columns: &[&str]) -> Vec<Vec<MetaValue>> {
    let scanned = scan(stores, table).await;
    let at = |name: &str| scanned.columns.iter().position(|(known, _)| *known == name).expect(name);
    let source_at = at("source_name");
    let picked: Vec<usize> = columns.iter().map(|name| at(name)).collect();
    scanned
        .rows
        .iter()
        .filter(|row| row[source_at] == text(source))
        .map(|row| picked.iter().map(|at| row[*at].clone()).collect())
        .collect()
}

fn text(text: &str) -> MetaValue {
    MetaValue::Text(text.to_owned())
}

async fn every_table_can_be_scanned_and_each_row_fits_its_columns(stores: Stores<'_>) {
    let hourly = Schedule {
        schedule_id: "shown".to_owned(),
        source: "clocked".to_owned(),
        timing: Some(Timing::Cron("0 * * * *".to_owned())),
        ..Schedule::default()
    };
    stores.schedules.put_schedule(&hourly).await.expect("put");
    for name in META_TABLES {
        let table = scan(stores, name).await;
        assert!(!table.rows.is_empty(), "{name}");
        for row in &table.rows {
            assert_eq!(row.len(), table.columns.len(), "{name}");
            for (value, (column, kind)) in row.iter().zip(&table.columns) {
                let fits = match value {
                    MetaValue::Null => true,
                    MetaValue::Integer(_) => *kind == "BIGINT",
                    MetaValue::Double(_) => *kind == "DOUBLE",
                    MetaValue::Boolean(_) => *kind == "BOOLEAN",
                    MetaValue::Text(_) => *kind == "VARCHAR",
                    MetaValue::Time(_) => *kind == "TIMESTAMPTZ",
                };
                assert!(fits, "{name}.{column}: {value:?}");
            }
        }
    }
    assert_eq!(stores.catalog.scan("sqlite_master").await.expect("scan"), None);
}

async fn a_table_read_in_parts_is_the_whole_table(stores: Stores<'_>) {
    let whole = scan(stores, "ingestion_runs").await;
    let mut rows = Vec::new();
    let mut after = None;
    loop {
        let part = stores.catalog.scan_part("ingestion_runs", after, 7).await.expect("scan").expect("there");
        rows.extend(part.table.rows);
        after = part.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(rows, whole.rows);
}

async fn the_summary_shows_the_latest_succeeded_run(stores: Stores<'_>) {
    declare(stores, "summed", "csv").await;
    let columns = ["row_count", "total_rows", "runs", "failures", "schema_version"];
    let none = rows_of(stores, "ingestion_run_summary", "summed", &columns).await;
    let zero = MetaValue::Integer(0);
    assert_eq!(none, [[MetaValue::Null, zero.clone(), zero.clone(), zero.clone(), zero]]);

    land(stores, &pull(stores, "summed").await.run, 2).await.expect("commit");
    land(stores, &pull(stores, "summed").await.run, 5).await.expect("commit");
    let failed = pull(stores, "summed").await.run;
    stores.runs.fail(&failure_of(&failed, None)).await.expect("fail");
    let summed = rows_of(stores, "ingestion_run_summary", "summed", &columns).await;
    assert_eq!(summed, [[5, 5, 3, 1, 1].map(MetaValue::Integer)]);
}

async fn failures_have_a_row_for_each_attempt_and_each_letter(stores: Stores<'_>) {
    declare(stores, "failing", "csv").await;
    let order = new_run("failing", pb::RunKind::Pull);
    stores.runs.create_run(&order).await.expect("create");
    let first = stores.runs.claim(&claim_of(&order, "w1")).await.expect("claim").run;
    stores.runs.fail(&failure_of(&first, Some(1))).await.expect("fail");
    let second = stores.runs.claim(&claim_of(&order, "w1")).await.expect("claim").run;
    let mut last = failure_of(&second, None);
    last.letters =
        vec![rfe_proto::dlq::DeadLetter { kind: "job".to_owned(), ..letter_of(&second, "failing_job") }];
    stores.runs.fail(&last).await.expect("give up");

    let rows = rows_of(stores, "ingestion_failures", "failing", &["kind", "state", "attempt", "code"]).await;
    let row =
        |kind, state, attempt, code| vec![text(kind), text(state), MetaValue::Integer(attempt), text(code)];
    assert_eq!(
        rows,
        [
            row("job", "open", 1, "RAGGED_ROW"),
            row("attempt", "failed", 2, "SOURCE_DOWN"),
            row("attempt", "retried", 1, "SOURCE_DOWN"),
        ]
    );
    let run = pull(stores, "failing").await.run;
    register(stores, &run, &[seen("id", "BIGINT")]).await;
    stores.runs.commit(&commit_of(&run, 1)).await.expect("commit");
    let letters = rows_of(stores, "ingestion_failures", "failing", &["state"]).await;
    assert_eq!(letters, [[text("discarded")], [text("failed")], [text("retried")]]);
}
