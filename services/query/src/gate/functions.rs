//! Which functions a query may call.

/// Functions that may stand in FROM; everything else there reads files, settings or other queries' state.
const TABLE_FUNCTIONS: [&str; 7] =
    ["range", "generate_series", "unnest", "json_each", "json_tree", "repeat", "repeat_row"];

/// Functions that see or change more than their arguments.
const DENIED: [&str; 30] = [
    "getenv",
    "getvariable",
    "current_setting",
    "set_config",
    "write_log",
    "nextval",
    "currval",
    "sleep_ms",
    "query",
    "query_table",
    "glob",
    "which_secret",
    "current_query",
    "current_connection_id",
    "current_query_id",
    "current_transaction_id",
    "txid_current",
    "json_serialize_sql",
    "json_deserialize_sql",
    "json_serialize_plan",
    "json_execute_serialized_sql",
    "parse_duckdb_log_message",
    "in_search_path",
    "get_block_size",
    "current_schemas",
    "obj_description",
    "col_description",
    "shobj_description",
    "histogram_values",
    "vector_type",
];

const DENIED_PREFIXES: [&str; 10] = [
    "pg_",
    "duckdb_",
    "pragma_",
    "__internal",
    "read_",
    "inet_",
    "parquet_",
    "has_",
    "sniff_",
    "icu_collate",
];

/// May the function stand in FROM?
pub fn may_be_table(name: &str) -> bool {
    TABLE_FUNCTIONS.contains(&name)
}

/// May the function stand in an expression?
pub fn may_be_called(name: &str) -> bool {
    // The two of `pg_` that clients ask for and that see only their argument.
    matches!(name, "pg_typeof" | "pg_size_pretty")
        || !(DENIED.contains(&name) || DENIED_PREFIXES.iter().any(|prefix| name.starts_with(prefix)))
}
