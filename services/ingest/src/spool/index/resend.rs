//! What was accepted before another incarnation of the queue came is sent again.

use super::Index;

/// So many frames at a time wait because they are sent again.
const AT_ONCE: usize = 10_000;

/// How far it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Resend {
    /// The first frame that is not sent again.
    pub(super) until: u64,
    /// The first frame that was not looked at.
    pub(super) next: u64,
}

/// What is to be done next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::spool) enum Step {
    /// Look at the frames from `from` to `until` of this segment.
    Segment { segment: u64, from: u64, until: u64 },
    /// So many wait that they must be sent first.
    Wait,
    /// All of them were sent.
    Done,
}

impl Index {
    /// Another incarnation is there: everything written until now is sent again, and what is under way counts for nothing.
    pub(in crate::spool) fn begin_resend(&mut self) {
        self.generation += 1;
        self.resend = Some(Resend { until: self.next_number(), next: 0 });
    }

    /// What is to be done next for the frames that are sent again.
    pub(in crate::spool) fn resend_step(&self) -> Step {
        let Some(Resend { until, next }) = self.resend else { return Step::Done };
        if self.held.len() >= AT_ONCE {
            return Step::Wait;
        }
        let ahead = self.segments.iter().find(|(number, segment)| **number < until && segment.last >= next);
        match ahead {
            Some((segment, _)) if next < until => Step::Segment { segment: *segment, from: next, until },
            _ if self.held.keys().next().is_some_and(|oldest| *oldest < until) => Step::Wait,
            _ => Step::Done,
        }
    }

    /// The frames before `next` were looked at.
    pub(in crate::spool) fn looked_until(&mut self, next: u64) {
        if let Some(resend) = &mut self.resend {
            resend.next = resend.next.max(next);
        }
    }

    /// The last number of a segment.
    pub(in crate::spool) fn last_of(&self, segment: u64) -> Option<u64> {
        self.segments.get(&segment).map(|segment| segment.last)
    }

    /// All were sent again, to this generation.
    pub(in crate::spool) fn end_resend(&mut self) {
        self.resend = None;
    }

    /// True while frames are to be sent again.
    pub(in crate::spool) fn is_resending(&self) -> bool {
        self.resend.is_some()
    }
}
