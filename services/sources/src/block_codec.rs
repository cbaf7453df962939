//! Blocks of bytes that are compressed each by itself, as container formats have them. What a block says of its size is not believed.

use std::io::Read;

/// No block is larger once it is decompressed.
const MAX_BLOCK: usize = 256 << 20;

/// How blocks are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BlockCodec {
    Null,
    Deflate,
    Snappy,
    Zstandard,
    Bzip2,
}

impl BlockCodec {
    /// The codec that a file names.
    ///
    /// # Errors
    /// With the reason for a person, without the file.
    pub(crate) fn named(name: &[u8]) -> Result<Self, String> {
        Ok(match name {
            b"null" | b"" => Self::Null,
            b"deflate" => Self::Deflate,
            b"snappy" => Self::Snappy,
            b"zstandard" => Self::Zstandard,
            b"bzip2" => Self::Bzip2,
            other => {
                let other = String::from_utf8_lossy(other);
                return Err(format!(
                    "is compressed with `{other}`; null, deflate, snappy, zstandard and bzip2 are read"
                ));
            }
        })
    }

    /// What a block holds.
    ///
    /// # Errors
    /// With the reason for a person, if it is damaged or too large.
    pub(crate) fn plain(self, bytes: Vec<u8>) -> Result<Vec<u8>, String> {
        let decoder: Box<dyn Read + '_> = match self {
            Self::Null => return Ok(bytes),
            Self::Snappy => return snappy(bytes),
            Self::Deflate => Box::new(flate2::bufread::DeflateDecoder::new(bytes.as_slice())),
            Self::Zstandard => {
                Box::new(zstd::Decoder::with_buffer(bytes.as_slice()).map_err(|error| broken(&error))?)
            }
            Self::Bzip2 => Box::new(bzip2::bufread::MultiBzDecoder::new(bytes.as_slice())),
        };
        let mut plain = Vec::new();
        decoder.take(MAX_BLOCK as u64 + 1).read_to_end(&mut plain).map_err(|error| broken(&error))?;
        if plain.len() > MAX_BLOCK { Err(too_large()) } else { Ok(plain) }
    }
}

fn snappy(mut bytes: Vec<u8>) -> Result<Vec<u8>, String> {
    // The length of what it holds stands first, a checksum last.
    let mut length = 0_u64;
    for (at, byte) in bytes.iter().take(5).enumerate() {
        length |= u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            break;
        }
    }
    if length > MAX_BLOCK as u64 {
        return Err(too_large());
    }
    if bytes.len() < 5 {
        return Err("it can't be decompressed: it has no checksum".to_owned());
    }
    apache_avro::Codec::Snappy.decompress(&mut bytes).map_err(|error| broken(&error))?;
    Ok(bytes)
}

fn broken(error: &dyn std::fmt::Display) -> String {
    format!("it can't be decompressed: {error}")
}

fn too_large() -> String {
    format!("it holds more than {} MiB", MAX_BLOCK >> 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_that_claims_more_than_is_held_is_refused() {
        let bomb = [0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0, 0, 0, 0].to_vec();
        assert!(BlockCodec::Snappy.plain(bomb).expect_err("a bomb").contains("256 MiB"));
        let zeros = zstd::encode_all(&vec![0_u8; MAX_BLOCK + 1][..], 1).expect("memory");
        assert!(BlockCodec::Zstandard.plain(zeros).expect_err("a bomb").contains("256 MiB"));
    }

    #[test]
    fn damaged_blocks_are_told() {
        for codec in [BlockCodec::Deflate, BlockCodec::Snappy, BlockCodec::Zstandard, BlockCodec::Bzip2] {
            for bytes in [&b""[..], b"x", b"not compressed at all"] {
                let plain = codec.plain(bytes.to_vec());
                assert!(plain.as_ref().is_ok_and(Vec::is_empty) || plain.is_err(), "{codec:?} {bytes:?}");
            }
        }
    }
}
