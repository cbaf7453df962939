//! The bookkeeping of the cache: what is kept, in use, on its way, and what gives way first. Touches no disk.

use std::{
    collections::{BTreeMap, HashMap},
    time::{Duration, Instant},
};

use super::{Content, Digest, NoRoom, flight::Flight};

/// For so long a file is believed to have the size that it had.
const BELIEVED: Duration = Duration::from_secs(1);

/// All entries.
#[derive(Debug)]
pub struct Index {
    capacity: u64,
    // Of all entries, those on their way included.
    held: u64,
    // Of those in use.
    pinned: u64,
    // The time, in uses.
    clock: u64,
    entries: HashMap<Digest, Entry>,
    // Entries that nobody uses, by their last use.
    idle: BTreeMap<u64, Digest>,
}

#[derive(Debug)]
struct Entry {
    bytes: u64,
    pins: usize,
    used: u64,
    // True if the disk knows of the last use.
    noted: bool,
    checked: Option<Instant>,
    state: State,
}

#[derive(Debug)]
enum State {
    // Room is reserved, no more.
    Absent,
    Fetching(Flight),
    // On disk, and to be verified before it is used.
    Found,
    Ready,
}

impl Index {
    /// An empty one that may hold so many bytes.
    pub fn new(capacity: u64) -> Self {
        Self { capacity, held: 0, pinned: 0, clock: 0, entries: HashMap::new(), idle: BTreeMap::new() }
    }

    /// Bytes of all entries.
    pub fn held(&self) -> u64 {
        self.held
    }

    /// Bytes of entries in use.
    pub fn pinned(&self) -> u64 {
        self.pinned
    }

    /// Bytes that it may hold.
    pub fn capacity(&self) -> u64 {
        self.capacity
    }

    /// Takes over a file that is on disk, used later than all before.
    pub fn adopt(&mut self, content: Content) {
        let used = self.tick();
        self.held += content.bytes;
        self.idle.insert(used, content.digest);
        let entry =
            Entry { bytes: content.bytes, pins: 0, used, noted: true, checked: None, state: State::Found };
        self.entries.insert(content.digest, entry);
    }

    /// Pins all of these, or none; what has to give way for them is forgotten here, and to be removed.
    pub fn pin_all(&mut self, wanted: &[Content]) -> Result<Vec<Content>, NoRoom> {
        let needed = wanted.iter().map(|content| content.bytes).sum::<u64>();
        let shared = wanted.iter().filter_map(|content| self.entries.get(&content.digest));
        let shared = shared.filter(|entry| entry.pins > 0).map(|entry| entry.bytes).sum::<u64>();
        let available = self.capacity.saturating_sub(self.pinned - shared);
        if needed > self.capacity {
            return Err(NoRoom::TooLarge { needed, capacity: self.capacity });
        }
        if needed > available {
            return Err(NoRoom::InUse { needed, available, capacity: self.capacity });
        }
        let misfits = wanted.iter().filter_map(|content| self.misfit(content)).collect::<Vec<_>>();
        let mut gone = misfits.into_iter().filter_map(|digest| self.forget(digest)).collect::<Vec<_>>();
        wanted.iter().for_each(|content| self.pin(*content));
        gone.extend(self.shrink());
        Ok(gone)
    }

    /// Pins a file that is not here, if no other has to give way for it.
    pub fn pin_free(&mut self, content: Content) -> bool {
        let free = self.capacity.saturating_sub(self.held);
        let fits = content.bytes <= free && !self.entries.contains_key(&content.digest);
        if fits {
            self.pin(content);
        }
        fits
    }

    /// Takes a pin away. What nobody uses and is not kept is forgotten, and returned with the flight that nobody waits for.
    pub fn unpin(&mut self, digest: Digest) -> Option<Option<Flight>> {
        let entry = self.entries.get_mut(&digest)?;
        entry.pins -= 1;
        if entry.pins > 0 {
            return None;
        }
        self.pinned -= entry.bytes;
        self.idle.insert(entry.used, digest);
        let flight = match &entry.state {
            State::Found | State::Ready => return None,
            State::Absent => None,
            State::Fetching(flight) => Some(flight.clone()),
        };
        self.forget(digest);
        Some(flight)
    }

    /// Forgets idle entries, those used least recently first, until the rest is no more than it may be.
    pub fn shrink(&mut self) -> Vec<Content> {
        self.shrink_to(self.capacity)
    }

    /// Forgets idle entries, those used least recently first, to free so many bytes.
    pub fn free(&mut self, bytes: u64) -> Vec<Content> {
        self.shrink_to(self.held.saturating_sub(bytes))
    }

    fn shrink_to(&mut self, most: u64) -> Vec<Content> {
        let mut gone = Vec::new();
        while self.held > most {
            let Some((_, digest)) = self.idle.first_key_value() else { break };
            gone.extend(self.forget(*digest));
        }
        gone
    }

    /// Those of these files that are at hand and whose size was not looked at just now; it counts as looked at from here on.
    pub fn unchecked(&mut self, contents: &[Content]) -> Vec<Content> {
        let now = Instant::now();
        let mut is_due = |content: &&Content| {
            let Some(entry) = self.entries.get_mut(&content.digest) else { return false };
            let fresh = entry.checked.is_some_and(|checked| now.duration_since(checked) < BELIEVED);
            let due = matches!(entry.state, State::Ready) && !fresh;
            if due {
                entry.checked = Some(now);
            }
            due
        };
        contents.iter().filter(|content| is_due(content)).copied().collect()
    }

    /// True if the file is on disk.
    pub fn is_kept(&self, digest: Digest) -> bool {
        self.entries.get(&digest).is_some_and(|entry| matches!(entry.state, State::Found | State::Ready))
    }

    /// True if the file is on disk and verified.
    pub fn is_ready(&self, digest: Digest) -> bool {
        self.entries.get(&digest).is_some_and(|entry| matches!(entry.state, State::Ready))
    }

    /// The flight that brings the file.
    pub fn flight(&self, digest: Digest) -> Option<Flight> {
        match &self.entries.get(&digest)?.state {
            State::Fetching(flight) => Some(flight.clone()),
            _ => None,
        }
    }

    /// A flight brings a pinned file from now on.
    pub fn depart(&mut self, digest: Digest, flight: Flight) {
        if let Some(entry) = self.entries.get_mut(&digest) {
            entry.state = State::Fetching(flight);
        }
    }

    /// True if this flight is the one that brings the file: it may put it in its place.
    pub fn expects(&self, digest: Digest, flight: &Flight) -> bool {
        self.flight(digest).is_some_and(|known| known.is(flight))
    }

    /// The file is in its place, verified.
    pub fn arrive(&mut self, digest: Digest) {
        if let Some(entry) = self.entries.get_mut(&digest) {
            entry.state = State::Ready;
            entry.checked = Some(Instant::now());
        }
    }

    /// The file can't be used; who has it pinned and asks again has it fetched anew.
    pub fn lose(&mut self, digest: Digest) {
        if let Some(entry) = self.entries.get_mut(&digest) {
            entry.state = State::Absent;
        }
    }

    /// The file is verified before it is used again.
    pub fn doubt(&mut self, digest: Digest) {
        if let Some(entry) = self.entries.get_mut(&digest)
            && matches!(entry.state, State::Ready)
        {
            entry.state = State::Found;
        }
    }

    /// Files whose last use the disk does not know, those used least recently first.
    pub fn unnoted(&mut self) -> Vec<Digest> {
        let unnoted = |(digest, entry): (&Digest, &mut Entry)| {
            let kept = matches!(entry.state, State::Found | State::Ready);
            let news = kept && !entry.noted;
            entry.noted |= kept;
            news.then_some((entry.used, *digest))
        };
        let mut used = self.entries.iter_mut().filter_map(unnoted).collect::<Vec<_>>();
        used.sort_unstable();
        used.into_iter().map(|(_, digest)| digest).collect()
    }

    fn pin(&mut self, content: Content) {
        let used = self.tick();
        let held = &mut self.held;
        let entry = self.entries.entry(content.digest).or_insert_with(|| {
            *held += content.bytes;
            Entry { bytes: content.bytes, pins: 0, used, noted: true, checked: None, state: State::Absent }
        });
        if entry.pins == 0 {
            self.idle.remove(&entry.used);
            self.pinned += entry.bytes;
        }
        entry.pins += 1;
        (entry.used, entry.noted) = (used, false);
    }

    // A file on disk of another size than it must have: it was damaged while no process looked.
    fn misfit(&self, content: &Content) -> Option<Digest> {
        let entry = self.entries.get(&content.digest)?;
        (entry.pins == 0 && entry.bytes != content.bytes).then_some(content.digest)
    }

    // Of an idle entry.
    fn forget(&mut self, digest: Digest) -> Option<Content> {
        let entry = self.entries.remove(&digest)?;
        self.idle.remove(&entry.used);
        self.held -= entry.bytes;
        Some(Content { digest, bytes: entry.bytes })
    }

    fn tick(&mut self) -> u64 {
        self.clock += 1;
        self.clock
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: u8, bytes: u64) -> Content {
        Content { digest: Digest::from([name; 32]), bytes }
    }

    // Pins files and says that they have arrived.
    fn bring(index: &mut Index, files: &[Content]) -> Result<Vec<u8>, NoRoom> {
        let gone = index.pin_all(files)?;
        files.iter().for_each(|file| index.arrive(file.digest));
        Ok(names(&gone))
    }

    fn names(files: &[Content]) -> Vec<u8> {
        (0..=255).filter(|name| files.iter().any(|file| file.digest == Digest::from([*name; 32]))).collect()
    }

    fn drop_pins(index: &mut Index, files: &[Content]) {
        files.iter().for_each(|file| assert!(index.unpin(file.digest).is_none(), "kept files stay"));
    }

    #[test]
    fn what_was_used_least_recently_gives_way_and_pinned_files_never_do() {
        let mut index = Index::new(10);
        let (a, b, c, d) = (file(1, 4), file(2, 4), file(3, 4), file(4, 6));
        assert_eq!(bring(&mut index, &[a, b]), Ok(vec![]));
        drop_pins(&mut index, &[a, b]);
        bring(&mut index, &[a]).expect("it is here");
        assert_eq!(bring(&mut index, &[c]), Ok(vec![2]), "a was used after b, and is in use");
        drop_pins(&mut index, &[a]);
        assert_eq!(bring(&mut index, &[d]), Ok(vec![1]));
        assert_eq!((index.held(), index.pinned()), (10, 10));
        drop_pins(&mut index, &[c, d]);
        assert_eq!((index.held(), index.pinned()), (10, 0));
    }

    #[test]
    fn what_does_not_fit_is_refused_whole_with_both_sizes() {
        let mut index = Index::new(10);
        let (a, b, c) = (file(1, 4), file(2, 7), file(3, 3));
        assert_eq!(index.pin_all(&[b, a]), Err(NoRoom::TooLarge { needed: 11, capacity: 10 }));
        bring(&mut index, &[a]).expect("room");
        assert_eq!(index.pin_all(&[b, c]), Err(NoRoom::InUse { needed: 10, available: 6, capacity: 10 }));
        assert_eq!((index.held(), index.pinned()), (4, 4), "nothing was reserved");
        assert_eq!(bring(&mut index, &[a, c]), Ok(vec![]), "what it shares with others counts once");
    }

    #[test]
    fn room_of_a_file_that_nobody_waits_for_any_more_is_given_back() {
        let mut index = Index::new(10);
        let a = file(1, 4);
        index.pin_all(&[a]).expect("room");
        index.pin_all(&[a]).expect("room");
        let (flight, _landing) = Flight::new();
        index.depart(a.digest, flight.clone());
        assert!(index.unpin(a.digest).is_none(), "another still waits");
        let gone = index.unpin(a.digest).flatten().expect("the flight that nobody waits for");
        assert!(gone.is(&flight) && !index.expects(a.digest, &flight));
        assert_eq!((index.held(), index.pinned()), (0, 0));
    }

    #[test]
    fn a_file_fetched_ahead_takes_free_room_only() {
        let mut index = Index::new(10);
        bring(&mut index, &[file(1, 4)]).expect("room");
        drop_pins(&mut index, &[file(1, 4)]);
        assert!(!index.pin_free(file(2, 7)), "another would give way");
        assert!(index.pin_free(file(2, 6)) && !index.pin_free(file(1, 4)));
    }

    #[test]
    fn what_was_found_on_disk_is_used_once_verified_and_only_if_its_size_is_right() {
        let mut index = Index::new(10);
        [file(1, 4), file(2, 3)].into_iter().for_each(|file| index.adopt(file));
        assert_eq!(index.pin_all(&[file(1, 4), file(2, 5)]).map(|gone| names(&gone)), Ok(vec![2]));
        assert!(index.is_kept(file(1, 4).digest) && !index.is_ready(file(1, 4).digest));
        assert!(!index.is_kept(file(2, 5).digest));
        assert_eq!(index.held(), 9);
    }

    #[test]
    fn a_smaller_capacity_at_a_start_lets_the_oldest_go() {
        let mut index = Index::new(8);
        (1..=4).for_each(|name| index.adopt(file(name, 3)));
        assert_eq!(names(&index.shrink()), [1, 2]);
    }

    #[test]
    fn uses_are_noted_in_their_order_and_once() {
        let mut index = Index::new(10);
        bring(&mut index, &[file(1, 1), file(2, 1), file(3, 1)]).expect("room");
        bring(&mut index, &[file(1, 1)]).expect("room");
        assert_eq!(index.unnoted(), [2, 3, 1].map(|name| file(name, 1).digest));
        assert!(index.unnoted().is_empty());
    }
}
