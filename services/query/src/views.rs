//! `processed/_views/<dataset>.sql`: for people with a bare DuckDB, a view over exactly the files that one snapshot shows. One
//! process publishes at a time, the one that holds the task `views`; the others stand by.
//!
//! A put can't be undone and the lake has no condition for it, so a publisher that was frozen past its hold may still put an older
//! text. The holder therefore lists what lies there every few seconds, reads again what it did not put itself, and mends it.

mod hold;
mod publish;
mod survey;
mod text;

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::{Duration, Instant},
};

use futures::StreamExt as _;
use prometheus_client::metrics::counter::Counter;
use rfe_lake::Lake;
use rfe_mesh::{Metrics, Shutdown};

use self::hold::Hold;
use crate::{catalog::Catalog, error::QueryError};

const EVERY: Duration = Duration::from_secs(1);
/// How often everything is looked at, changed or not: definitions change without a snapshot, and objects without us.
const SURVEY: Duration = Duration::from_secs(3);
/// Views that are written at once.
const AT_ONCE: usize = 8;

/// Size of an object, and when it was put, in µs since the Unix epoch.
type Listed = (u64, i64);

/// What is known of a published view.
#[derive(Debug, Clone, PartialEq)]
struct Published {
    /// The snapshot with which it is known to be up to date.
    snapshot: u64,
    /// SHA-256 of what it says below its header.
    body: String,
    /// How it was made: columns and merging.
    definition: Vec<u8>,
    /// The object that was read and found to be this one.
    listed: Option<Listed>,
}

/// Why a view is looked at.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Cause {
    /// Its dataset changed.
    Changed,
    /// What lies there, here as it was listed, may be something else.
    Doubted(Option<Listed>),
}

/// Publishes views.
#[derive(Debug)]
struct Publisher {
    catalog: Catalog,
    lake: Arc<dyn Lake>,
    hold: Hold,
    published: HashMap<String, Published>,
    // Changes up to this snapshot are published.
    known: u64,
    surveyed: Option<Instant>,
    written: Counter,
}

/// Runs until shutdown.
pub async fn run(catalog: Catalog, lake: Arc<dyn Lake>, metrics: Metrics, shutdown: Shutdown) {
    let help = "View files written into the bucket of processed files";
    let written = metrics.counter("rfe_query_views_written", help);
    let hold = Hold::new(catalog.clone());
    let mut publisher =
        Publisher { catalog, lake, hold, published: HashMap::new(), known: 0, surveyed: None, written };
    let mut failing = false;
    while shutdown.sleep(EVERY).await {
        let done = tokio::select! {
            done = publisher.round() => done,
            () = shutdown.begun() => break,
        };
        match done {
            Ok(()) => failing = false,
            Err(error) if failing => tracing::debug!(%error, "views still can't be published"),
            Err(error) => {
                failing = true;
                tracing::warn!(%error, "views can't be published; trying again");
            }
        }
    }
    publisher.hold.release().await;
}

impl Publisher {
    async fn round(&mut self) -> Result<(), QueryError> {
        if !self.hold.keep().await? {
            // Whoever holds it now writes what we then know nothing of.
            (self.known, self.surveyed) = (0, None);
            self.published.clear();
            return Ok(());
        }
        let hold = self.hold.clone();
        hold.while_renewed(self.publish_changes()).await
    }

    async fn publish_changes(&mut self) -> Result<(), QueryError> {
        let changes = self.catalog.changes(self.known).await?;
        let changed = changes.datasets.into_iter().map(|name| (name, Cause::Changed));
        let mut causes = changed.collect::<BTreeMap<_, _>>();
        let mut snapshot = changes.snapshot;
        if self.surveyed.is_none_or(|last| last.elapsed() >= SURVEY) {
            let survey = self.survey().await?;
            snapshot = snapshot.max(survey.snapshot);
            causes.extend(survey.suspects);
            self.surveyed = Some(Instant::now());
        }
        let this = &*self;
        let each = causes.into_iter().map(|(name, cause)| async move {
            let done = this.publish(&name, snapshot, cause).await;
            (name, done)
        });
        let all = futures::stream::iter(each).buffer_unordered(AT_ONCE).collect::<Vec<_>>().await;
        let mut failed = None;
        for (name, done) in all {
            match done {
                Ok(Some(published)) => {
                    self.published.insert(name, published);
                }
                Ok(None) => {
                    self.published.remove(&name);
                }
                Err(error) => failed = Some(error),
            }
        }
        match failed {
            // The same changes come again.
            Some(error) => Err(error),
            None => {
                self.known = changes.snapshot;
                Ok(())
            }
        }
    }
}
