//! The thread that writes the spool. What comes while it syncs shares the next sync.

use std::{
    collections::HashMap,
    fs::{self, File},
    io,
    os::unix::fs::FileExt as _,
    sync::{Arc, mpsc},
    thread,
    time::{Duration, Instant},
};

use rfe_model::time::now_micros;
use tokio::sync::oneshot;

use super::{
    Held, Shared, Spool, SpoolError,
    frame::{Encoded, HEADER_BYTES, Header},
    marks::{self, Mark},
    segment::{self, Place, frames_path, marks_path},
};

const LARGEST_SEGMENT: u64 = 16 << 20;
/// The bound on bytes is at least so many segments, the window so many ages of one.
const SEGMENTS: u64 = 32;
const AGES: u32 = 10;
/// So many syncs at most are answered together.
const MOST_SYNCS: usize = 4096;

/// What the thread is asked to do.
#[derive(Debug)]
pub(super) enum Command {
    Append(Box<Append>),
    /// Make durable what was appended before; the reply is about this segment, if it is one.
    Sync {
        segment: u64,
        reply: oneshot::Sender<Synced>,
    },
    /// Note what became of a frame.
    Mark {
        segment: u64,
        number: u64,
        mark: Mark,
    },
    /// Remove the files of a segment that was dropped.
    Remove(u64),
}

/// What became of a sync.
pub(super) type Synced = Result<(), Arc<io::Error>>;

/// A frame to be written; its room is reserved. A reply that nobody takes makes it wait.
#[derive(Debug)]
pub(super) struct Append {
    pub(super) frame: Encoded,
    pub(super) source: String,
    /// In µs since the Unix epoch.
    pub(super) accepted: i64,
    pub(super) spool: Spool,
    pub(super) generation: u64,
    pub(super) reply: oneshot::Sender<Result<Held, SpoolError>>,
}

/// The way to the thread. It ends with the last of these.
#[derive(Debug, Clone)]
pub(super) struct Writer(mpsc::Sender<Command>);

#[derive(Debug)]
struct Thread {
    shared: Arc<Shared>,
    current: Option<Current>,
    marks: HashMap<u64, File>,
    /// Segments that could not be synced. What is on disk of them is unknown, whatever a later sync says.
    spoilt: HashMap<u64, Arc<io::Error>>,
    /// A file was made whose name is not yet durable.
    folder_dirty: bool,
}

/// The segment that is written.
#[derive(Debug)]
struct Current {
    number: u64,
    file: Arc<File>,
    bytes: u64,
    began: Instant,
}

// === impl Writer ===

impl Writer {
    /// Starts the thread.
    pub(super) fn start(shared: Arc<Shared>) -> io::Result<Self> {
        let (sender, commands) = mpsc::channel();
        let thread = Thread {
            shared,
            current: None,
            marks: HashMap::new(),
            spoilt: HashMap::new(),
            folder_dirty: true,
        };
        thread::Builder::new().name("spool".to_owned()).spawn(move || thread.run(&commands))?;
        Ok(Self(sender))
    }

    /// Hands a command over.
    pub(super) fn send(&self, command: Command) -> Result<(), SpoolError> {
        self.0.send(command).map_err(|_| SpoolError::Closed)
    }
}

// === impl Thread ===

impl Thread {
    fn run(mut self, commands: &mpsc::Receiver<Command>) {
        let mut syncs = Vec::new();
        while let Ok(command) = commands.recv() {
            self.do_one(command, &mut syncs);
            while syncs.len() < MOST_SYNCS
                && let Ok(command) = commands.try_recv()
            {
                self.do_one(command, &mut syncs);
            }
            if !syncs.is_empty() {
                self.sync(&mut syncs);
            }
        }
    }

    fn do_one(&mut self, command: Command, syncs: &mut Vec<(u64, oneshot::Sender<Synced>)>) {
        match command {
            Command::Append(append) => self.append(*append),
            Command::Sync { segment, reply } => syncs.push((segment, reply)),
            Command::Mark { segment, number, mark } => {
                if let Err(error) = self.mark(segment, number, mark) {
                    tracing::warn!(segment, number, %error, "a frame of the spool will be sent once more");
                }
            }
            Command::Remove(segment) => self.remove(segment),
        }
    }

    fn append(&mut self, append: Append) {
        let Append { mut frame, source, accepted, spool, generation, reply } = append;
        let written = self.write(&mut frame, &source, accepted);
        if let Err(error) = &written {
            self.shared.metrics.write_errors.inc();
            tracing::error!(%error, "an accepted call could not be written to the spool");
            self.shared.index().unreserve(frame.len());
        }
        let held = written.map(|number| Held { spool, number, generation, open: true });
        let _caller_left = reply.send(held.map_err(SpoolError::Write));
    }

    fn write(&mut self, frame: &mut Encoded, source: &str, accepted: i64) -> io::Result<u64> {
        let number = self.shared.index().next_number();
        let current = self.current(number)?;
        let bytes = frame.numbered(number);
        current.file.write_all_at(bytes, current.bytes)?;
        let mut header = [0; HEADER_BYTES];
        header.copy_from_slice(&bytes[..HEADER_BYTES]);
        let header = Header::decode(&header).ok_or_else(|| io::Error::other("a frame without header"))?;
        let place = Place { segment: current.number, offset: current.bytes, header };
        current.bytes += place.bytes();
        self.shared.index().written(source, accepted, place);
        Ok(number)
    }

    // The segment to write to; a new one where the last is large or old.
    fn current(&mut self, number: u64) -> io::Result<&mut Current> {
        let config = &self.shared.config;
        let largest = (config.bytes / SEGMENTS).min(LARGEST_SEGMENT);
        let oldest = (config.window / AGES).max(Duration::from_millis(1));
        if self.current.as_ref().is_some_and(|it| it.bytes >= largest || it.began.elapsed() >= oldest) {
            self.current = None;
        }
        match &mut self.current {
            Some(current) => Ok(current),
            none => {
                self.folder_dirty = true;
                Ok(none.insert(begin(&self.shared, number)?))
            }
        }
    }

    fn sync(&mut self, syncs: &mut Vec<(u64, oneshot::Sender<Synced>)>) {
        let dirty = self.shared.index().take_dirty();
        for (segment, file) in dirty {
            if let Err(error) = file.sync_data() {
                self.spoil(segment, error);
            }
        }
        let folder = self.sync_folder().map_err(Arc::new);
        for (segment, reply) in syncs.drain(..) {
            let spoilt = self.spoilt.get(&segment).cloned().map_or(Ok(()), Err);
            let _caller_left = reply.send(folder.clone().and(spoilt));
        }
    }

    // Nothing more is written to it.
    fn spoil(&mut self, segment: u64, error: io::Error) {
        tracing::error!(segment, %error, "a segment of the spool could not be synced");
        self.shared.metrics.write_errors.inc();
        self.spoilt.insert(segment, Arc::new(error));
        if self.current.as_ref().is_some_and(|current| current.number == segment) {
            self.current = None;
            self.shared.index().sealed();
        }
    }

    fn sync_folder(&mut self) -> io::Result<()> {
        if self.folder_dirty {
            File::open(&self.shared.config.folder)?.sync_all()?;
            self.folder_dirty = false;
        }
        Ok(())
    }

    fn mark(&mut self, segment: u64, number: u64, mark: Mark) -> io::Result<()> {
        let folder = &self.shared.config.folder;
        if !self.marks.contains_key(&segment) {
            // It may have been dropped meanwhile; then nobody asks for its marks.
            if self.shared.index().file(segment).is_none() {
                return Ok(());
            }
            self.marks.insert(segment, marks::open(&marks_path(folder, segment))?);
        }
        match self.marks.get_mut(&segment) {
            Some(file) => mark.write(file, number),
            None => Ok(()),
        }
    }

    fn remove(&mut self, segment: u64) {
        self.marks.remove(&segment);
        self.spoilt.remove(&segment);
        let folder = &self.shared.config.folder;
        // Frames first: marks without frames are nothing, frames without marks are sent again.
        for path in [frames_path(folder, segment), marks_path(folder, segment)] {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    tracing::warn!(path = %path.display(), %error, "a file of the spool could not be removed");
                }
                _ => {}
            }
        }
    }
}

fn begin(shared: &Shared, number: u64) -> io::Result<Current> {
    let file = Arc::new(segment::open(&shared.config.folder, number, true)?);
    shared.index().began(number, file.clone(), now_micros());
    Ok(Current { number, file, bytes: 0, began: Instant::now() })
}
