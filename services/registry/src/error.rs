//! What can go wrong in the registry.

use std::time::Duration;

use rfe_model::{ErrorCode, Fault, fault::reason};

/// Why a transaction did not happen.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// No such thing; `what` is source, run, dataset, schedule or letter.
    #[error("{what} `{id}` does not exist")]
    NotFound {
        /// The kind of thing.
        what: &'static str,
        /// Its id.
        id: String,
    },
    /// The source was deleted.
    #[error("source `{0}` was deleted")]
    SourceDeleted(String),
    /// A source of that name exists.
    #[error("source `{0}` exists")]
    SourceExists(String),
    /// Too many sources were made by first webhooks.
    #[error("{0} sources were made by first webhooks, and no more are; declare `{1}` with `rfe apply`")]
    TooManySources(u32, String),
    /// Somebody claimed, failed or cancelled the run since.
    #[error("run `{run_id}` is at epoch {current}, state {state}; epoch {given} is stale")]
    StaleEpoch {
        /// The run.
        run_id: String,
        /// Its epoch now.
        current: u64,
        /// Its state now.
        state: String,
        /// The epoch given.
        given: u64,
    },
    /// Events of the commit landed before.
    #[error("{} events of the commit landed before", .0.len())]
    DuplicateEvents(Vec<String>),
    /// Another run of the source committed since the claim what this one read.
    #[error("since run `{run_id}` was claimed, another run of source `{name}` {what}; read again")]
    AlreadyRead {
        /// The source.
        name: String,
        /// The run.
        run_id: String,
        /// What the other one did.
        what: String,
    },
    /// The letter was replayed or discarded.
    #[error("letter `{id}` is {state}")]
    LetterNotOpen {
        /// The letter.
        id: String,
        /// Its state.
        state: String,
        /// The run that replayed it; empty if none did.
        replay_run_id: String,
    },
    /// The columns do not fit the policy.
    #[error("{0}")]
    SchemaPolicy(String),
    /// read ≠ landed + dead + duplicate + discarded.
    #[error("counters do not balance: {0}")]
    Unbalanced(String),
    /// The run has ended, or is one of events.
    #[error("run `{run_id}` can't be cancelled: {why}")]
    NotCancellable {
        /// The run.
        run_id: String,
        /// Why.
        why: String,
    },
    /// The dataset's source is live.
    #[error(
        "dataset `{0}` is written to by its source; delete source `{0}` first: take it from sources.yaml and apply with \
         --prune, or call DeleteSource"
    )]
    DatasetInUse(String),
    /// Files of the snapshot were deleted.
    #[error(
        "dataset `{dataset}` can't be shown at snapshot {asked}: files of it were deleted; the oldest is {oldest}"
    )]
    SnapshotExpired {
        /// The dataset.
        dataset: String,
        /// The snapshot that was asked for.
        asked: u64,
        /// The oldest that can be shown.
        oldest: u64,
    },
    /// A compaction does not hold what its inputs, as they are visible now, hold.
    #[error("run `{run_id}` is void: {what}")]
    InputsChanged {
        /// The run.
        run_id: String,
        /// What is different.
        what: String,
    },
    /// A file of a commit was written by another run or under another epoch.
    #[error("the file `{key}` was not written by run `{run_id}` under epoch {epoch}")]
    FileOfAnother {
        /// The file.
        key: String,
        /// The run that commits.
        run_id: String,
        /// Its epoch.
        epoch: u64,
    },
    /// The store can't be reached or refuses; the same call may succeed later.
    #[error("the registry's store could not be used")]
    Store(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The database is not as this version needs it; says what to do.
    #[error("{0}")]
    Unprepared(String),
    /// What the store holds can't be read.
    #[error("the registry holds something unreadable: {0}")]
    Corrupt(String),
}

impl From<sqlx::Error> for RegistryError {
    fn from(error: sqlx::Error) -> Self {
        let is_defect = match &error {
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) | sqlx::Error::ColumnNotFound(_) => {
                true
            }
            sqlx::Error::Database(refused) => {
                refused.kind() != sqlx::error::ErrorKind::Other
                    || refused.code().is_some_and(|code| is_value(&code))
            }
            _ => false,
        };
        // A broken constraint stays broken, however often the call is repeated.
        if is_defect { Self::Corrupt(error.to_string()) } else { Self::Store(Box::new(error)) }
    }
}

// Codes of Postgres for values that it can't hold: of class 22 (data) and 54 (limits). SQLite's have other lengths.
fn is_value(code: &str) -> bool {
    code.len() == 5 && (code.starts_with("22") || code.starts_with("54"))
}

impl From<RegistryError> for Fault {
    fn from(error: RegistryError) -> Self {
        use RegistryError as E;
        let text = error.to_string();
        match error {
            E::NotFound { what, id } => {
                let reason = match what {
                    "source" => reason::SOURCE_NOT_FOUND,
                    "dataset" => reason::DATASET_NOT_FOUND,
                    "schedule" => reason::SCHEDULE_NOT_FOUND,
                    "letter" => reason::LETTER_NOT_FOUND,
                    _ => reason::RUN_NOT_FOUND,
                };
                Self::new(ErrorCode::NotFound, reason, text).with(what, id)
            }
            E::SourceDeleted(_) => Self::new(ErrorCode::FailedPrecondition, reason::SOURCE_DELETED, text),
            E::SourceExists(_) => Self::new(ErrorCode::AlreadyExists, reason::SOURCE_EXISTS, text),
            E::TooManySources(..) => Self::new(ErrorCode::ResourceExhausted, reason::TOO_MANY_SOURCES, text),
            E::StaleEpoch { state, .. } => {
                Self::new(ErrorCode::Aborted, reason::STALE_EPOCH, text).with("state", state)
            }
            // The metadata role answers with the ids; an error's details must fit into headers.
            E::DuplicateEvents(_) => Self::internal(text),
            E::LetterNotOpen { id, state, replay_run_id } => {
                Self::new(ErrorCode::FailedPrecondition, reason::LETTER_NOT_OPEN, text)
                    .with("letter", id)
                    .with("state", state)
                    .with("replay_run_id", replay_run_id)
            }
            E::AlreadyRead { name, .. } => {
                Self::new(ErrorCode::Aborted, reason::ALREADY_READ, text).with("source", name)
            }
            E::SchemaPolicy(_) => {
                Self::new(ErrorCode::FailedPrecondition, reason::SCHEMA_POLICY_VIOLATED, text)
            }
            E::Unbalanced(_) => Self::new(ErrorCode::FailedPrecondition, reason::COUNTERS_UNBALANCED, text),
            E::DatasetInUse(name) => {
                Self::new(ErrorCode::FailedPrecondition, reason::DATASET_IN_USE, text).with("dataset", name)
            }
            E::SnapshotExpired { dataset, oldest, .. } => {
                Self::new(ErrorCode::FailedPrecondition, reason::SNAPSHOT_EXPIRED, text)
                    .with("dataset", dataset)
                    .with("oldest", oldest.to_string())
            }
            E::InputsChanged { .. } => Self::new(ErrorCode::FailedPrecondition, reason::INPUTS_CHANGED, text),
            E::NotCancellable { .. } => {
                Self::new(ErrorCode::FailedPrecondition, reason::JOB_NOT_CANCELLABLE, text)
            }
            E::Store(source) => {
                tracing::warn!(error = %source, "the registry's store could not be used");
                Self::new(ErrorCode::Unavailable, reason::BACKEND_UNAVAILABLE, text)
                    .retry_after(Duration::from_secs(1))
            }
            E::Unprepared(_) | E::Corrupt(_) | E::FileOfAnother { .. } => Self::internal(text),
        }
    }
}
