//! Which files one compaction reads. Pure: the store calls it under the dataset's lock.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use crate::CompactionLimits;

/// A visible file of one layer of a dataset.
#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    pub(crate) key: String,
    /// Its place: files of one snapshot stay together in mode `merge`.
    pub(crate) snapshot: i64,
    pub(crate) bytes: u64,
    pub(crate) shape: Arc<Shape>,
}

/// What the columns of files are like. Files of one number have the same.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) number: usize,
    /// Types by column id: two files go together if a column that both have has the same type.
    pub(crate) types: BTreeMap<u32, String>,
}

/// Files that go together.
#[derive(Debug, Default)]
struct Group {
    files: Vec<usize>,
    bytes: u64,
    shapes: HashSet<usize>,
    types: BTreeMap<u32, String>,
}

/// A backlog is compacted by so many runs at once.
const AT_ONCE: usize = 4;

/// The places of the files that each of a few compactions reads, in order; none if there are too few. The files are in their order.
/// With `in_a_row` those of one compaction follow one another without a gap, and no snapshot is torn apart.
pub(crate) fn choose(files: &[Candidate], limits: &CompactionLimits, in_a_row: bool) -> Vec<Vec<usize>> {
    let mut groups = if in_a_row { rows(files, limits) } else { any(files, limits) };
    let least = (limits.files as usize / 8).max(2);
    groups.retain(|group| group.files.len() >= least);
    // Of equal ones the first: what is old is not written again soon.
    groups.sort_by_key(|group| std::cmp::Reverse(group.files.len()));
    let mut chosen = groups.into_iter();
    let first = chosen.next().into_iter();
    // Others only where that is worth while; what is left has time to grow.
    let others = chosen.filter(|group| group.is_large(limits));
    first.chain(others).take(AT_ONCE).map(|group| group.files).collect()
}

fn any(files: &[Candidate], limits: &CompactionLimits) -> Vec<Group> {
    let (mut open, mut full): (Vec<Group>, Vec<Group>) = (Vec::new(), Vec::new());
    for at in (0..files.len()).filter(|at| files[*at].bytes < limits.small_bytes) {
        let fitting = open.iter().position(|group| group.goes_with(&files[at].shape));
        match fitting {
            Some(place) if open[place].has_room(&files[at..=at], limits) => open[place].take(files, at),
            Some(place) => full.push(std::mem::replace(&mut open[place], Group::of(files, at))),
            None => open.push(Group::of(files, at)),
        }
    }
    full.append(&mut open);
    full
}

fn rows(files: &[Candidate], limits: &CompactionLimits) -> Vec<Group> {
    let (mut groups, mut row) = (Vec::new(), Group::default());
    let mut at = 0;
    for snapshot in files.chunk_by(|a, b| a.snapshot == b.snapshot) {
        let places = at..at + snapshot.len();
        at = places.end;
        let mut whole = Group::default();
        let is_whole = snapshot.iter().all(|file| file.bytes < limits.small_bytes)
            && places.clone().all(|place| {
                let fits = whole.goes_with(&files[place].shape);
                whole.take(files, place);
                fits
            });
        let goes_on = is_whole
            && row.has_room(snapshot, limits)
            && snapshot.iter().all(|file| row.goes_with(&file.shape));
        if !goes_on {
            groups.push(std::mem::take(&mut row));
        }
        if is_whole && snapshot.len() <= limits.inputs as usize {
            places.for_each(|place| row.take(files, place));
        }
    }
    groups.push(row);
    groups
}

impl Group {
    fn of(files: &[Candidate], at: usize) -> Self {
        let mut group = Self::default();
        group.take(files, at);
        group
    }

    fn take(&mut self, files: &[Candidate], at: usize) {
        let Candidate { bytes, shape, .. } = &files[at];
        self.files.push(at);
        self.bytes += bytes;
        if self.shapes.insert(shape.number) {
            self.types.extend(shape.types.iter().map(|(id, kind)| (*id, kind.clone())));
        }
    }

    fn goes_with(&self, shape: &Shape) -> bool {
        let agrees = |(id, kind): (&u32, &String)| self.types.get(id).is_none_or(|known| known == kind);
        self.shapes.contains(&shape.number) || shape.types.iter().all(agrees)
    }

    fn is_large(&self, limits: &CompactionLimits) -> bool {
        self.files.len() >= limits.files as usize || self.bytes >= limits.target_bytes / 2
    }

    // An empty one takes whatever comes, or a large snapshot would never be compacted.
    fn has_room(&self, more: &[Candidate], limits: &CompactionLimits) -> bool {
        let bytes: u64 = more.iter().map(|file| file.bytes).sum();
        self.files.is_empty()
            || (self.bytes + bytes <= limits.target_bytes
                && self.files.len() + more.len() <= limits.inputs as usize)
    }
}

#[cfg(test)]
#[path = "compaction_tests.rs"]
mod tests;
