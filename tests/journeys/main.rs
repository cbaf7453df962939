//! One file a journey of a user; all of them in one binary, against the real program. They run side by side: each has its own
//! folder and ports.

mod avro_files;
mod bad_sources_yaml;
mod bare_duckdb;
mod cancel_and_pause;
mod command_line;
mod crash_points;
mod csv_files;
mod datasets_drop;
mod dead_letter_replay;
mod demo;
mod documents;
mod file_locations;
mod flight_clients;
mod grpc_tools;
mod hostile_sql;
mod json_files;
mod kill_nine;
mod overlap_and_misfire;
mod parquet_files;
mod parquet_shapes;
mod preview;
mod pruned_and_merged;
mod rest_api;
mod resume;
mod retention;
mod s3_files;
mod schedules;
mod schema_drift;
mod starting_and_stopping;
mod stream_events;
mod synthetic_stream;
mod two_nodes;
mod watch_job;
mod webhook_errors;
mod webhook_to_sql;
