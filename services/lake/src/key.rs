//! What a key may be, the same for every lake.

use crate::LakeError;

/// Refuses a key that could leave its bucket or that some store would spell otherwise.
pub(crate) fn check(key: &str) -> Result<(), LakeError> {
    if key.len() <= MAX_BYTES && key.split('/').all(is_part) {
        Ok(())
    } else {
        Err(LakeError::Key(key.to_owned()))
    }
}

/// S3's own limit; a file system allows more in all and 255 in a part.
const MAX_BYTES: usize = 1024;

fn is_part(part: &str) -> bool {
    !matches!(part, "" | "." | "..")
        && part.len() <= 255
        && part.chars().all(|c| c.is_ascii_alphanumeric() || "._=-".contains(c))
}
