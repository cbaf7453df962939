//! What the shared SQL needs to know of Postgres.

use sqlx::{
    Decode, Encode, Postgres, Type,
    encode::IsNull,
    error::BoxDynError,
    postgres::{PgArgumentBuffer, PgTypeInfo, PgValueFormat, PgValueRef, types::Oid},
};

pub(super) use sqlx::{PgConnection as Connection, Postgres as Db, postgres::PgRow as Row};

pub(super) use super::PostgresRegistry as Registry;

/// Only one transaction writes at a time.
pub(super) const ONE_WRITER: bool = false;
/// Ends a SELECT whose rows stay as they are until the transaction ends.
pub(super) const FOR_UPDATE: &str = " FOR UPDATE";
/// The greatest of some values.
pub(super) const GREATEST: &str = "greatest";
/// The place of a text in another, from 1 on; 0 if it is not there.
pub(super) const POSITION: &str = "strpos";
/// The texts of the JSON list `$2`, as `ids (value)`.
pub(super) const IDS: &str = "json_array_elements_text(CAST($2 AS json)) AS ids (value)";
/// The files of the JSON list `$2` of lists, as `marks (place, path, bytes, version)`; `place` counts from 0.
pub(super) const MARKS: &str = "(SELECT list.place - 1 AS place, list.value ->> 0 AS path,
    CAST(list.value ->> 1 AS BIGINT) AS bytes, list.value ->> 2 AS version
    FROM json_array_elements(CAST($2 AS json)) WITH ORDINALITY AS list (value, place)) AS marks";

/// The type's number; it is the same in every Postgres.
const TIMESTAMPTZ: Oid = Oid(1184);
/// From the Unix epoch to 2000-01-01, from which Postgres counts, in µs.
const EPOCH: i64 = 946_684_800_000_000;
/// The first and the last instant that Postgres knows, in µs since 2000: in the years 4714 BC and 294276.
const FIRST: i64 = -211_813_488_000_000_000;
const LAST: i64 = 9_223_371_331_199_999_999;

/// An instant in µs since the Unix epoch; a TIMESTAMPTZ. One that Postgres does not know is the nearest that it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Instant(pub(super) i64);

impl Type<Postgres> for Instant {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(TIMESTAMPTZ)
    }
}

impl Encode<'_, Postgres> for Instant {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        let since = self.0.saturating_sub(EPOCH).clamp(FIRST, LAST);
        <i64 as Encode<'_, Postgres>>::encode_by_ref(&since, buffer)
    }
}

impl<'r> Decode<'r, Postgres> for Instant {
    fn decode(value: PgValueRef<'r>) -> Result<Self, BoxDynError> {
        if value.format() != PgValueFormat::Binary {
            return Err("an instant came as text".into());
        }
        let since = <i64 as Decode<'r, Postgres>>::decode(value)?;
        Ok(Self(since.saturating_add(EPOCH)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_count_from_the_year_2000_and_stay_within_what_postgres_knows() {
        let mut written = Vec::new();
        for micros in [0, EPOCH, 1_900_000_000_000_001, i64::MIN, i64::MAX] {
            let mut buffer = PgArgumentBuffer::default();
            let is_null = Instant(micros).encode_by_ref(&mut buffer).expect("any instant can be written");
            assert!(matches!(is_null, IsNull::No));
            written.push(i64::from_be_bytes(buffer[..8].try_into().expect("8 bytes")));
        }
        assert_eq!(written, [-EPOCH, 0, 1_900_000_000_000_001 - EPOCH, FIRST, i64::MAX - EPOCH]);
    }
}
