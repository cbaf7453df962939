//! Reads real files and a real HTTP server.

mod api;
mod avro;
mod casts;
mod csv;
mod csv_quotes;
mod csv_values;
mod desk;
mod events;
mod hostile_bytes;
mod json;
mod parquet;
mod properties;
mod properties_of_json;
mod properties_of_values;
mod rest;
mod rest_auth;
mod rest_incremental;
mod rest_pages;
mod rest_resume;
mod specs;
mod trial;
