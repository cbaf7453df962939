//! What a read may know of reads before it.

use async_trait::async_trait;
use bytes::Bytes;

use crate::ReadError;

/// A file as it was when it was read: the same path with another size or version is another file.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileMark {
    /// Its path or URL, without what may be secret.
    pub path: String,
    /// Its size in bytes; 0 where a server does not say.
    pub bytes: u64,
    /// The time of its last change in nanoseconds since the Unix epoch, or its etag.
    pub version: String,
}

/// What a read may know of reads before it.
#[async_trait]
pub trait ReadMemory: Send + Sync + std::fmt::Debug {
    /// What earlier attempts of this run have read already: their [`Chunk::checkpoint`](crate::Chunk::checkpoint)s in
    /// order, by place from 0; `None` behind the last.
    ///
    /// # Errors
    /// If it can't be fetched.
    async fn checkpoint(&self, place: usize) -> Result<Option<Bytes>, ReadError>;

    /// Of these files those that no committed run of the source has read, in the same order.
    ///
    /// # Errors
    /// If the registry can't be asked.
    async fn unread(&self, files: Vec<FileMark>) -> Result<Vec<FileMark>, ReadError>;
}

/// Nothing was read before.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoMemory;

#[async_trait]
impl ReadMemory for NoMemory {
    async fn checkpoint(&self, _: usize) -> Result<Option<Bytes>, ReadError> {
        Ok(None)
    }

    async fn unread(&self, files: Vec<FileMark>) -> Result<Vec<FileMark>, ReadError> {
        Ok(files)
    }
}
