//! What lies in the lake, seen without the platform: files of the folder, or objects that a bare DuckDB finds.

use std::process::Stdio;

use serde_json::Value as Json;

use crate::{Platform, cli::finish, fixture::files_below, ground::RealGround, tool};

/// The buckets as CONTRACT §9 calls them.
const BUCKETS: [&str; 3] = ["raw", "processed", "dead-letter"];

impl Platform {
    /// Everything in the lake, as `bucket/key`, in order.
    ///
    /// # Panics
    /// If it can't be listed.
    pub async fn objects(&self) -> Vec<String> {
        let mut found: Vec<String> = match self.ground().stores() {
            None => {
                let lake = self.data().join("lake");
                let below = |bucket: &str| files_below(&lake.join(bucket), "");
                let shown = |path: std::path::PathBuf| {
                    path.strip_prefix(&lake).expect("it lies below").to_string_lossy().into_owned()
                };
                BUCKETS.into_iter().flat_map(below).map(shown).collect()
            }
            Some(real) => {
                let globs = BUCKETS.map(|bucket| {
                    let name = real.bucket(bucket);
                    let key = format!("substr(file, length('s3://{name}/') + 1)");
                    format!("SELECT '{bucket}/' || {key} AS object FROM glob('s3://{name}/**')")
                });
                let rows = real.duckdb(&globs.join(" UNION ALL ")).await;
                rows.iter().map(|row| row["object"].as_str().expect("a text").to_owned()).collect()
            }
        };
        found.sort();
        found
    }

    /// The text of an object, named as `bucket/key`.
    ///
    /// # Panics
    /// If there is none, or it is no text.
    pub async fn object(&self, name: &str) -> String {
        match self.ground().stores() {
            None => {
                let path = self.data().join("lake").join(name);
                std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
            }
            Some(real) => {
                let (bucket, key) = name.split_once('/').expect("a bucket and a key");
                let url = format!("s3://{}/{key}", real.bucket(bucket));
                let rows = real.duckdb(&format!("SELECT content FROM read_text('{url}')")).await;
                assert_eq!(rows.len(), 1, "{url}");
                rows[0]["content"].as_str().expect("a text").to_owned()
            }
        }
    }
}

impl RealGround {
    /// The rows of a statement, run by a bare DuckDB that knows the keys of the object store.
    ///
    /// # Panics
    /// If it fails.
    pub async fn duckdb(&self, sql: &str) -> Vec<Json> {
        let s3 = self.s3();
        let script = format!(
            ".output /dev/null\nLOAD '{}';\nCREATE SECRET (TYPE s3, KEY_ID '{}', SECRET '{}', REGION '{}', \
             ENDPOINT '127.0.0.1:{}', URL_STYLE 'path', USE_SSL false);\n.output\n{sql};\n",
            tool::httpfs().display(),
            s3.access_key(),
            s3.secret_key(),
            s3.region(),
            s3.port(),
        );
        let mut command = tool::command(&tool::duckdb());
        command.args(["-json", "-bail"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let answer = finish(command, script).await.ok();
        match answer.json() {
            Json::Array(rows) => rows,
            other => panic!("{sql}: {other}"),
        }
    }

    fn bucket(&self, name: &str) -> &str {
        let buckets = self.buckets();
        match name {
            "raw" => &buckets.raw,
            "processed" => &buckets.processed,
            "dead-letter" => &buckets.dead_letter,
            other => panic!("`{other}` is none of {BUCKETS:?}"),
        }
    }
}
