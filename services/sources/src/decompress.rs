//! Compressed bytes, known by their first ones.

use std::io::{self, BufRead, Read};

use bzip2::bufread::MultiBzDecoder;
use flate2::bufread::MultiGzDecoder;

/// What a file is compressed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compression {
    Gzip,
    Zstd,
    Bzip2,
}

impl Compression {
    /// For a person.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Bzip2 => "bzip2",
        }
    }

    /// What a file's first bytes say; `None` if it is not compressed.
    ///
    /// # Errors
    /// If it is compressed in a way that is not read: which, and what to do.
    pub(crate) fn of(head: &[u8]) -> Result<Option<Self>, &'static str> {
        Ok(Some(match head {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Zstd,
            // A frame that zstd skips may come first.
            [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Self::Zstd,
            // A stream of no bytes has its end where another has its first block.
            [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, 0x26, ..]
            | [b'B', b'Z', b'h', b'1'..=b'9', 0x17, 0x72, 0x45, 0x38, ..] => Self::Bzip2,
            [0xfd, b'7', b'z', b'X', b'Z', ..] => {
                return Err(
                    "is compressed with xz, which is not read; compress it with zstd or gzip instead",
                );
            }
            [0x04, 0x22, 0x4d, 0x18, ..] => {
                return Err(
                    "is compressed with lz4, which is not read; compress it with zstd or gzip instead",
                );
            }
            [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => {
                return Err(
                    "is a zip archive (as Excel files are), which is not read; unpack it or save it as CSV, or compress each file with gzip instead",
                );
            }
            [b'7', b'z', 0xbc, 0xaf, 0x27, 0x1c, ..] => {
                return Err(
                    "is a 7z archive, which is not read; unpack it, or compress each file with gzip instead",
                );
            }
            _ => return Ok(None),
        }))
    }

    /// Says of decompressed bytes what they are, where that is nothing that holds records as text.
    pub(crate) fn is_no_text(head: &[u8]) -> Option<&'static str> {
        match head {
            [b'P', b'A', b'R', b'1', ..] => Some("is a Parquet file; read it with `kind: parquet`"),
            _ if head.get(257..262) == Some(b"ustar") => {
                Some("is a tar archive, which is not read; unpack it, or compress each file by itself")
            }
            _ => None,
        }
    }

    /// The bytes that were compressed: of all members, frames or streams, one after the other. Bytes that end early or are
    /// damaged are an error.
    pub(crate) fn decompressed(
        self,
        bytes: impl BufRead + Send + 'static,
    ) -> io::Result<Box<dyn Read + Send>> {
        Ok(match self {
            Self::Gzip => Box::new(MultiGzDecoder::new(bytes)),
            Self::Zstd => Box::new(zstd::Decoder::with_buffer(bytes)?),
            Self::Bzip2 => Box::new(MultiBzDecoder::new(bytes)),
        })
    }
}
