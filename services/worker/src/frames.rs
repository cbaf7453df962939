//! How checkpoints lie in the lake: several in one object, each behind its length, compressed together.

use std::io::{self, Write as _};

use bytes::Bytes;

// Pages are text that repeats itself: the fastest level makes a tenth of them.
const LEVEL: i32 = 1;
const LENGTH: usize = size_of::<u64>();

/// The object that holds these checkpoints.
pub(crate) fn pack(checkpoints: &[Bytes]) -> io::Result<Vec<u8>> {
    let mut encoder = zstd::Encoder::new(Vec::new(), LEVEL)?;
    for checkpoint in checkpoints {
        encoder.write_all(&(checkpoint.len() as u64).to_le_bytes())?;
        encoder.write_all(checkpoint)?;
    }
    encoder.finish()
}

/// The checkpoints of an object; an error if it is none of ours.
pub(crate) fn unpack(object: &[u8]) -> io::Result<Vec<Bytes>> {
    let mut rest = Bytes::from(zstd::decode_all(object)?);
    let mut checkpoints = Vec::new();
    while !rest.is_empty() {
        let length = rest.split_to(LENGTH.min(rest.len()));
        let length = length.as_ref().try_into().map(u64::from_le_bytes).map_err(|_| broken())?;
        let length =
            usize::try_from(length).ok().filter(|length| *length <= rest.len()).ok_or_else(broken)?;
        checkpoints.push(rest.split_to(length));
    }
    Ok(checkpoints)
}

fn broken() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "its frames do not add up")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_packed_comes_out_in_order_also_nothing_and_empty_ones() {
        for checkpoints in [vec![], vec!["page 1"], vec!["", "page 1", "", "page 2"]] {
            let checkpoints: Vec<Bytes> = checkpoints.into_iter().map(Bytes::from).collect();
            let object = pack(&checkpoints).expect("pack");
            assert_eq!(unpack(&object).expect("unpack"), checkpoints);
        }
    }

    #[test]
    fn an_object_that_was_cut_or_is_another_is_an_error() {
        let object = pack(&[Bytes::from_static(b"page 1")]).expect("pack");
        assert!(unpack(&object[..object.len() - 1]).is_err());
        assert!(unpack(b"something else").is_err());
        for frames in [&b"\x09\0\0\0\0\0\0\0short"[..], b"\x01\0\0"] {
            assert!(unpack(&zstd::encode_all(frames, LEVEL).expect("encode")).is_err());
        }
    }
}
