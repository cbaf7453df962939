//! What a data file holds, by which it is named in the cache.

use std::fmt;

/// A SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest([u8; 32]);

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Content {
    /// Its SHA-256.
    pub digest: Digest,
    /// Its bytes.
    pub bytes: u64,
}

impl Digest {
    /// Reads 64 hex digits.
    pub fn read(hex: &str) -> Option<Self> {
        let mut digest = [0; 32];
        hex::decode_to_slice(hex, &mut digest).ok()?;
        Some(Self(digest))
    }
}

impl From<[u8; 32]> for Digest {
    fn from(digest: [u8; 32]) -> Self {
        Self(digest)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Content {
    /// As the catalog tells it; `None` if it does not.
    pub fn read(sha256: &str, bytes: i64) -> Option<Self> {
        Some(Self { digest: Digest::read(sha256)?, bytes: u64::try_from(bytes).ok()? })
    }
}
