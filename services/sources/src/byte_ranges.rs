//! A file's bytes by their place, for readers that go back and forth.

use std::{cell::RefCell, fs::File, io, ops::Range, os::unix::fs::FileExt};

use crate::s3::Object;

/// So much is read at once where less is asked for: small columns lie one behind the other, and each request takes its time.
const AHEAD: u64 = 2 << 20;
/// What is asked for is small up to so many bytes.
const SMALL: u64 = 512 << 10;

/// A file's bytes by their place.
#[derive(Debug)]
pub(crate) struct ByteRanges {
    place: Place,
    bytes: u64,
}

#[derive(Debug)]
enum Place {
    Disk(File),
    Object { object: Object, ahead: RefCell<Ahead> },
}

/// Bytes that were read before they were asked for.
#[derive(Debug, Default)]
struct Ahead {
    start: u64,
    bytes: Vec<u8>,
}

impl ByteRanges {
    /// Those of a file on the disk.
    ///
    /// # Errors
    /// If its size can't be told.
    pub(crate) fn of_file(file: File) -> io::Result<Self> {
        Ok(Self { bytes: file.metadata()?.len(), place: Place::Disk(file) })
    }

    /// Those of an object; reading them blocks a thread of the runtime that may block.
    pub(crate) fn of_object(object: Object) -> Self {
        Self { bytes: object.bytes(), place: Place::Object { object, ahead: RefCell::default() } }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> u64 {
        self.bytes
    }

    /// Reads some of them.
    ///
    /// # Errors
    /// [`io::ErrorKind::UnexpectedEof`] if there are fewer.
    pub(crate) fn read(&self, place: Range<u64>) -> io::Result<Vec<u8>> {
        let Some(length) = place.end.checked_sub(place.start).filter(|_| place.end <= self.bytes) else {
            return Err(io::ErrorKind::UnexpectedEof.into());
        };
        match &self.place {
            Place::Disk(file) => {
                let mut bytes = vec![0; length as usize];
                file.read_exact_at(&mut bytes, place.start)?;
                Ok(bytes)
            }
            Place::Object { object, .. } => object.read(place),
        }
    }

    /// Reads some of them, of which the next are probably asked for soon.
    ///
    /// # Errors
    /// As [`Self::read`] has them.
    pub(crate) fn read_on(&self, place: Range<u64>) -> io::Result<Vec<u8>> {
        let Place::Object { object, ahead } = &self.place else { return self.read(place) };
        let is_small = place.end > place.start && place.end - place.start <= SMALL && place.end <= self.bytes;
        if !is_small {
            return self.read(place);
        }
        let mut ahead = ahead.borrow_mut();
        if let Some(bytes) = ahead.get(&place) {
            return Ok(bytes);
        }
        let until = self.bytes.min(place.start + AHEAD);
        *ahead = Ahead { start: place.start, bytes: object.read(place.start..until)? };
        ahead.get(&place).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}

impl Ahead {
    fn get(&self, place: &Range<u64>) -> Option<Vec<u8>> {
        let from = place.start.checked_sub(self.start)? as usize;
        let to = place.end.checked_sub(self.start)? as usize;
        self.bytes.get(from..to).map(<[u8]>::to_vec)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_ahead_is_given_only_where_it_is_whole() {
        let ahead = Ahead { start: 10, bytes: b"abcdef".to_vec() };
        assert_eq!(ahead.get(&(10..16)).as_deref(), Some(&b"abcdef"[..]));
        assert_eq!(ahead.get(&(12..13)).as_deref(), Some(&b"c"[..]));
        for place in [9..12, 14..17, 0..3, 20..21] {
            assert_eq!(ahead.get(&place), None, "{place:?}");
        }
    }
}
