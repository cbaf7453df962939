//! GetXdbcTypeInfo: without it some tools load no table.

use arrow_flight::{
    error::Result,
    sql::{
        Nullable, Searchable, XdbcDataType as Type,
        metadata::{XdbcTypeInfo, XdbcTypeInfoData, XdbcTypeInfoDataBuilder},
    },
};

// Name, type, size, quote before and behind a literal.
const TYPES: [(&str, Type, Option<i32>, Option<&str>); 13] = [
    ("BOOLEAN", Type::XdbcBit, Some(1), None),
    ("INTEGER", Type::XdbcInteger, Some(10), None),
    ("BIGINT", Type::XdbcBigint, Some(19), None),
    ("FLOAT", Type::XdbcReal, Some(7), None),
    ("DOUBLE", Type::XdbcDouble, Some(15), None),
    ("DECIMAL", Type::XdbcDecimal, Some(38), None),
    ("DATE", Type::XdbcDate, Some(10), Some("'")),
    ("TIME", Type::XdbcTime, Some(15), Some("'")),
    ("TIMESTAMP", Type::XdbcTimestamp, Some(26), Some("'")),
    ("TIMESTAMPTZ", Type::XdbcTimestamp, Some(32), Some("'")),
    ("VARCHAR", Type::XdbcVarchar, None, Some("'")),
    ("JSON", Type::XdbcVarchar, None, Some("'")),
    ("BLOB", Type::XdbcVarbinary, None, Some("'")),
];

/// The types of columns.
pub fn data() -> Result<XdbcTypeInfoData> {
    let mut builder = XdbcTypeInfoDataBuilder::new();
    for (name, kind, size, quote) in TYPES {
        let number = matches!(
            kind,
            Type::XdbcInteger | Type::XdbcBigint | Type::XdbcReal | Type::XdbcDouble | Type::XdbcDecimal
        );
        builder.append(XdbcTypeInfo {
            type_name: name.to_owned(),
            data_type: kind,
            column_size: size,
            literal_prefix: quote.map(str::to_owned),
            literal_suffix: quote.map(str::to_owned),
            create_params: (name == "DECIMAL").then(|| vec!["precision".to_owned(), "scale".to_owned()]),
            nullable: Nullable::NullabilityNullable,
            case_sensitive: kind == Type::XdbcVarchar,
            searchable: Searchable::Full,
            unsigned_attribute: number.then_some(false),
            fixed_prec_scale: false,
            auto_increment: Some(false),
            local_type_name: Some(name.to_owned()),
            minimum_scale: (name == "DECIMAL").then_some(0),
            maximum_scale: (name == "DECIMAL").then_some(38),
            sql_data_type: kind,
            datetime_subcode: None,
            num_prec_radix: number.then_some(10),
            interval_precision: None,
        });
    }
    builder.build()
}
