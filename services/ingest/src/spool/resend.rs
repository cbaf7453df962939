//! What the spool keeps is made to wait again, for a queue that may have lost it.

use std::{io, sync::Arc, time::Duration};

use rfe_mesh::Shutdown;
use tokio::task::spawn_blocking;

use super::{
    Shared, Spool,
    index::Step,
    marks::{Mark, Marks},
    open,
    plan::Plan,
    segment::{Frames, marks_path},
};

/// How soon is looked again whether what was sent again has come to the queue.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// So many frames are looked at before those found are sent.
const FRAMES: usize = 5000;

impl Spool {
    /// Sends everything that was accepted until now once more. False if shutdown began before.
    pub(super) async fn resend(&self, shutdown: &Shutdown) -> bool {
        self.shared.index().begin_resend();
        loop {
            let step = self.shared.index().resend_step();
            match step {
                Step::Done => break,
                Step::Wait => {
                    self.shared.work.notify_one();
                    if !shutdown.sleep(LOOK_AGAIN).await {
                        return false;
                    }
                }
                Step::Segment { segment, from, until } => {
                    let shared = self.shared.clone();
                    let looked = spawn_blocking(move || reopen(&shared, segment, from, until)).await;
                    match looked {
                        Ok(Ok(next)) => self.shared.index().looked_until(next),
                        Ok(Err(error)) => self.stepped_over(segment, &error.to_string()),
                        Err(error) => self.stepped_over(segment, &error.to_string()),
                    }
                    self.shared.work.notify_one();
                }
            }
        }
        self.shared.index().end_resend();
        true
    }

    fn stepped_over(&self, segment: u64, error: &str) {
        self.shared.metrics.damaged.inc();
        tracing::error!(segment, error, "a part of the spool can't be read; what is in it is not sent again");
        let mut index = self.shared.index();
        if let Some(last) = index.last_of(segment) {
            index.looked_until(last + 1);
        }
    }
}

// Makes frames wait that were not refused; the number of the first that was not looked at.
fn reopen(shared: &Arc<Shared>, segment: u64, from: u64, until: u64) -> io::Result<u64> {
    let (file, end, last) = {
        let index = shared.index();
        let Some((file, end)) = index.file(segment) else { return Ok(from + 1) };
        (file, end, index.last_of(segment).unwrap_or(segment))
    };
    let marks = Marks::read(&marks_path(&shared.config.folder, segment))?;
    let mut frames = Frames::new(&file, segment, end);
    let mut found = 0;
    while let Some(place) = frames.next()? {
        let number = place.header.number;
        if number < from || marks.of(number) == Some(Mark::Refused) {
            continue;
        }
        if number >= until {
            return Ok(until);
        }
        if found == FRAMES {
            return Ok(number);
        }
        found += 1;
        match place.read(&file)? {
            Some(body) => {
                shared.metrics.resent.inc();
                shared.index().reopen(&body.source, body.accepted, place, jobs_of(open::planned(&body)));
            }
            None => open::damaged(number, &shared.metrics),
        }
    }
    Ok(last.max(from) + 1)
}

// Ids of its events are not remembered: there may be very many, and the queue meets repeats.
fn jobs_of(plan: Plan) -> Plan {
    Plan { ids: Vec::new(), ..plan }
}
