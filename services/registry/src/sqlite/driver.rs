//! What the shared SQL needs to know of SQLite.

use sqlx::{
    Decode, Encode, Sqlite, Type,
    encode::IsNull,
    error::BoxDynError,
    sqlite::{SqliteArgumentsBuffer, SqliteTypeInfo, SqliteValueRef},
};

pub(super) use sqlx::{Sqlite as Db, SqliteConnection as Connection, sqlite::SqliteRow as Row};

pub(super) use super::SqliteRegistry as Registry;

/// Only one transaction writes at a time.
pub(super) const ONE_WRITER: bool = true;
/// Ends a SELECT whose rows stay as they are until the transaction ends.
pub(super) const FOR_UPDATE: &str = "";
/// The greatest of some values.
pub(super) const GREATEST: &str = "max";
/// The place of a text in another, from 1 on; 0 if it is not there.
pub(super) const POSITION: &str = "instr";
/// The texts of the JSON list `$2`, as `ids (value)`.
pub(super) const IDS: &str = "json_each($2) AS ids";
/// The files of the JSON list `$2` of lists, as `marks (place, path, bytes, version)`; `place` counts from 0.
pub(super) const MARKS: &str =
    "(SELECT key AS place, value ->> 0 AS path, value ->> 1 AS bytes, value ->> 2 AS version
    FROM json_each($2)) AS marks";

/// An instant in µs since the Unix epoch; an INTEGER.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Instant(pub(super) i64);

impl Type<Sqlite> for Instant {
    fn type_info() -> SqliteTypeInfo {
        <i64 as Type<Sqlite>>::type_info()
    }

    fn compatible(found: &SqliteTypeInfo) -> bool {
        <i64 as Type<Sqlite>>::compatible(found)
    }
}

impl Encode<'_, Sqlite> for Instant {
    fn encode_by_ref(&self, buffer: &mut SqliteArgumentsBuffer) -> Result<IsNull, BoxDynError> {
        <i64 as Encode<'_, Sqlite>>::encode_by_ref(&self.0, buffer)
    }
}

impl<'r> Decode<'r, Sqlite> for Instant {
    fn decode(value: SqliteValueRef<'r>) -> Result<Self, BoxDynError> {
        <i64 as Decode<'r, Sqlite>>::decode(value).map(Self)
    }
}
