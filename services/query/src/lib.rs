//! Arrow Flight SQL over DuckDB
