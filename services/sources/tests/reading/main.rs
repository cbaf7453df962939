//! Reads real files and a real HTTP server.

mod api;
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
mod rest_auth;
mod rest_incremental;
mod rest_pages;
mod rest_resume;
mod specs;
mod trial;
