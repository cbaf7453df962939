//! SQL types of columns and how they widen.

use std::{fmt, str::FromStr};

/// The type of a column of `main` (CONTRACT §7).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SqlType {
    /// True or false.
    Boolean,
    /// 64-bit integer.
    BigInt,
    /// 64-bit float.
    Double,
    /// Exact number of so many digits, so many of them behind the point.
    Decimal(u8, u8),
    /// Calendar date.
    Date,
    /// Date and time without zone, in µs.
    Timestamp,
    /// Instant, in µs.
    TimestampTz,
    /// Text.
    Varchar,
    /// JSON as text.
    Json,
    /// Bytes.
    Blob,
    /// A nested type of Parquet, in DuckDB's words.
    Nested(String),
}

impl fmt::Display for SqlType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boolean => f.write_str("BOOLEAN"),
            Self::BigInt => f.write_str("BIGINT"),
            Self::Double => f.write_str("DOUBLE"),
            Self::Decimal(precision, scale) => write!(f, "DECIMAL({precision},{scale})"),
            Self::Date => f.write_str("DATE"),
            Self::Timestamp => f.write_str("TIMESTAMP"),
            Self::TimestampTz => f.write_str("TIMESTAMPTZ"),
            Self::Varchar => f.write_str("VARCHAR"),
            Self::Json => f.write_str("JSON"),
            Self::Blob => f.write_str("BLOB"),
            Self::Nested(text) => f.write_str(text),
        }
    }
}

impl FromStr for SqlType {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let upper = text.trim().to_uppercase();
        Ok(match upper.as_str() {
            "BOOLEAN" | "BOOL" => Self::Boolean,
            "BIGINT" | "INTEGER" | "INT" | "SMALLINT" | "TINYINT" | "INT8" | "INT4" | "LONG" => Self::BigInt,
            "DOUBLE" | "FLOAT" | "REAL" | "DOUBLE PRECISION" | "FLOAT8" => Self::Double,
            "DATE" => Self::Date,
            "TIMESTAMP" | "DATETIME" => Self::Timestamp,
            "TIMESTAMPTZ" | "TIMESTAMP WITH TIME ZONE" => Self::TimestampTz,
            "VARCHAR" | "TEXT" | "STRING" | "CHAR" => Self::Varchar,
            "JSON" => Self::Json,
            "BLOB" | "BYTEA" | "BINARY" | "VARBINARY" => Self::Blob,
            "DECIMAL" | "NUMERIC" => Self::Decimal(18, 3),
            _ if upper.starts_with("STRUCT(") || upper.starts_with("MAP(") || upper.ends_with(']') => {
                Self::Nested(text.trim().to_owned())
            }
            _ => return decimal(&upper).ok_or_else(|| unknown(text)),
        })
    }
}

fn decimal(upper: &str) -> Option<SqlType> {
    let inner =
        upper.strip_prefix("DECIMAL(").or_else(|| upper.strip_prefix("NUMERIC("))?.strip_suffix(')')?;
    let (precision, scale) = inner.split_once(',').unwrap_or((inner, "0"));
    let precision: u8 = precision.trim().parse().ok()?;
    let scale: u8 = scale.trim().parse().ok()?;
    (1..=38).contains(&precision).then_some(())?;
    (scale <= precision).then_some(SqlType::Decimal(precision, scale))
}

fn unknown(text: &str) -> String {
    const KNOWN: [&str; 10] = [
        "BOOLEAN",
        "BIGINT",
        "DOUBLE",
        "DECIMAL(18,3)",
        "DATE",
        "TIMESTAMP",
        "TIMESTAMPTZ",
        "VARCHAR",
        "JSON",
        "BLOB",
    ];
    match crate::name::nearest(text, KNOWN) {
        Some(nearest) => format!("`{text}` is no type; did you mean {nearest}?"),
        None => format!("`{text}` is no type; the types are {}", KNOWN.join(", ")),
    }
}

impl SqlType {
    /// The narrowest type that holds the values of both. `exceeds_double`: one of the integers would lose digits as DOUBLE.
    pub fn widen(&self, other: &Self, exceeds_double: bool) -> Self {
        use SqlType::{BigInt, Date, Decimal, Double, Timestamp, Varchar};
        match (self, other) {
            (a, b) if a == b => a.clone(),
            (BigInt, Double) | (Double, BigInt) if !exceeds_double => Double,
            (Date, Timestamp) | (Timestamp, Date) => Timestamp,
            (Decimal(p1, s1), Decimal(p2, s2)) => {
                let scale = (*s1).max(*s2);
                let whole = (p1 - s1).max(p2 - s2);
                if whole + scale <= 38 { Decimal(whole + scale, scale) } else { Varchar }
            }
            _ => Varchar,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_widen_as_the_contract_says() {
        use SqlType::{BigInt, Boolean, Date, Decimal, Double, Json, Timestamp, TimestampTz, Varchar};
        for (a, b, exceeds, wide) in [
            (BigInt, Double, false, Double),
            (BigInt, Double, true, Varchar),
            (Date, Timestamp, false, Timestamp),
            (Timestamp, TimestampTz, false, Varchar),
            (Json, Varchar, false, Varchar),
            (Boolean, BigInt, false, Varchar),
            (Decimal(10, 2), Decimal(8, 4), false, Decimal(12, 4)),
            (Decimal(38, 0), Decimal(38, 10), false, Varchar),
        ] {
            assert_eq!(a.widen(&b, exceeds), wide, "{a} with {b}");
            assert_eq!(b.widen(&a, exceeds), wide, "{b} with {a}");
        }
    }

    #[test]
    fn a_type_reads_as_it_is_written() {
        for text in
            ["BOOLEAN", "BIGINT", "DECIMAL(18,2)", "TIMESTAMPTZ", "STRUCT(a BIGINT, b VARCHAR)", "BIGINT[]"]
        {
            assert_eq!(text.parse::<SqlType>().map(|parsed| parsed.to_string()), Ok(text.to_owned()));
        }
        assert!("VARCHR".parse::<SqlType>().unwrap_err().contains("VARCHAR"));
    }
}
