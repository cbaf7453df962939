//! The query role over real gRPC, real Parquet files and a catalog that serves fixed datasets.

mod cache;
mod corpus;
mod descriptors;
mod elsewhere;
mod fixture;
mod flight_sql;
mod guarded;
mod isolation;
mod made;
mod merging;
mod names;
mod plain;
mod pruning;
mod shown;
mod streaming;
mod views;
