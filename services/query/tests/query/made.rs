//! Files made by DuckDB itself, with the statistics that a worker would write.

use std::path::Path;

use duckdb::Connection;
use rfe_lake::{Bucket, Lake};
use rfe_proto::metadata::{ColumnStats, DataFile};

/// A column of a file: id, name, type and the SQL of its value.
pub type Made<'a> = (u32, &'a str, &'a str, String);

/// Makes files.
pub struct Maker(Connection);

impl Maker {
    /// In UTC, as the role.
    pub fn new() -> Self {
        let connection = Connection::open_in_memory().expect("DuckDB");
        connection.execute_batch("SET TimeZone = 'UTC'").expect("time zone");
        Self(connection)
    }

    /// Writes a file of what `FROM <from>` gives, committed in this snapshot as this part.
    pub fn file(
        &self,
        lake: &dyn Lake,
        dataset: &str,
        (snapshot, part): (u64, u32),
        columns: &[Made<'_>],
        from: &str,
    ) -> DataFile {
        // Keys are in no order of commits.
        let key = format!("{dataset}/dt=2026-01-01/{:03}/{snapshot}-{part:05}-aa.parquet", 999 - snapshot);
        let path = lake.local_path(Bucket::Processed, &key).expect("a local lake");
        std::fs::create_dir_all(path.parent().expect("parent")).expect("folders");
        self.write(&path, columns, from);
        let stats = columns.iter().map(|(id, _, kind, _)| self.stats(&path, *id, kind)).collect();
        let count = format!("SELECT count(*) FROM read_parquet('{}')", path.display());
        let rows = self.0.query_row(&count, [], |row| row.get(0)).expect("rows");
        DataFile {
            key,
            dataset: dataset.to_owned(),
            begin_snapshot: snapshot,
            part,
            rows,
            stats,
            ..DataFile::default()
        }
    }

    fn write(&self, path: &Path, columns: &[Made<'_>], from: &str) {
        let shown = columns.iter().map(|(id, _, kind, value)| format!("CAST({value} AS {kind}) AS c{id}"));
        let ids = columns.iter().map(|(id, ..)| format!("c{id}: {id}")).collect::<Vec<_>>().join(", ");
        let sql = format!(
            "COPY (SELECT {} FROM {from}) TO '{}' (FORMAT parquet, FIELD_IDS {{{ids}}})",
            shown.collect::<Vec<_>>().join(", "),
            path.display()
        );
        self.0.execute_batch(&sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    fn stats(&self, path: &Path, column_id: u32, kind: &str) -> ColumnStats {
        let sql = format!(
            "SELECT min(c{column_id})::VARCHAR, max(c{column_id})::VARCHAR, count(*) - count(c{column_id}) \
             FROM read_parquet('{}')",
            path.display()
        );
        let read = |row: &duckdb::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
        let (min, max, nulls): (Option<String>, Option<String>, i64) =
            self.0.query_row(&sql, [], read).expect("statistics");
        let bounds = min.zip(max).filter(|(_, max)| max != "nan");
        let has_bounds = bounds.is_some();
        let (min, max) = bounds.unwrap_or_default();
        ColumnStats { column_id, min, max, has_bounds, nulls, r#type: kind.to_owned() }
    }
}

/// Numbers that look random and are the same in every run (splitmix64).
pub struct Dice(pub u64);

impl Dice {
    /// Less than `below`.
    pub fn roll(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % below
    }

    /// One of these.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.roll(from.len() as u64) as usize]
    }
}
