#![doc = include_str!("../README.md")]

pub mod cast;
pub mod chunk;
mod config;
pub mod conformance;
mod csv;
mod encoding;
pub mod error;
mod events;
mod flaw;
mod http;
pub mod infer;
mod input;
mod json;
mod json_document;
mod json_letter;
mod json_pointer;
mod json_record;
mod json_rows;
mod json_table;
mod kinds;
mod location;
mod memory;
mod parquet;
mod pump;
mod read;
mod rest;
mod scalar;
mod synthetic;
mod webhook;

pub use chunk::{Chunk, ChunkColumn};
pub use error::ReadError;
pub use kinds::SourceKinds;
pub use memory::{FileMark, NoMemory, ReadMemory};
pub use read::{ReadContext, Reader, Source};
