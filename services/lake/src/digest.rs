//! SHA-256 of files.

use std::io::{self, Read};

use sha2::{Digest as _, Sha256};

const CHUNK: usize = 256 << 10;

/// The SHA-256 (hex) of all that is left in a reader; each chunk is also handed on.
pub(crate) fn of(
    mut from: impl Read,
    mut hand_on: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<String> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; CHUNK];
    loop {
        match from.read(&mut buffer)? {
            0 => return Ok(hex::encode(hash.finalize())),
            read => {
                hash.update(&buffer[..read]);
                hand_on(&buffer[..read])?;
            }
        }
    }
}
