//! The model's sources and compactions: what is declared, deleted, dropped, planned.

use std::collections::{BTreeMap, BTreeSet};

use rfe_model::{SourceSpec, source::Mode};
use rfe_proto::metadata as pb;

use crate::{
    op::{FORMS, SOURCES},
    truth::{Answer, File, Landing, Run, Source, Truth, run},
};

/// So many small files are compacted.
pub const CROWD: u32 = 3;

/// A source as a form declares it.
pub fn spec(name: &str, form: usize) -> SourceSpec {
    let (kind, mode) = FORMS[form];
    let mode = match mode {
        "replace" => Mode::Replace,
        "incremental" => Mode::Incremental,
        _ => Mode::Append,
    };
    SourceSpec { mode, ..SourceSpec::sample(name, kind) }
}

impl Truth {
    /// Declares sources; what is said is each one's name and what became of it.
    pub fn apply(&mut self, forms: &[Option<usize>; 3], prune: bool) -> Vec<(String, String)> {
        let mut said = Vec::new();
        for (name, form) in SOURCES.into_iter().zip(forms).filter_map(|(name, form)| Some((name, (*form)?))) {
            let spec = spec(name, form);
            let action = match self.sources.get(name) {
                None => "created",
                Some(source) if source.is_deleted => "created",
                Some(source) if source.spec == spec => "unchanged",
                Some(_) => "updated",
            };
            if action != "unchanged" {
                self.put(name, spec);
            }
            said.push((name.to_owned(), action.to_owned()));
        }
        for (at, name) in SOURCES.into_iter().enumerate().filter(|_| prune) {
            let is_live = self.sources.get(name).is_some_and(|source| !source.is_deleted);
            if forms[at].is_none() && is_live {
                self.end(name);
                said.push((name.to_owned(), "deleted".to_owned()));
            }
        }
        said
    }

    fn put(&mut self, name: &'static str, spec: SourceSpec) {
        self.revision += 1;
        let source = self.sources.entry(name).or_insert_with(|| new_source(spec.clone()));
        if spec.mode == Mode::Replace || spec.kind != source.spec.kind {
            source.cursor.clear();
        }
        (source.spec, source.revision) = (spec, self.revision);
        (source.is_deleted, source.is_dropped) = (false, false);
    }

    fn end(&mut self, name: &str) {
        self.revision += 1;
        let source = self.sources.get_mut(name).expect("a source that is live");
        source.forget();
        (source.is_deleted, source.revision) = (true, self.revision);
    }

    pub fn delete(&mut self, name: &str) -> Answer<()> {
        if !self.source(name)?.is_deleted {
            self.end(name);
        }
        Ok(())
    }

    /// Drops a dataset; the snapshot that shows it no more.
    pub fn drop(&mut self, name: &str) -> Answer<u64> {
        let Some(source) = self.sources.get_mut(name) else { return Err("no dataset".to_owned()) };
        if !source.is_deleted {
            return Err("dataset in use".to_owned());
        }
        if source.is_dropped {
            return Err("no dataset".to_owned());
        }
        self.snapshot += 1;
        source.forget();
        source.ledger.clear();
        source.end_visible(self.snapshot);
        (source.is_dropped, source.dropped_snapshot) = (true, self.snapshot);
        source.floor = source.versions.last().map_or(0, |version| version.version);
        for run in self.runs.iter_mut().filter(|run| run.source == name && run.is_open()) {
            let state = if run.kind == pb::RunKind::Events { run.state } else { pb::RunState::Cancelled };
            run.end(state);
        }
        self.discard_all(name);
        Ok(self.snapshot)
    }

    /// Plans compactions; the datasets and layers.
    pub fn plan(&mut self) -> Vec<(&'static str, pb::Layer)> {
        let mut planned = Vec::new();
        for (name, source) in &self.sources {
            for layer in [pb::Layer::Processed, pb::Layer::Raw] {
                let mut files: Vec<&File> =
                    source.visible(self.snapshot).filter(|file| file.layer == layer).collect();
                files.sort_by_key(|file| (file.order, file.key.clone()));
                let own: Vec<&Run> = self
                    .runs
                    .iter()
                    .filter(|run| run.source == *name && run.kind == pb::RunKind::Compaction)
                    .collect();
                let is_under_way = own.iter().any(|run| run.layer == layer && run.is_open());
                let has_failed = own.iter().any(|run| run.state == pb::RunState::Failed);
                if files.len() >= CROWD as usize && !is_under_way && !has_failed {
                    let inputs: Vec<String> = files.into_iter().map(|file| file.key.clone()).collect();
                    planned.push((*name, layer, inputs));
                }
            }
        }
        let mut said = Vec::new();
        for (name, layer, inputs) in planned {
            let mut run = run(name, pb::RunKind::Compaction, None);
            (run.inputs, run.layer) = (inputs, layer);
            self.runs.push(run);
            said.push((name, layer));
        }
        said
    }

    // The visible inputs of a compaction.
    fn inputs(&self, run: usize) -> Vec<&File> {
        let run = &self.runs[run];
        let keys: BTreeSet<&String> = run.inputs.iter().collect();
        let visible = self.sources[run.source].visible(self.snapshot);
        visible.filter(|file| file.layer == run.layer && keys.contains(&file.key)).collect()
    }

    /// How many rows the inputs of a compaction hold, as far as they are visible.
    pub fn rows_of_inputs(&self, run: usize) -> i64 {
        self.inputs(run).iter().map(|file| file.rows).sum()
    }

    pub fn claim_compaction(&mut self, run: usize) -> bool {
        if !self.runs[run].is_open() {
            return false;
        }
        let is_whole = self.inputs(run).len() == self.runs[run].inputs.len();
        let run = &mut self.runs[run];
        match is_whole {
            true => run.begin(),
            false => run.end(pb::RunState::Cancelled),
        }
        is_whole
    }

    pub fn commit_compaction(&mut self, landing: Landing) -> Answer<String> {
        let at = landing.run;
        let inputs = self.inputs(at);
        let (count, rows) = (inputs.len(), self.rows_of_inputs(at));
        let order = inputs.iter().map(|file| file.order).max().unwrap_or_default();
        let written: i64 = landing.files.iter().map(|file| file.rows).sum();
        if count != self.runs[at].inputs.len() || written != rows {
            self.runs[at].end(pb::RunState::Cancelled);
            return Err("inputs changed".to_owned());
        }
        self.snapshot += 1;
        let snapshot = self.snapshot;
        let run = &mut self.runs[at];
        let ended: BTreeSet<String> = std::mem::take(&mut run.inputs).into_iter().collect();
        (run.state, run.snapshot) = (pb::RunState::Succeeded, snapshot);
        let (said, name, layer) = (run.say(), run.source, run.layer);
        let source = self.sources.get_mut(name).expect("the source of a run");
        for file in source.files.iter_mut().filter(|file| file.layer == layer && ended.contains(&file.key)) {
            file.end = Some(snapshot);
        }
        source.files.extend(landing.files.into_iter().map(|file| File { begin: snapshot, order, ..file }));
        Ok(said)
    }

    /// The keys that a snapshot shows, by dataset.
    pub fn shown(&self, snapshot: u64) -> BTreeMap<String, BTreeSet<String>> {
        let shown = self
            .sources
            .iter()
            .filter(|(_, source)| !(source.is_dropped && snapshot >= source.dropped_snapshot));
        let keys = |source: &Source| source.visible(snapshot).map(|file| file.key.clone()).collect();
        shown.map(|(name, source)| ((*name).to_owned(), keys(source))).collect()
    }
}

fn new_source(spec: SourceSpec) -> Source {
    Source {
        spec,
        revision: 0,
        is_deleted: false,
        is_dropped: false,
        dropped_snapshot: 0,
        cursor: String::new(),
        read: BTreeSet::new(),
        ledger: BTreeSet::new(),
        versions: Vec::new(),
        floor: 0,
        files: Vec::new(),
    }
}
