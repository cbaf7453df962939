#![doc = include_str!("../README.md")]

pub mod chunk;
mod error;
mod kinds;
mod read;

pub use chunk::{Chunk, ChunkColumn};
pub use error::ReadError;
pub use kinds::SourceKinds;
pub use read::{ReadContext, Reader, Source};
