//! A folder with files, and what reading from it needs.

use std::{collections::BTreeMap, io::Write, path::PathBuf, sync::Arc};

use polars::prelude::Column;
use rfe_model::{SourceSpec, SqlType, secret::SecretStore};
use rfe_sources::{Chunk, Expectation, ReadContext, ReadError, Source, SourceKinds, conformance::Case};
use serde_json::Value as Json;
use tempfile::TempDir;

#[derive(Debug)]
pub struct Secrets(pub BTreeMap<String, String>);

impl SecretStore for Secrets {
    fn env(&self, name: &str) -> Result<String, String> {
        self.0.get(name).cloned().ok_or_else(|| format!("the environment variable `{name}` is not set"))
    }

    fn file(&self, path: &str) -> Result<String, String> {
        Err(format!("the secret file `{path}` is not there"))
    }
}

/// Files in a folder that may be read.
pub struct Desk {
    folder: TempDir,
}

impl Desk {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("folder") }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("parent")).expect("folder");
        std::fs::write(&path, content).expect("write");
        path.display().to_string()
    }

    pub fn write_gz(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        self.write(name, gz(content))
    }

    pub fn context(&self) -> ReadContext {
        context(vec![self.folder.path().to_path_buf()])
    }

    pub fn spec(&self, kind: &str, mut config: Json) -> SourceSpec {
        if let Some(Json::String(location)) = config.get_mut("location") {
            *location = self.path(location).display().to_string();
        }
        spec(kind, config)
    }

    pub async fn read(&self, kind: &str, config: Json) -> Result<Vec<Chunk>, ReadError> {
        read(&self.spec(kind, config), &self.context()).await
    }
}

pub fn gz(content: impl AsRef<[u8]>) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(content.as_ref()).expect("compress");
    encoder.finish().expect("compress")
}

pub fn context(roots: Vec<PathBuf>) -> ReadContext {
    ReadContext {
        run_id: "0198c5a8-0000-7000-8000-000000000001".to_owned(),
        expected: Expectation::default(),
        roots,
        allow_private_hosts: vec!["127.0.0.1".to_owned()],
        s3: None,
        secrets: Arc::new(Secrets(BTreeMap::new())),
        scratch: std::env::temp_dir(),
        chunk_bytes: 1 << 20,
        cursor: None,
        memory: Arc::new(rfe_sources::NoMemory),
    }
}

pub fn spec(kind: &str, config: Json) -> SourceSpec {
    SourceSpec { config, ..SourceSpec::sample("things", kind) }
}

pub fn kind(name: &str) -> Arc<dyn Source> {
    SourceKinds::default().get(name).expect("kind")
}

pub async fn read(spec: &SourceSpec, context: &ReadContext) -> Result<Vec<Chunk>, ReadError> {
    rfe_sources::conformance::drain(&case(spec, context), context).await
}

fn case(spec: &SourceSpec, context: &ReadContext) -> Case {
    Case {
        kind: kind(&spec.kind),
        spec: spec.clone(),
        context: context.clone(),
        records: 0,
        bad: 0,
        mend: <[u8]>::to_vec,
    }
}

pub fn expecting(context: ReadContext, types: &[(&str, SqlType)]) -> ReadContext {
    let declared = types.iter().map(|(name, of)| ((*name).to_owned(), of.clone())).collect();
    ReadContext { expected: Expectation { declared, ..Expectation::default() }, ..context }
}

pub fn texts(column: &Column) -> Vec<Option<String>> {
    column.str().expect("text").iter().map(|text| text.map(str::to_owned)).collect()
}

/// The texts of a column over all chunks.
pub fn column(chunks: &[Chunk], name: &str) -> Vec<Option<String>> {
    let of = |chunk: &Chunk| {
        chunk.columns.iter().find(|column| column.name == name).map(|column| texts(&column.values))
    };
    chunks.iter().flat_map(|chunk| of(chunk).unwrap_or_else(|| vec![None; chunk.rows()])).collect()
}

/// The texts of a column of raw over all chunks.
pub fn raw(chunks: &[Chunk], name: &str) -> Vec<Option<String>> {
    // A chunk that only tells of files has no columns.
    let with_rows = chunks.iter().filter(|chunk| chunk.rows() > 0);
    with_rows.flat_map(|chunk| texts(chunk.raw.column(name).expect("column"))).collect()
}

pub fn observed(chunks: &[Chunk], name: &str) -> Option<SqlType> {
    chunks[0].columns.iter().find(|column| column.name == name).expect("column").observed.clone()
}

pub fn names(chunk: &Chunk) -> Vec<&str> {
    chunk.columns.iter().map(|column| column.name.as_str()).collect()
}

pub fn some(values: &[&str]) -> Vec<Option<String>> {
    values.iter().map(|value| Some((*value).to_owned())).collect()
}
