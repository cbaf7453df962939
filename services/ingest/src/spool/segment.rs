//! One segment: a file of frames, one behind the other.

use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
};

use super::frame::{Body, HEADER_BYTES, Header, MAGIC};

const LOOK_BYTES: usize = 64 << 10;

/// Where a frame stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// The number of the segment's first frame, which names it.
    pub(super) segment: u64,
    pub(super) offset: u64,
    pub(super) header: Header,
}

/// Goes through the frames of a segment. Damage is stepped over: the next header that is whole is looked for.
#[derive(Debug)]
pub(super) struct Frames<'a> {
    file: &'a File,
    segment: u64,
    offset: u64,
    end: u64,
    /// Bytes in the midst in which no frame could be read.
    pub(super) damaged: u64,
    /// Bytes at the end that are no whole frame: what was written as the process died.
    pub(super) torn: u64,
}

/// The file of a segment's frames.
pub(super) fn frames_path(folder: &Path, segment: u64) -> PathBuf {
    folder.join(format!("{segment:020}.frames"))
}

/// The file of a segment's marks.
pub(super) fn marks_path(folder: &Path, segment: u64) -> PathBuf {
    folder.join(format!("{segment:020}.marks"))
}

/// The segments of a folder, oldest first.
pub(super) fn list(folder: &Path) -> io::Result<Vec<u64>> {
    let mut segments = Vec::new();
    for entry in folder.read_dir()? {
        let name = entry?.file_name();
        let number = name.to_str().and_then(|name| name.strip_suffix(".frames")).map(str::parse);
        if let Some(Ok(number)) = number {
            segments.push(number);
        }
    }
    segments.sort_unstable();
    Ok(segments)
}

/// Opens a segment's frames.
pub(super) fn open(folder: &Path, segment: u64, create: bool) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create_new(create).open(frames_path(folder, segment))
}

// === impl Place ===

impl Place {
    /// How many bytes the frame has.
    pub(super) fn bytes(&self) -> u64 {
        HEADER_BYTES as u64 + u64::from(self.header.body_bytes)
    }

    /// The frame's body; `None` if it is damaged.
    pub(super) fn read(&self, file: &File) -> io::Result<Option<Body>> {
        let mut bytes = vec![0; self.header.body_bytes as usize];
        file.read_exact_at(&mut bytes, self.offset + HEADER_BYTES as u64)?;
        Ok(self.header.body(&bytes))
    }
}

// === impl Frames ===

impl<'a> Frames<'a> {
    /// Those of a segment's first `end` bytes.
    pub(super) fn new(file: &'a File, segment: u64, end: u64) -> Self {
        Self { file, segment, offset: 0, end, damaged: 0, torn: 0 }
    }

    /// The place of the next frame whose header is whole; its body may not be.
    pub(super) fn next(&mut self) -> io::Result<Option<Place>> {
        let Some((offset, header)) = self.find(self.offset)? else {
            self.torn = self.end - self.offset;
            self.offset = self.end;
            return Ok(None);
        };
        self.damaged += offset - self.offset;
        let place = Place { segment: self.segment, offset, header };
        if offset + place.bytes() > self.end {
            self.torn = self.end - offset;
            self.offset = self.end;
            return Ok(None);
        }
        self.offset = offset + place.bytes();
        Ok(Some(place))
    }

    // The first whole header from here on.
    fn find(&self, from: u64) -> io::Result<Option<(u64, Header)>> {
        if let Some(header) = self.header_at(from)? {
            return Ok(Some((from, header)));
        }
        let mut at = from;
        let mut bytes = vec![0; LOOK_BYTES];
        while at < self.end {
            let wanted = bytes.len().min((self.end - at) as usize);
            self.file.read_exact_at(&mut bytes[..wanted], at)?;
            for (place, _) in
                bytes[..wanted].windows(MAGIC.len()).enumerate().filter(|(_, bytes)| *bytes == MAGIC)
            {
                let offset = at + place as u64;
                if let Some(header) = self.header_at(offset)? {
                    return Ok(Some((offset, header)));
                }
            }
            // A magic may stand across the border of two looks.
            let seen = wanted.saturating_sub(MAGIC.len() - 1).max(1);
            at += seen as u64;
        }
        Ok(None)
    }

    fn header_at(&self, offset: u64) -> io::Result<Option<Header>> {
        if offset + HEADER_BYTES as u64 > self.end {
            return Ok(None);
        }
        let mut bytes = [0; HEADER_BYTES];
        self.file.read_exact_at(&mut bytes, offset)?;
        Ok(Header::decode(&bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::frame::{Body, Encoded},
        *,
    };
    use rfe_proto::ingest::Event;
    use rfe_queue::NewEvents;

    fn frame(number: u64, payload: usize) -> Vec<u8> {
        let call = NewEvents {
            id: format!("call-{number}"),
            source: "s".to_owned(),
            events: vec![Event { payload: vec![7; payload], ..Event::default() }],
            trace: String::new(),
        };
        Encoded::new(&call, 1).expect("it fits").numbered(number).to_vec()
    }

    struct Read {
        whole: Vec<u64>,
        spoilt: Vec<u64>,
        damaged: u64,
        torn: u64,
    }

    fn read(bytes: &[u8]) -> Read {
        let folder = tempfile::tempdir().expect("folder");
        std::fs::write(frames_path(folder.path(), 1), bytes).expect("write");
        let file = open(folder.path(), 1, false).expect("open");
        let mut frames = Frames::new(&file, 1, bytes.len() as u64);
        let (mut whole, mut spoilt) = (Vec::new(), Vec::new());
        while let Some(place) = frames.next().expect("readable") {
            let body: Option<Body> = place.read(&file).expect("readable");
            let to = if body.is_some() { &mut whole } else { &mut spoilt };
            to.push(place.header.number);
        }
        Read { whole, spoilt, damaged: frames.damaged, torn: frames.torn }
    }

    #[test]
    fn a_tail_written_in_part_is_no_frame_wherever_it_breaks() {
        let (first, second) = (frame(1, 100), frame(2, 100));
        for kept in 0..second.len() {
            let read = read(&[&first, &second[..kept]].concat());
            assert_eq!((read.whole, read.torn, read.damaged), (vec![1], kept as u64, 0));
        }
    }

    #[test]
    fn a_tail_that_was_only_allotted_is_no_frame() {
        let read = read(&[frame(1, 10), vec![0; 100_000]].concat());
        assert_eq!((read.whole, read.torn, read.damaged), (vec![1], 100_000, 0));
    }

    #[test]
    fn a_damaged_body_costs_its_own_frame_alone() {
        let mut bytes = [frame(1, 100), frame(2, 100), frame(3, 100)].concat();
        let middle = frame(1, 100).len() + HEADER_BYTES + 50;
        bytes[middle] ^= 1;
        let read = read(&bytes);
        assert_eq!((read.whole, read.spoilt, read.damaged), (vec![1, 3], vec![2], 0));
    }

    #[test]
    fn a_damaged_header_costs_its_own_frame_alone_also_before_a_large_one() {
        let (first, second) = (frame(1, 10), frame(2, 200_000));
        let mut bytes = [first.clone(), second.clone(), frame(3, 100)].concat();
        bytes[first.len() + 5] ^= 1;
        let read = read(&bytes);
        assert_eq!((read.whole, read.damaged), (vec![1, 3], second.len() as u64));
    }

    #[test]
    fn segments_are_listed_by_age() {
        let folder = tempfile::tempdir().expect("folder");
        for name in ["00000000000000000010.frames", "00000000000000000009.frames", "incarnation", "x.frames"]
        {
            std::fs::write(folder.path().join(name), b"").expect("write");
        }
        assert_eq!(list(folder.path()).expect("list"), [9, 10]);
    }
}
