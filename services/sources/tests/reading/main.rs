//! Reads real files and a real HTTP server.

mod casts;
mod csv;
mod csv_quotes;
mod csv_values;
mod desk;
mod events;
mod json;
mod parquet;
mod properties;
mod rest;
mod specs;
mod trial;
