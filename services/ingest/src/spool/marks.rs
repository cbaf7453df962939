//! What became of frames: a file beside each segment, to which one record a frame is added once its fate is known. It is never
//! synced: a mark that a power failure takes back makes its frame be sent once more, which the queue bears.

use std::{
    collections::HashMap,
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    path::Path,
};

const RECORD_BYTES: usize = 16;

/// What became of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    /// The queue has it.
    Queued,
    /// Its caller was told that it was not accepted; it is never sent again.
    Refused,
}

/// The marks of one segment.
#[derive(Debug, Default)]
pub(super) struct Marks(HashMap<u64, Mark>);

// === impl Mark ===

impl Mark {
    fn code(self) -> u32 {
        match self {
            Self::Queued => 1,
            Self::Refused => 2,
        }
    }

    fn from_code(code: u32) -> Option<Self> {
        match code {
            1 => Some(Self::Queued),
            2 => Some(Self::Refused),
            _ => None,
        }
    }

    /// Adds the mark of a frame.
    pub(super) fn write(self, file: &mut File, number: u64) -> io::Result<()> {
        let mut record = [0; RECORD_BYTES];
        record[..8].copy_from_slice(&number.to_le_bytes());
        record[8..12].copy_from_slice(&self.code().to_le_bytes());
        let checksum = crc32fast::hash(&record[..12]);
        record[12..].copy_from_slice(&checksum.to_le_bytes());
        file.write_all(&record)
    }
}

// === impl Marks ===

impl Marks {
    /// Reads the marks of a segment; none if the file is missing. What is damaged counts as no mark.
    pub(super) fn read(path: &Path) -> io::Result<Self> {
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(error),
        };
        Ok(Self(bytes.chunks_exact(RECORD_BYTES).filter_map(decode).collect()))
    }

    /// What became of a frame; `None` if that is not known.
    pub(super) fn of(&self, number: u64) -> Option<Mark> {
        self.0.get(&number).copied()
    }
}

/// Opens the marks of a segment to add to them. What a dead process wrote in part is cut off, so that records stay aligned.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().create(true).append(true).open(path)?;
    let bytes = file.metadata()?.len();
    let whole = bytes - bytes % RECORD_BYTES as u64;
    if whole < bytes {
        file.set_len(whole)?;
    }
    Ok(file)
}

fn decode(record: &[u8]) -> Option<(u64, Mark)> {
    let (covered, checksum) = record.split_at(12);
    if checksum != crc32fast::hash(covered).to_le_bytes() {
        return None;
    }
    let number = u64::from_le_bytes(covered[..8].try_into().ok()?);
    let code = u32::from_le_bytes(covered[8..].try_into().ok()?);
    Some((number, Mark::from_code(code)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_survive_a_record_written_in_part() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("1.marks");
        let mut file = open(&path).expect("open");
        Mark::Queued.write(&mut file, 1).expect("write");
        file.write_all(b"half a rec").expect("write");
        let mut file = open(&path).expect("open again");
        Mark::Refused.write(&mut file, 2).expect("write");
        let marks = Marks::read(&path).expect("read");
        assert_eq!((marks.of(1), marks.of(2), marks.of(3)), (Some(Mark::Queued), Some(Mark::Refused), None));
    }

    #[test]
    fn a_damaged_record_is_no_mark() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("1.marks");
        Mark::Queued.write(&mut open(&path).expect("open"), 1).expect("write");
        let mut bytes = fs::read(&path).expect("read");
        bytes[3] ^= 1;
        fs::write(&path, bytes).expect("write");
        assert_eq!(Marks::read(&path).expect("read").of(1), None);
    }
}
