//! The model: what a registry is, in a few maps.

use std::collections::{BTreeMap, BTreeSet};

use rfe_model::{
    SourceSpec,
    schema::{Reach, settle},
    source::Mode,
};
use rfe_proto::metadata as pb;

use crate::op::COLUMNS;

/// What would be said.
pub type Answer<T> = Result<T, String>;

#[derive(Debug, Default)]
pub struct Truth {
    pub sources: BTreeMap<&'static str, Source>,
    /// In the order in which they were made.
    pub runs: Vec<Run>,
    pub letters: BTreeMap<String, Letter>,
    pub snapshot: u64,
    pub revision: u64,
}

#[derive(Debug)]
pub struct Source {
    pub spec: SourceSpec,
    pub revision: u64,
    pub is_deleted: bool,
    pub is_dropped: bool,
    pub dropped_snapshot: u64,
    pub cursor: String,
    pub read: BTreeSet<String>,
    pub ledger: BTreeSet<String>,
    pub versions: Vec<pb::SchemaVersion>,
    /// Versions up to this one are of a dropped dataset.
    pub floor: u32,
    pub files: Vec<File>,
}

#[derive(Debug, Clone)]
pub struct File {
    pub key: String,
    pub layer: pb::Layer,
    pub rows: i64,
    pub begin: u64,
    pub end: Option<u64>,
    pub order: u64,
}

#[derive(Debug)]
pub struct Run {
    pub source: &'static str,
    pub kind: pb::RunKind,
    pub state: pb::RunState,
    pub epoch: u64,
    pub attempts: u32,
    pub snapshot: u64,
    pub letter: Option<String>,
    /// The source as its latest claim found it: mode, revision and cursor.
    pub claimed: Option<(Mode, u64, String)>,
    /// Place, count and epoch.
    pub checkpoints: BTreeMap<u64, (u64, u64)>,
    /// The version that it registered last.
    pub version: u32,
    /// Of a compaction that is open.
    pub inputs: Vec<String>,
    pub layer: pb::Layer,
}

#[derive(Debug)]
pub struct Letter {
    pub source: &'static str,
    pub is_of_job: bool,
    pub state: &'static str,
    pub attempts: u32,
}

/// A commit as the model sees it.
#[derive(Debug, Clone)]
pub struct Landing {
    pub run: usize,
    pub epoch: u64,
    pub version: u32,
    pub files: Vec<File>,
    pub events: Vec<String>,
    pub letters: Vec<String>,
    pub cursor: Option<String>,
    pub files_read: Vec<String>,
}

impl Run {
    pub fn is_open(&self) -> bool {
        use pb::RunState::{Queued, Retrying, Running};
        matches!(self.state, Queued | Running | Retrying)
    }

    pub fn check_running(&self, epoch: u64) -> Answer<()> {
        if self.state == pb::RunState::Running && self.epoch == epoch { Ok(()) } else { Err(self.stale()) }
    }

    pub fn begin(&mut self) {
        self.state = pb::RunState::Running;
        self.epoch += 1;
        self.attempts += 1;
    }

    /// How many checkpoints a claim finds.
    pub fn given(&self) -> u64 {
        self.checkpoints.iter().map(|(place, (count, _))| place + count).max().unwrap_or(0)
    }

    fn stale(&self) -> String {
        format!("stale: {} at {}", format!("{:?}", self.state).to_lowercase(), self.epoch)
    }

    pub fn end(&mut self, state: pb::RunState) {
        self.state = state;
        self.epoch += 1;
        self.checkpoints.clear();
        self.inputs.clear();
    }

    pub fn say(&self) -> String {
        let Self { state, epoch, attempts, snapshot, .. } = self;
        format!("{state:?} at {epoch}, attempt {attempts}, snapshot {snapshot}")
    }
}

impl Source {
    pub fn newest(&self) -> Option<&pb::SchemaVersion> {
        self.versions.last().filter(|version| version.version > self.floor)
    }

    pub fn forget(&mut self) {
        self.cursor.clear();
        self.read.clear();
    }

    pub fn visible(&self, snapshot: u64) -> impl Iterator<Item = &File> {
        self.files
            .iter()
            .filter(move |file| file.begin <= snapshot && file.end.is_none_or(|end| end > snapshot))
    }

    pub fn end_visible(&mut self, snapshot: u64) {
        self.files.iter_mut().filter(|file| file.end.is_none()).for_each(|file| file.end = Some(snapshot));
    }
}

impl Truth {
    pub fn source(&self, name: &str) -> Answer<&Source> {
        self.sources.get(name).ok_or_else(|| "no source".to_owned())
    }

    pub fn live(&self, name: &str) -> Answer<&Source> {
        let source = self.source(name)?;
        if source.is_deleted { Err("source deleted".to_owned()) } else { Ok(source) }
    }

    /// The letters' state, for a replay of this source.
    pub fn open_letter(&self, id: &str, source: &str) -> Answer<()> {
        match self.letters.get(id).filter(|letter| letter.source == source) {
            None => Err("no letter".to_owned()),
            Some(letter) if letter.state == "open" => Ok(()),
            Some(letter) => Err(format!("letter is {}", letter.state)),
        }
    }

    /// True if the run reads the whole source.
    pub fn reads_source(&self, run: &Run) -> bool {
        match (run.kind, &run.letter) {
            (pb::RunKind::Pull, _) => true,
            (pb::RunKind::Replay, Some(letter)) => self.letters[letter].is_of_job,
            _ => false,
        }
    }

    fn replaces(&self, run: &Run) -> bool {
        self.reads_source(run) && run.claimed.as_ref().is_some_and(|(mode, ..)| *mode == Mode::Replace)
    }

    /// Makes a run, or says which is the answer.
    pub fn create(
        &mut self,
        source: &'static str,
        kind: pb::RunKind,
        letter: Option<String>,
    ) -> Answer<(usize, bool)> {
        self.live(source)?;
        let standing = self.runs.iter().position(|run| match &letter {
            Some(_) => run.is_open() && run.letter == letter,
            None => run.state == pb::RunState::Queued && run.kind == kind && run.source == source,
        });
        if let Some(standing) = standing {
            return Ok((standing, false));
        }
        if let Some(letter) = &letter {
            self.open_letter(letter, source)?;
        }
        self.runs.push(run(source, kind, letter));
        Ok((self.runs.len() - 1, true))
    }

    /// Claims a run that there is; false if it has ended.
    pub fn claim(&mut self, run: usize) -> bool {
        if self.runs[run].kind == pb::RunKind::Compaction {
            return self.claim_compaction(run);
        }
        if !self.runs[run].is_open() {
            return false;
        }
        let source = &self.sources[self.runs[run].source];
        let found = (source.spec.mode, source.revision, source.cursor.clone());
        let run = &mut self.runs[run];
        run.begin();
        if run.kind != pb::RunKind::Events {
            let is_same = run
                .claimed
                .as_ref()
                .is_some_and(|(_, revision, cursor)| (*revision, cursor) == (found.1, &found.2));
            if !is_same {
                run.checkpoints.clear();
            }
            run.claimed = Some(found);
        }
        true
    }

    /// Registers columns, bit by bit.
    pub fn register(&mut self, run: usize, epoch: u64, columns: u8) -> Answer<u32> {
        self.runs[run].check_running(epoch)?;
        let whole = self.replaces(&self.runs[run]);
        let source = self.sources.get_mut(self.runs[run].source).expect("the source of a run");
        let reach = if whole { Reach::Whole } else { Reach::Part };
        let current = source.newest().cloned();
        let settled = settle(&source.spec, current.as_ref(), &observed(columns), reach).expect("it evolves");
        let version = match current {
            Some(current) if current.hash == settled.hash => current.version,
            current => {
                let version = current.map_or(source.floor, |current| current.version) + 1;
                let (columns, hash) = (settled.columns, settled.hash);
                source.versions.push(pb::SchemaVersion { version, columns, hash, ..Default::default() });
                version
            }
        };
        self.runs[run].version = version;
        Ok(version)
    }

    pub fn commit(&mut self, landing: Landing) -> Answer<String> {
        let run = &self.runs[landing.run];
        if run.state == pb::RunState::Succeeded && run.epoch == landing.epoch {
            return Ok(run.say());
        }
        run.check_running(landing.epoch)?;
        if run.kind == pb::RunKind::Compaction {
            return self.commit_compaction(landing);
        }
        self.check(&landing)?;
        let run = &self.runs[landing.run];
        let (name, letter) = (run.source, run.letter.clone());
        let (reads, replaces) = (self.reads_source(run), self.replaces(run));
        let is_events = run.kind == pb::RunKind::Events;
        self.snapshot += 1;
        let snapshot = self.snapshot;
        let source = self.sources.get_mut(name).expect("the source of a run");
        source.ledger.extend(landing.events);
        if reads {
            if replaces {
                source.forget();
            } else if let Some(cursor) = landing.cursor {
                source.cursor = cursor;
            }
            source.read.extend(landing.files_read);
        }
        if replaces {
            source.end_visible(snapshot);
        }
        let begun = |file| File { begin: snapshot, order: snapshot, ..file };
        source.files.extend(landing.files.into_iter().map(begun));
        source.is_dropped = false;
        if let Some(letter) = letter {
            self.letters.get_mut(&letter).expect("a replayed letter").state = "replayed";
        }
        if replaces {
            self.discard_all(name);
        }
        self.put_letters(name, &landing.letters);
        let run = &mut self.runs[landing.run];
        (run.state, run.snapshot) = (pb::RunState::Succeeded, snapshot);
        if !is_events {
            run.checkpoints.clear();
        }
        Ok(run.say())
    }

    fn check(&self, landing: &Landing) -> Answer<()> {
        let run = &self.runs[landing.run];
        let source = &self.sources[run.source];
        let is_known = match landing.version {
            0 => true,
            of => of > source.floor && source.versions.iter().any(|version| version.version == of),
        };
        if !is_known {
            return Err("no such version".to_owned());
        }
        let known: Vec<&String> = landing.events.iter().filter(|id| source.ledger.contains(*id)).collect();
        if !known.is_empty() {
            return Err(format!("landed before: {known:?}"));
        }
        if self.reads_source(run) && !self.replaces(run) {
            let moved = run.claimed.as_ref().is_some_and(|(.., cursor)| *cursor != source.cursor);
            let is_read = landing.files_read.iter().any(|file| source.read.contains(file));
            if landing.cursor.is_some() && moved || is_read {
                return Err("already read".to_owned());
            }
        }
        run.letter.as_ref().map_or(Ok(()), |letter| self.open_letter(letter, run.source))
    }

    pub fn discard_all(&mut self, source: &str) {
        let open =
            self.letters.values_mut().filter(|letter| letter.source == source && letter.state == "open");
        open.for_each(|letter| letter.state = "discarded");
    }

    fn put_letters(&mut self, source: &'static str, ids: &[String]) {
        for id in ids {
            let is_of_job = id.ends_with("-0");
            let new = || Letter { source, is_of_job, state: "open", attempts: 0 };
            let letter = self.letters.entry(id.clone()).or_insert_with(new);
            (letter.state, letter.attempts) = ("open", letter.attempts + 1);
        }
    }

    pub fn fail(&mut self, run: usize, epoch: u64, again: bool, letters: &[String]) -> Answer<String> {
        use pb::RunState::{Failed, Retrying};
        let found = &self.runs[run];
        if matches!(found.state, Failed | Retrying) && found.epoch == epoch + 1 {
            return Ok(found.say());
        }
        found.check_running(epoch)?;
        let (source, kind, own) = (found.source, found.kind, found.letter.clone());
        if kind != pb::RunKind::Compaction {
            let closed = own.filter(|own| self.letters[own].state != "open");
            let kept: Vec<String> =
                letters.iter().filter(|id| closed.as_ref() != Some(*id)).cloned().collect();
            self.put_letters(source, &kept);
        }
        let run = &mut self.runs[run];
        match again {
            true => (run.state, run.epoch) = (Retrying, run.epoch + 1),
            false => run.end(Failed),
        }
        Ok(run.say())
    }

    pub fn cancel(&mut self, run: usize) -> Answer<String> {
        use pb::RunState::{Cancelled, Failed, Succeeded};
        let run = &mut self.runs[run];
        if run.kind == pb::RunKind::Events || matches!(run.state, Succeeded | Failed) {
            return Err("not cancellable".to_owned());
        }
        if run.state != Cancelled {
            run.end(Cancelled);
        }
        Ok(run.say())
    }

    pub fn save_checkpoint(&mut self, run: usize, epoch: u64, place: u64, count: u64) -> Answer<()> {
        let run = &mut self.runs[run];
        run.check_running(epoch)?;
        run.checkpoints.retain(|at, (_, of)| *at < place || *of >= epoch);
        for (at, (count, of)) in &mut run.checkpoints {
            if *at < place && *at + *count > place && *of < epoch {
                *count = place - *at;
            }
        }
        run.checkpoints.insert(place, (count, epoch));
        Ok(())
    }
}

/// A new run.
pub fn run(source: &'static str, kind: pb::RunKind, letter: Option<String>) -> Run {
    Run {
        source,
        kind,
        state: pb::RunState::Queued,
        epoch: 0,
        attempts: 0,
        snapshot: 0,
        letter,
        claimed: None,
        checkpoints: BTreeMap::new(),
        version: 0,
        inputs: Vec::new(),
        layer: pb::Layer::Unspecified,
    }
}

/// The columns that the bits name.
pub fn observed(columns: u8) -> Vec<pb::ObservedColumn> {
    let named = COLUMNS.iter().enumerate().filter(|(bit, _)| columns >> bit & 1 == 1);
    named
        .map(|(_, (name, kind))| pb::ObservedColumn {
            name: (*name).to_owned(),
            r#type: (*kind).to_owned(),
            exceeds_double: false,
        })
        .collect()
}
