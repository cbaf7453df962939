//! Frames whose fate is open.

use std::{collections::HashMap, fs::File, sync::Arc, time::Instant};

use super::{Entry, Index, State};
use crate::spool::{
    plan::{Plan, plan},
    segment::Place,
};

/// So many ids of events that wait are remembered; a repeat beyond is met by the queue or the ledger.
const MAX_IDS: usize = 1_000_000;

/// A frame to be sent.
#[derive(Debug)]
pub(in crate::spool) struct Due {
    pub(in crate::spool) number: u64,
    pub(in crate::spool) generation: u64,
    pub(in crate::spool) source: Arc<str>,
    pub(in crate::spool) place: Place,
    pub(in crate::spool) file: Arc<File>,
}

/// Sources that the queue has no room for, and until when.
pub(in crate::spool) type Blocked = HashMap<Arc<str>, Instant>;

impl Index {
    /// A frame was written for a call that speaks with the queue.
    pub(in crate::spool) fn written(&mut self, source: &str, accepted: i64, place: Place) {
        let number = place.header.number;
        self.last = self.last.max(number);
        if let Some(segment) = self.segments.get_mut(&place.segment) {
            segment.bytes += place.bytes();
            segment.last = number;
            segment.newest = segment.newest.max(accepted);
            segment.dirty = true;
        }
        self.hold(source, accepted, place, State::Called);
    }

    /// A frame of before has no mark, or is to be sent again: it waits. `plan`: what it will make, if its callers were told so.
    pub(in crate::spool) fn reopen(&mut self, source: &str, accepted: i64, place: Place, plan: Plan) {
        if self.held.contains_key(&place.header.number) {
            return;
        }
        self.hold(source, accepted, place, State::Called);
        self.wait(place.header.number, plan);
    }

    /// The call of this frame leaves it to be sent later. Says what its events will become; ids that wait already are repeats.
    pub(in crate::spool) fn keep(
        &mut self,
        number: u64,
        call: &str,
        source: &str,
        events: &[rfe_proto::ingest::Event],
    ) -> Vec<rfe_queue::Accepted> {
        let mut plan = plan(call, source, events, |id| self.ids.contains(&id));
        let outcomes = std::mem::take(&mut plan.outcomes);
        self.wait(number, plan);
        outcomes
    }

    /// The frame waits to be sent, from where it is.
    pub(in crate::spool) fn wait(&mut self, number: u64, plan: Plan) {
        let Some(entry) = self.held.get_mut(&number) else { return };
        entry.state = State::Waiting;
        self.waiting.entry(entry.source.clone()).or_default().insert(number);
        for id in plan.ids {
            if self.ids.len() < MAX_IDS && self.ids.insert(id) {
                entry.ids.push(id);
            }
        }
        for job in plan.jobs {
            self.jobs.insert(job.id.clone(), number);
            entry.jobs.push(job);
        }
    }

    /// Takes frames to be sent, the oldest first, of sources that are not blocked.
    pub(in crate::spool) fn take_due(&mut self, frames: usize, bytes: u64, blocked: &Blocked) -> Vec<Due> {
        let (mut due, mut taken) = (Vec::new(), 0);
        while due.len() < frames && taken < bytes {
            let open = self.waiting.iter().filter(|(source, _)| !blocked.contains_key(*source));
            let Some(number) = open.filter_map(|(_, numbers)| numbers.first().copied()).min() else { break };
            let Some(one) = self.send(number) else { break };
            taken += one.place.bytes();
            due.push(one);
        }
        due
    }

    fn send(&mut self, number: u64) -> Option<Due> {
        let entry = self.held.get_mut(&number)?;
        entry.state = State::Sending;
        let source = entry.source.clone();
        let numbers = self.waiting.get_mut(&source)?;
        numbers.remove(&number);
        if numbers.is_empty() {
            self.waiting.remove(&source);
        }
        let place = entry.place;
        let file = self.segments.get(&place.segment)?.file.clone();
        Some(Due { number, generation: self.generation, source, place, file })
    }

    /// The fate of a frame is known. What the queue of an earlier generation took must be sent to this one: then false, and it waits.
    pub(in crate::spool) fn settle(&mut self, number: u64, generation: u64, now: i64) -> bool {
        if generation != self.generation {
            self.wait(number, Plan::default());
            return false;
        }
        self.forget(number, now);
        true
    }

    /// The frame is no longer held, whatever the generation.
    pub(in crate::spool) fn forget(&mut self, number: u64, now: i64) {
        let Some(entry) = self.held.remove(&number) else { return };
        if let Some(segment) = self.segments.get_mut(&entry.place.segment) {
            segment.unsettled -= 1;
            segment.newest = segment.newest.max(now);
        }
        if let Some(numbers) = self.waiting.get_mut(&entry.source) {
            numbers.remove(&number);
            if numbers.is_empty() {
                self.waiting.remove(&entry.source);
            }
        }
        for job in entry.jobs {
            self.jobs.remove(&job.id);
        }
        for id in entry.ids {
            self.ids.remove(&id);
        }
    }

    /// Where the file of a held frame is.
    pub(in crate::spool) fn place(&self, number: u64) -> Option<(Place, Arc<File>)> {
        let place = self.held.get(&number)?.place;
        Some((place, self.segments.get(&place.segment)?.file.clone()))
    }

    /// The frame that will make this job.
    pub(in crate::spool) fn of_job(&self, job_id: &str) -> Option<&Entry> {
        self.held.get(self.jobs.get(job_id)?)
    }

    /// The frames that wait or are being sent, newest first.
    pub(in crate::spool) fn newest(&self) -> impl Iterator<Item = &Entry> {
        self.held.values().rev().filter(|entry| entry.state != State::Called)
    }

    /// True while frames wait or are being sent.
    pub(in crate::spool) fn has_waiting(&self) -> bool {
        self.held.values().any(|entry| entry.state != State::Called)
    }

    fn hold(&mut self, source: &str, accepted: i64, place: Place, state: State) {
        if let Some(segment) = self.segments.get_mut(&place.segment) {
            segment.unsettled += 1;
        }
        let entry =
            Entry { place, source: source.into(), accepted, jobs: Vec::new(), ids: Vec::new(), state };
        self.held.insert(place.header.number, entry);
    }
}
