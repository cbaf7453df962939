//! What the spool holds, in memory: its segments, and the frames whose fate is open. Settled frames cost no memory.

mod held;
mod resend;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    fs::File,
    sync::Arc,
};

use self::resend::Resend;
pub(super) use self::{
    held::{Blocked, Due},
    resend::Step,
};
use super::{plan::PlannedJob, segment::Place};

/// So many frames may wait, however small they are.
const MAX_WAITING: usize = 1_000_000;

/// What the spool holds.
#[derive(Debug)]
pub(super) struct Index {
    limit: u64,
    bytes: u64,
    segments: BTreeMap<u64, Segment>,
    current: Option<u64>,
    last: u64,
    held: BTreeMap<u64, Entry>,
    /// Frames that wait, by source.
    waiting: BTreeMap<Arc<str>, BTreeSet<u64>>,
    jobs: HashMap<String, u64>,
    ids: HashSet<u128>,
    generation: u64,
    resend: Option<Resend>,
    dropped: Vec<u64>,
}

/// One segment.
#[derive(Debug)]
struct Segment {
    file: Arc<File>,
    bytes: u64,
    last: u64,
    unsettled: u64,
    /// When its latest frame was accepted or came to the queue, in µs since the Unix epoch.
    newest: i64,
    /// Written since it was synced.
    dirty: bool,
}

/// A frame whose fate is open.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) place: Place,
    pub(super) source: Arc<str>,
    /// In µs since the Unix epoch.
    pub(super) accepted: i64,
    pub(super) jobs: Vec<PlannedJob>,
    ids: Vec<u128>,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The call that brought it speaks with the queue.
    Called,
    /// It waits to be sent.
    Waiting,
    /// It is being sent.
    Sending,
}

/// What the metrics show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) bytes: u64,
    pub(super) waiting: usize,
    /// When the oldest frame whose fate is open was accepted, in µs since the Unix epoch.
    pub(super) oldest: Option<i64>,
}

/// There is no room.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NoRoom;

// === impl Index ===

impl Index {
    /// An empty one that takes so many bytes.
    pub(super) fn new(limit: u64) -> Self {
        Self {
            limit,
            bytes: 0,
            segments: BTreeMap::new(),
            current: None,
            last: 0,
            held: BTreeMap::new(),
            waiting: BTreeMap::new(),
            jobs: HashMap::new(),
            ids: HashSet::new(),
            generation: 0,
            resend: None,
            dropped: Vec::new(),
        }
    }

    /// Adds a segment that was there before the process; `last`: the number of its last frame.
    pub(super) fn found(&mut self, segment: u64, file: Arc<File>, bytes: u64, last: u64, now: i64) {
        self.bytes += bytes;
        self.last = self.last.max(last);
        self.segments.insert(segment, Segment { file, bytes, last, unsettled: 0, newest: now, dirty: true });
    }

    /// Adds the segment that is written from now on.
    pub(super) fn began(&mut self, segment: u64, file: Arc<File>, now: i64) {
        let began = Segment { file, bytes: 0, last: 0, unsettled: 0, newest: now, dirty: false };
        self.segments.insert(segment, began);
        self.current = Some(segment);
    }

    /// No segment is written from now on until the next one begins.
    pub(super) fn sealed(&mut self) {
        self.current = None;
    }

    /// The number of the next frame.
    pub(super) fn next_number(&self) -> u64 {
        self.last + 1
    }

    /// Makes room for a frame; the oldest segments that the queue has whole give way. The frame's generation: that of the queue's
    /// incarnation which its call speaks with. Settling must show it again.
    pub(super) fn reserve(&mut self, bytes: u64) -> Result<u64, NoRoom> {
        while self.bytes + bytes > self.limit
            && let Some(segment) = self.droppable(i64::MAX)
        {
            self.drop_segment(segment);
        }
        if self.bytes + bytes > self.limit || self.held.len() >= MAX_WAITING {
            return Err(NoRoom);
        }
        self.bytes += bytes;
        Ok(self.generation)
    }

    /// Gives back what was reserved for a frame that could not be written.
    pub(super) fn unreserve(&mut self, bytes: u64) {
        self.bytes = self.bytes.saturating_sub(bytes);
    }

    /// Drops the segments that the queue has whole and that are older than this, in µs since the Unix epoch.
    pub(super) fn trim(&mut self, before: i64) {
        while let Some(segment) = self.droppable(before) {
            self.drop_segment(segment);
        }
    }

    /// The segments dropped since the last call, whose files are to be removed.
    pub(super) fn take_dropped(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.dropped)
    }

    /// The segments that hold frames which only the spool has and that were written since the last call.
    pub(super) fn take_dirty(&mut self) -> Vec<(u64, Arc<File>)> {
        let dirty = self.segments.iter_mut().filter(|(_, segment)| segment.dirty && segment.unsettled > 0);
        dirty
            .map(|(number, segment)| {
                segment.dirty = false;
                (*number, segment.file.clone())
            })
            .collect()
    }

    /// The open file of a segment, and how many of its bytes are written.
    pub(super) fn file(&self, segment: u64) -> Option<(Arc<File>, u64)> {
        self.segments.get(&segment).map(|segment| (segment.file.clone(), segment.bytes))
    }

    /// What the metrics show.
    pub(super) fn counts(&self) -> Counts {
        Counts {
            bytes: self.bytes,
            waiting: self.held.values().filter(|entry| entry.state != State::Called).count(),
            oldest: self.held.values().next().map(|entry| entry.accepted),
        }
    }

    fn droppable(&self, before: i64) -> Option<u64> {
        let is_resent = |number: u64, segment: &Segment| {
            self.resend.is_none_or(|resend| segment.last < resend.next || number >= resend.until)
        };
        self.segments
            .iter()
            .find(|(number, segment)| {
                segment.unsettled == 0
                    && segment.newest < before
                    && Some(**number) != self.current
                    && is_resent(**number, segment)
            })
            .map(|(number, _)| *number)
    }

    fn drop_segment(&mut self, number: u64) {
        if let Some(segment) = self.segments.remove(&number) {
            self.bytes = self.bytes.saturating_sub(segment.bytes);
            self.dropped.push(number);
        }
    }
}
