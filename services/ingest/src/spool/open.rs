//! The spool is opened: what a process before left is found again.

use std::{
    fs, io,
    path::Path,
    sync::{Arc, Mutex, atomic::AtomicBool},
};

use rfe_mesh::Metrics;
use rfe_model::time::now_micros;
use tokio::sync::Notify;

use super::{
    Shared, Spool, SpoolConfig, SpoolError,
    frame::Body,
    index::Index,
    marks::Marks,
    metrics::SpoolMetrics,
    pauses::Pauses,
    plan::{Plan, plan},
    segment::{self, Frames, marks_path},
    writer::Writer,
};

impl Spool {
    /// Opens the spool; blocks while it looks through what is there. Frames without a mark wait to be sent.
    ///
    /// # Errors
    /// If the folder can't be made or read. What is damaged is no error: it is stepped over, counted and logged.
    pub(crate) fn open(config: SpoolConfig, metrics: &Metrics) -> Result<Self, SpoolError> {
        let metrics = SpoolMetrics::new(metrics);
        let folder = config.folder.clone();
        let open = || -> io::Result<Self> {
            fs::create_dir_all(&folder)?;
            let index = find(&folder, config.bytes, &metrics)?;
            metrics.show(index.counts());
            let shared = Arc::new(Shared {
                config,
                index: Mutex::new(index),
                metrics,
                pauses: Pauses::open(&folder)?,
                away: AtomicBool::new(false),
                work: Notify::new(),
            });
            let writer = Writer::start(shared.clone())?;
            Ok(Self { shared, writer })
        };
        open().map_err(|source| SpoolError::Open { folder: folder.clone(), source })
    }
}

fn find(folder: &Path, limit: u64, metrics: &SpoolMetrics) -> io::Result<Index> {
    let mut index = Index::new(limit);
    for segment in segment::list(folder)? {
        find_in(&mut index, folder, segment, metrics)?;
    }
    let waiting = index.counts().waiting;
    if waiting > 0 {
        tracing::info!(
            calls = waiting,
            "the spool holds accepted calls that the queue may not have; they are sent"
        );
    }
    Ok(index)
}

fn find_in(index: &mut Index, folder: &Path, segment: u64, metrics: &SpoolMetrics) -> io::Result<()> {
    let file = Arc::new(segment::open(folder, segment, false)?);
    let bytes = file.metadata()?.len();
    let marks = Marks::read(&marks_path(folder, segment))?;
    let mut frames = Frames::new(&file, segment, bytes);
    let (mut open, mut last) = (Vec::new(), segment);
    while let Some(place) = frames.next()? {
        last = last.max(place.header.number);
        if marks.of(place.header.number).is_none() {
            open.push(place);
        }
    }
    if frames.damaged > 0 {
        metrics.damaged.inc();
        tracing::error!(
            segment,
            bytes = frames.damaged,
            "a part of the spool is damaged; the calls in it are lost to it"
        );
    }
    if frames.torn > 0 {
        tracing::info!(
            segment,
            bytes = frames.torn,
            "the spool's last call was written in part, and so never answered"
        );
    }
    index.found(segment, file.clone(), bytes, last, now_micros());
    for place in open {
        match place.read(&file)? {
            Some(body) => {
                let plan = planned(&body);
                index.reopen(&body.source, body.accepted, place, plan);
            }
            None => damaged(place.header.number, metrics),
        }
    }
    Ok(())
}

/// What the jobs of a frame will be, its events being new.
pub(super) fn planned(body: &Body) -> Plan {
    plan(&body.id, &body.source, &body.events, |_| false)
}

/// Counts and logs a frame that can't be read.
pub(super) fn damaged(number: u64, metrics: &SpoolMetrics) {
    metrics.damaged.inc();
    tracing::error!(frame = number, "a call of the spool is damaged; it is lost to the spool");
}
