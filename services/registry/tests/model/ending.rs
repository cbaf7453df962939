//! What both show when all is done.

use std::collections::{BTreeMap, BTreeSet};

use rfe_proto::{dlq::DeadLetterFilter, metadata as pb};
use rfe_registry::{Resolved, RunFilter};

use crate::{
    answer,
    op::SOURCES,
    world::{ALL, World},
};

/// Ages of `freshness` are those of the moment.
const TABLES: [&str; 6] = [
    "data_files",
    "ingestion_failures",
    "ingestion_run_summary",
    "ingestion_runs",
    "ingestion_schemas",
    "sources",
];

impl World<'_> {
    pub async fn check_ending(&self) {
        for back in 0..4 {
            self.check_snapshot(self.truth.snapshot.saturating_sub(back * back)).await;
        }
        self.check_runs().await;
        self.check_letters().await;
        let sources = self.both(async |on, _| on.sources.sources(&ALL, true).await).await;
        self.alike("sources", &sources);
        let [Ok((sources, revision)), _] = sources else { panic!("sources can be read") };
        let known = self.truth.sources.iter().map(|(name, of)| (*name, of.cursor.as_str(), of.is_deleted));
        let shown =
            sources.iter().map(|of| (of.name.as_str(), of.cursor.as_str(), of.deleted_time.is_some()));
        assert!(shown.eq(known), "{sources:?} and {:?}", self.truth.sources);
        assert_eq!(revision, self.truth.revision);
        for after in [0, self.truth.snapshot / 2] {
            let changes = self.both(async |on, _| on.catalog.changes(after).await).await;
            self.alike(("changes", after), &changes);
        }
        for table in TABLES {
            let rows = self.both(async |on, _| on.catalog.scan(table).await).await;
            self.alike(table, &rows);
        }
    }

    /// Both show the same at a snapshot, and the files that the model shows.
    pub async fn check_snapshot(&self, snapshot: u64) {
        let names = SOURCES.map(str::to_owned);
        let resolved = self.both(async |on, _| on.catalog.resolve(snapshot, &names, false).await).await;
        self.alike(("resolve", snapshot), &resolved);
        let Ok(resolved) = &resolved[0] else { panic!("snapshot {snapshot} is refused: {resolved:?}") };
        // 0 is the newest.
        let asked = if snapshot == 0 { self.truth.snapshot } else { snapshot };
        assert_eq!(resolved.snapshot, asked);
        assert_eq!(self.keys(resolved), self.truth.shown(asked), "left SQLite, right the model: {asked}");
    }

    fn keys(&self, resolved: &Resolved) -> BTreeMap<String, BTreeSet<String>> {
        let keys = |of: &pb::ResolvedDataset| {
            let files = of.raw.iter().chain(&of.processed);
            files.map(|file| self.named(0, &file.key)).collect()
        };
        let name = |of: &pb::ResolvedDataset| of.dataset.clone().unwrap_or_default().name;
        resolved.datasets.iter().map(|of| (name(of), keys(of))).collect()
    }

    async fn check_runs(&self) {
        for (run, truth) in self.truth.runs.iter().enumerate() {
            let answers = self.both(async |on, at| on.runs.run(&self.ids[run][at]).await).await;
            self.alike(("run", run), &answers);
            let [Ok(Some(found)), _] = answers else { panic!("run {run} is gone: {answers:?}") };
            assert_eq!(answer::run(&found), truth.say(), "left SQLite, right the model: run {run}");
        }
        for kinds in [Vec::new(), vec![pb::RunKind::Compaction]] {
            let filter = RunFilter { kinds, ..RunFilter::default() };
            let answers = self.both(async |on, _| on.runs.runs(&filter, &ALL).await).await;
            self.alike(&filter, &answers);
        }
    }

    async fn check_letters(&self) {
        let filter = DeadLetterFilter::default();
        let answers = self.both(async |on, _| on.letters.letters(&filter, &ALL).await).await;
        self.alike("letters", &answers);
        let [Ok(letters), _] = answers else { panic!("letters can be read") };
        let shown: BTreeMap<_, _> =
            letters.iter().map(|one| (one.id.clone(), (one.state.clone(), one.attempts))).collect();
        let known = self.truth.letters.iter();
        let known: BTreeMap<_, _> =
            known.map(|(id, one)| (id.clone(), (one.state.to_owned(), one.attempts))).collect();
        assert_eq!(shown, known, "left SQLite, right the model");
    }
}
