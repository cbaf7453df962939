//! What can go wrong while reading, and what that means for the run.

use std::time::Duration;

use rfe_model::letter::Stage;

/// Why reading stopped.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct ReadError {
    /// What the run does.
    pub class: Class,
    /// Where it happened.
    pub stage: Stage,
    /// The reason as a constant, such as `FILE_NOT_FOUND`.
    pub code: &'static str,
    /// What, where, and how to mend it; never a secret.
    pub message: String,
}

/// What an error means for the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// The source is down or busy: an attempt, then again after the backoff, or after what the source asked for.
    Transient {
        /// What `Retry-After` asked for.
        retry_after: Option<Duration>,
    },
    /// Trying again can't help: a letter at once.
    Permanent,
}

impl ReadError {
    /// An error that trying again can't mend.
    pub fn permanent(stage: Stage, code: &'static str, message: impl Into<String>) -> Self {
        Self { class: Class::Permanent, stage, code, message: message.into() }
    }

    /// The source is down or busy.
    pub fn transient(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            class: Class::Transient { retry_after: None },
            stage: Stage::Read,
            code,
            message: message.into(),
        }
    }

    /// Says when the source wants to be asked again.
    #[must_use]
    pub fn retry_after(mut self, after: Duration) -> Self {
        self.class = Class::Transient { retry_after: Some(after) };
        self
    }

    /// True if trying again can't help.
    pub fn is_permanent(&self) -> bool {
        self.class == Class::Permanent
    }
}

/// The constants of [`ReadError::code`] and of a bad record's code.
pub mod code {
    /// No file matches the location.
    pub const FILE_NOT_FOUND: &str = "FILE_NOT_FOUND";
    /// The location is outside the folders that may be read.
    pub const PATH_NOT_ALLOWED: &str = "PATH_NOT_ALLOWED";
    /// The operating system could not read the file.
    pub const FILE_UNREADABLE: &str = "FILE_UNREADABLE";
    /// The file changed while it was read.
    pub const FILE_CHANGED: &str = "FILE_CHANGED";
    /// The URL answers with something that can't be read as a file.
    pub const NOT_A_FILE: &str = "NOT_A_FILE";
    /// The file ends early or its bytes are wrong.
    pub const DAMAGED_FILE: &str = "DAMAGED_FILE";
    /// The file is no Parquet file.
    pub const NOT_PARQUET: &str = "NOT_PARQUET";
    /// The file is no Avro file.
    pub const NOT_AVRO: &str = "NOT_AVRO";
    /// A column has a type that can't be read.
    pub const TYPE_NOT_SUPPORTED: &str = "TYPE_NOT_SUPPORTED";
    /// The header can't be read.
    pub const BAD_HEADER: &str = "BAD_HEADER";
    /// A record has more or fewer fields than the header.
    pub const RAGGED_ROW: &str = "RAGGED_ROW";
    /// A quote opens and never closes.
    pub const UNCLOSED_QUOTE: &str = "UNCLOSED_QUOTE";
    /// Text follows the closing quote of a field.
    pub const STRAY_QUOTE: &str = "STRAY_QUOTE";
    /// The bytes are no text of the encoding.
    pub const BAD_ENCODING: &str = "BAD_ENCODING";
    /// A value does not fit the type of its column.
    pub const BAD_VALUE: &str = "BAD_VALUE";
    /// The record has no value in a column of the key that `merge` names.
    pub const MERGE_KEY_NULL: &str = "MERGE_KEY_NULL";
    /// The record has a value in a column that the dataset does not have, and the schema policy takes no new ones.
    pub const UNKNOWN_COLUMN: &str = "UNKNOWN_COLUMN";
    /// One record is larger than a reader holds.
    pub const RECORD_TOO_LARGE: &str = "RECORD_TOO_LARGE";
    /// The record brings more columns than a dataset may have.
    pub const TOO_MANY_COLUMNS: &str = "TOO_MANY_COLUMNS";
    /// The bytes are not JSON.
    pub const NOT_JSON: &str = "NOT_JSON";
    /// There are no records where `records` points.
    pub const RECORDS_NOT_FOUND: &str = "RECORDS_NOT_FOUND";
    /// The text of a letter is no single record.
    pub const NOT_ONE_RECORD: &str = "NOT_ONE_RECORD";
    /// The letter's context does not tell how to take its record apart.
    pub const LETTER_CONTEXT: &str = "LETTER_CONTEXT";
    /// The kind does not do what was asked of it.
    pub const KIND_MISMATCH: &str = "KIND_MISMATCH";
    /// The config does not pass its check.
    pub const BAD_CONFIG: &str = "BAD_CONFIG";
    /// A `${…}` reference does not resolve.
    pub const SECRET_NOT_FOUND: &str = "SECRET_NOT_FOUND";
    /// The host is private and not allowed.
    pub const HOST_NOT_ALLOWED: &str = "HOST_NOT_ALLOWED";
    /// The URL is wrong.
    pub const BAD_URL: &str = "BAD_URL";
    /// The server answered with a redirect too many, or to nowhere.
    pub const BAD_REDIRECT: &str = "BAD_REDIRECT";
    /// The server could not be reached, or broke off.
    pub const CONNECT_FAILED: &str = "CONNECT_FAILED";
    /// The server did not answer in time.
    pub const TIMEOUT: &str = "TIMEOUT";
    /// The server answered 408, 425, 429 or 5xx.
    pub const HTTP_BUSY: &str = "HTTP_BUSY";
    /// The server answered another status than 2xx.
    pub const HTTP_STATUS: &str = "HTTP_STATUS";
    /// A page is larger than a reader holds.
    pub const PAGE_TOO_LARGE: &str = "PAGE_TOO_LARGE";
    /// There is no token for the API.
    pub const AUTH_FAILED: &str = "AUTH_FAILED";
    /// The cursor's field of a record or of a source can't be read by.
    pub const BAD_CURSOR: &str = "BAD_CURSOR";
    /// A page, a cursor or a link came twice, or the next page can't be told.
    pub const PAGINATION_STUCK: &str = "PAGINATION_STUCK";
    /// The registry or the lake, not the source, can't tell what was read before. Burns no attempt.
    pub const MEMORY_UNAVAILABLE: &str = "MEMORY_UNAVAILABLE";
    /// The reader's own thread broke.
    pub const READER_BROKE: &str = "READER_BROKE";
}
