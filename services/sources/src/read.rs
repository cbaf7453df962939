//! The trait of a kind of source. Its written spec is the crate's README.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use async_trait::async_trait;
use rfe_lake::S3Config;
use rfe_model::{SourceSpec, SqlType, Violation, letter::Stage, secret::SecretStore, source::SchemaPolicy};
use rfe_proto::{dlq::DeadLetter, ingest::Event};

use crate::{Chunk, ReadError, ReadMemory, error::code};

/// What records must be like.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expectation {
    /// Declared types by column. A value that does not fit makes its record bad, of stage `validate`.
    pub declared: BTreeMap<String, SqlType>,
    /// The columns of the dataset, where `schema_policy` holds each record to them.
    pub held: Option<Held>,
    /// Columns of the key that `merge` names. A record without a value in one is bad, of stage `validate`: it would be the same
    /// row as no other.
    pub required: Vec<String>,
}

/// A dataset's columns that records are held to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The policy, as a message names it.
    pub policy: SchemaPolicy,
    /// Types by column; `None`: the column is known, and any value fits. A value that would widen its column's type makes its
    /// record bad, of stage `contract`.
    pub columns: BTreeMap<String, Option<SqlType>>,
    /// True if a value in a column that is not among these makes its record bad, of stage `contract`. NULL is no value.
    pub closed: bool,
}

/// What reading may use.
#[derive(Debug, Clone)]
pub struct ReadContext {
    /// The run; ids of synthetic events derive from it.
    pub run_id: String,
    /// What records must be like; one that is not is bad.
    pub expected: Expectation,
    /// Local files may be read below these folders, symlinks resolved.
    pub roots: Vec<PathBuf>,
    /// Hosts, addresses and CIDRs that may be private; all other private ones are refused.
    pub allow_private_hosts: Vec<String>,
    /// The store that the lake is in, if that is an S3 one: `s3://` locations without a store of their own are read from it.
    pub s3: Option<Arc<S3Config>>,
    /// Where `${…}` references resolve.
    pub secrets: Arc<dyn SecretStore>,
    /// A folder for files that live as long as the run.
    pub scratch: PathBuf,
    /// Bytes of source data that one chunk holds at most, unless one record is larger.
    pub chunk_bytes: usize,
    /// Mode `incremental`: where the last committed run of the source left off ([`Chunk::cursor`]); `None` before the first.
    pub cursor: Option<String>,
    /// What was read before: earlier attempts of this run, and files of earlier runs.
    pub memory: Arc<dyn ReadMemory>,
}

/// A kind of source.
#[async_trait]
pub trait Source: Send + Sync + std::fmt::Debug {
    /// The word in `kind:`.
    fn name(&self) -> &'static str;

    /// Checks `config` and what else the kind minds, without opening anything.
    ///
    /// # Errors
    /// Fields at fault, such as `config.url`.
    fn check(&self, spec: &SourceSpec) -> Result<(), Vec<Violation>>;

    /// Opens the source. FAILED for kinds that are pushed to.
    ///
    /// # Errors
    /// If it can't be opened; see [`ReadError`] for what happens then.
    async fn open(&self, spec: &SourceSpec, context: ReadContext) -> Result<Box<dyn Reader>, ReadError>;

    /// Takes apart events that were pushed. Bad ones are in `bad`, the others keep their order. Kinds that are pulled have
    /// nothing to write here.
    ///
    /// # Errors
    /// For kinds that take no events.
    fn decode_events(&self, _: &SourceSpec, _: &ReadContext, _: &[Event]) -> Result<Chunk, ReadError> {
        let message = format!("a {} source takes no events", self.name());
        Err(ReadError::permanent(Stage::Decode, code::KIND_MISMATCH, message))
    }

    /// Takes the record of a dead letter apart again, from `raw`; a record that is still bad is in `bad`.
    ///
    /// # Errors
    /// If the letter's context does not tell how.
    fn decode_letter(
        &self,
        spec: &SourceSpec,
        context: &ReadContext,
        letter: &DeadLetter,
        raw: &[u8],
    ) -> Result<Chunk, ReadError>;
}

/// An opened source. Memory is bounded: it holds one chunk and what its decoder needs.
#[async_trait]
pub trait Reader: Send {
    /// The next chunk; `None` at the end.
    ///
    /// # Errors
    /// If reading can't go on. What was read before is dropped by the worker.
    async fn next(&mut self) -> Result<Option<Chunk>, ReadError>;
}
