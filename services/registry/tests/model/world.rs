//! Both registries and the model, step by step.

use std::fmt::Debug;

use rfe_model::{id, letter, letter::Stage};
use rfe_proto::{dlq::DeadLetter, metadata as pb};
use rfe_registry::{
    Claim, Commit, CompactionLimits, Failure, NewRun, Page, RegistryError, conformance::Stores,
};

use crate::{
    answer,
    op::{Content, Op, SOURCES},
    truth::{Answer, File, Landing, Truth, observed, run},
    upkeep::{CROWD, spec},
};

pub const ALL: Page = Page { after: None, limit: 1000 };

type Result<T> = std::result::Result<T, RegistryError>;

pub struct World<'a> {
    pub stores: [Stores<'a>; 2],
    pub truth: Truth,
    /// The ids of each run in both; they differ where the registry makes them.
    pub ids: Vec<[String; 2]>,
    last_commit: Option<([Commit; 2], Landing)>,
}

impl<'a> World<'a> {
    pub fn new(stores: [Stores<'a>; 2]) -> Self {
        Self { stores, truth: Truth::default(), ids: Vec::new(), last_commit: None }
    }

    pub async fn step(&mut self, op: &Op) {
        match op {
            Op::Apply { forms, prune } => self.apply(op, forms, *prune).await,
            Op::Delete { source } => {
                let expected = self.truth.delete(SOURCES[*source]).map(|()| String::new());
                let answers = self.both(async |on, _| on.sources.delete(SOURCES[*source]).await).await;
                self.agree(op, &answers, |()| String::new(), expected);
            }
            Op::Pull { source } => self.create(op, SOURCES[*source], None).await,
            Op::Replay { source, letter } => {
                let source = SOURCES[*source];
                self.create(op, source, Some(letter_id(source, *letter))).await;
            }
            Op::Batch { source } => self.batch(op, SOURCES[*source]).await,
            Op::CommitAgain => self.commit_again(op).await,
            Op::Discard { source, letter } => {
                self.discard(op, &letter_id(SOURCES[*source], *letter)).await;
            }
            Op::Plan => self.plan(op).await,
            Op::Drop { source } => {
                let expected = self.truth.drop(SOURCES[*source]).map(|snapshot| snapshot.to_string());
                let answers = self.both(async |on, _| on.upkeep.drop_dataset(SOURCES[*source]).await).await;
                self.agree(op, &answers, |(_, snapshot)| snapshot.to_string(), expected);
            }
            Op::Resolve { back } => {
                let snapshot = self.truth.snapshot.saturating_sub(*back);
                self.check_snapshot(snapshot).await;
            }
            Op::Claim { run }
            | Op::Register { run, .. }
            | Op::Commit { run, .. }
            | Op::Fail { run, .. }
            | Op::Cancel { run }
            | Op::Checkpoint { run, .. }
            | Op::Checkpoints { run }
            | Op::Unread { run } => {
                if let Some(run) = self.pick(*run) {
                    self.with_run(op, run).await;
                }
            }
        }
    }

    // Mostly one that is open, of them mostly a young one.
    fn pick(&self, number: usize) -> Option<usize> {
        let runs = &self.truth.runs;
        let open: Vec<usize> = (0..runs.len()).filter(|run| runs[*run].is_open()).collect();
        let some = if number % 8 == 0 || open.is_empty() { (0..runs.len()).collect() } else { open };
        let back = (number / 8) % some.len().max(1);
        some.get(some.len().checked_sub(1 + back)?).copied()
    }

    async fn with_run(&mut self, op: &Op, run: usize) {
        match op {
            Op::Claim { .. } => self.claim(op, run).await,
            Op::Register { columns, stale, .. } => self.register(op, run, *columns, *stale).await,
            Op::Commit { commit, .. } => self.commit(op, run, commit).await,
            Op::Fail { again, letters, stale, .. } => self.fail(op, run, *again, *letters, *stale).await,
            Op::Cancel { .. } => {
                let expected = self.truth.cancel(run);
                let answers = self.both(async |on, at| on.runs.cancel(&self.ids[run][at]).await).await;
                self.agree(op, &answers, answer::run, expected);
            }
            Op::Checkpoint { place, count, stale, .. } => {
                self.save_checkpoint(op, run, *place, *count, *stale).await;
            }
            Op::Checkpoints { .. } => self.checkpoints(op, run).await,
            _ => self.unread(op, run).await,
        }
    }

    pub async fn both<T>(&self, call: impl AsyncFn(Stores<'a>, usize) -> Result<T>) -> [Result<T>; 2] {
        [call(self.stores[0], 0).await, call(self.stores[1], 1).await]
    }

    /// Both answered alike, and as the model says.
    fn agree<T: Debug>(
        &self,
        op: &Op,
        answers: &[Result<T>; 2],
        say: impl Fn(&T) -> String,
        expected: Answer<String>,
    ) {
        self.alike(op, answers);
        let expected = expected.unwrap_or_else(|refusal| refusal);
        assert_eq!(answer::verdict(&answers[0], say), expected, "left SQLite, right the model: {op:?}");
    }

    pub fn alike<T: Debug>(&self, what: impl Debug, answers: &[Result<T>; 2]) {
        let [sqlite, postgres] = [0, 1].map(|at| self.named(at, &answer::plain(&answers[at])));
        assert_eq!(sqlite, postgres, "left SQLite, right Postgres: {what:?}");
    }

    /// A text of one of them, with the model's names for runs.
    pub fn named(&self, at: usize, text: &str) -> String {
        let runs = self.ids.iter().enumerate();
        runs.fold(text.to_owned(), |text, (run, ids)| text.replace(&ids[at], &name(run)))
    }

    fn epoch(&self, run: usize, stale: bool) -> u64 {
        self.truth.runs[run].epoch.saturating_sub(u64::from(stale))
    }

    async fn apply(&mut self, op: &Op, forms: &[Option<usize>; 3], prune: bool) {
        let specs = SOURCES.iter().zip(forms).filter_map(|(name, form)| Some(spec(name, (*form)?)));
        let specs: Vec<_> = specs.collect();
        let expected = format!("{:?}", self.truth.apply(forms, prune));
        let answers = self.both(async |on, _| on.sources.apply(&specs, prune).await).await;
        let say = |applied: &Vec<pb::AppliedSource>| {
            let said = applied.iter().map(|one| (one.name.clone(), one.action.clone()));
            format!("{:?}", said.collect::<Vec<_>>())
        };
        self.agree(op, &answers, say, Ok(expected));
    }

    async fn create(&mut self, op: &Op, source: &'static str, letter_id: Option<String>) {
        let kind = if letter_id.is_some() { pb::RunKind::Replay } else { pb::RunKind::Pull };
        let run_id = id::new();
        let new = NewRun {
            run_id: run_id.clone(),
            source: source.to_owned(),
            kind,
            letter_id: letter_id.clone(),
            replay_raw: None,
            scheduled_micros: None,
        };
        let expected = self.truth.create(source, kind, letter_id);
        if let Ok((_, true)) = expected {
            self.ids.push([run_id.clone(), run_id]);
        }
        let answers = self.both(async |on, _| on.runs.create_run(&new).await).await;
        let say = |(run, is_new): &(pb::Run, bool)| format!("{} {is_new}", self.named(0, &run.run_id));
        let expected = expected.map(|(run, is_new)| format!("{} {is_new}", name(run)));
        self.agree(op, &answers, say, expected);
    }

    async fn batch(&mut self, op: &Op, source: &'static str) {
        if let Err(refusal) = self.truth.source(source) {
            let nobody = claim_of(&id::new(), source, pb::RunKind::Events);
            let answers = self.both(async |on, _| on.runs.claim(&nobody).await).await;
            return self.agree(op, &answers, |_| String::new(), Err(refusal));
        }
        let run_id = id::new();
        self.truth.runs.push(run(source, pb::RunKind::Events, None));
        self.ids.push([run_id.clone(), run_id]);
        self.claim(op, self.ids.len() - 1).await;
    }

    async fn claim(&mut self, op: &Op, run: usize) {
        let claimed = self.truth.claim(run);
        let truth = &self.truth.runs[run];
        let (source, kind) = (truth.source, truth.kind);
        let checkpoints = if claimed && kind != pb::RunKind::Events { truth.given() } else { 0 };
        let expected = format!("{claimed} {} with {checkpoints}", truth.say());
        let answers =
            self.both(async |on, at| on.runs.claim(&claim_of(&self.ids[run][at], source, kind)).await).await;
        let say = |claimed: &rfe_registry::Claimed| {
            format!("{} {} with {}", claimed.claimed, answer::run(&claimed.run), claimed.checkpoints)
        };
        self.agree(op, &answers, say, Ok(expected));
        let Ok(answer) = &answers[0] else { return };
        let mut inputs: Vec<String> = answer.inputs.iter().map(|file| self.named(0, &file.key)).collect();
        let mut known = if claimed { self.truth.runs[run].inputs.clone() } else { Vec::new() };
        inputs.sort();
        known.sort();
        assert_eq!(inputs, known, "left SQLite, right the model: inputs of {op:?}");
    }

    async fn register(&mut self, op: &Op, run: usize, columns: u8, stale: bool) {
        let epoch = self.epoch(run, stale);
        let seen = observed(columns);
        let expected = self.truth.register(run, epoch, columns).map(|version| version.to_string());
        let answers =
            self.both(async |on, at| on.runs.register_schema(&self.ids[run][at], epoch, &seen).await).await;
        self.agree(op, &answers, |(schema, _)| schema.version.to_string(), expected);
    }

    async fn commit(&mut self, op: &Op, run: usize, content: &Content) {
        let epoch = self.epoch(run, content.stale);
        let landing = self.landing(run, epoch, content);
        let commits = [0, 1].map(|at| self.commit_of(at, &landing));
        self.last_commit = Some((commits.clone(), landing.clone()));
        self.try_commit(op, &commits, landing).await;
    }

    async fn commit_again(&mut self, op: &Op) {
        if let Some((commits, landing)) = self.last_commit.clone() {
            self.try_commit(op, &commits, landing).await;
        }
    }

    async fn try_commit(&mut self, op: &Op, commits: &[Commit; 2], landing: Landing) {
        let expected = self.truth.commit(landing);
        let answers = self.both(async |on, at| on.runs.commit(&commits[at]).await).await;
        let answers = answers.map(|answer| match answer {
            Err(RegistryError::DuplicateEvents(mut ids)) => {
                ids.sort();
                Err(RegistryError::DuplicateEvents(ids))
            }
            answer => answer,
        });
        self.agree(op, &answers, answer::run, expected);
    }

    fn landing(&self, run: usize, epoch: u64, content: &Content) -> Landing {
        let truth = &self.truth.runs[run];
        let is_compaction = truth.kind == pb::RunKind::Compaction;
        let (rows, layers) = match truth.version {
            _ if is_compaction => {
                (self.truth.rows_of_inputs(run) + i64::from(content.skewed), vec![truth.layer])
            }
            0 => (0, Vec::new()),
            _ => (content.rows, vec![pb::Layer::Raw, pb::Layer::Processed]),
        };
        let file = |layer: pb::Layer| File {
            key: format!(
                "{}/dt=2026-01-01/{}/{epoch}-00000-{}.parquet",
                truth.source,
                name(run),
                layer as i32
            ),
            layer,
            rows,
            begin: 0,
            end: None,
            order: 0,
        };
        let some = |bits: u8, prefix: &str| if is_compaction { Vec::new() } else { named(bits, prefix) };
        Landing {
            run,
            epoch,
            version: truth.version,
            files: if rows > 0 { layers.into_iter().map(file).collect() } else { Vec::new() },
            events: some(content.events, "e"),
            letters: some(content.letters, &format!("{}-", truth.source)),
            cursor: content.cursor.map(|cursor| format!("c{cursor}")),
            files_read: some(content.files_read, "f"),
        }
    }

    fn commit_of(&self, at: usize, landing: &Landing) -> Commit {
        let run_id = &self.ids[landing.run][at];
        let truth = &self.truth.runs[landing.run];
        let file = |file: &File| pb::DataFile {
            key: file.key.replace(&name(landing.run), run_id),
            layer: file.layer.into(),
            rows: file.rows,
            bytes: file.rows * 10,
            schema_version: landing.version,
            raw_columns: if file.layer == pb::Layer::Raw { raw_columns() } else { Vec::new() },
            ..Default::default()
        };
        let landed = match truth.kind {
            pb::RunKind::Compaction => landing.files.iter().map(|file| file.rows).sum(),
            _ => landing.files.first().map_or(0, |file| file.rows),
        };
        let dead = landing.letters.len() as i64;
        let mark = |path: &String| pb::FileMark { path: path.clone(), bytes: 1, version: "v".to_owned() };
        Commit {
            run_id: run_id.clone(),
            epoch: landing.epoch,
            schema_version: landing.version,
            files: landing.files.iter().map(file).collect(),
            event_ids: landing.events.clone(),
            letters: landing.letters.iter().map(|id| letter_of(truth.source, run_id, id)).collect(),
            counters: pb::RunCounters { read: landed + dead, landed, dead, ..Default::default() },
            cursor: landing.cursor.clone(),
            files_read: landing.files_read.iter().map(mark).collect(),
            discarded_columns: Vec::new(),
        }
    }

    async fn fail(&mut self, op: &Op, run: usize, again: bool, letters: u8, stale: bool) {
        let (epoch, source) = (self.epoch(run, stale), self.truth.runs[run].source);
        let letters = named(letters, &format!("{source}-"));
        let expected = self.truth.fail(run, epoch, again, &letters);
        let failure = |run_id: &str| Failure {
            run_id: run_id.to_owned(),
            epoch,
            stage: "read".to_owned(),
            code: "SOURCE_DOWN".to_owned(),
            message: "connection refused".to_owned(),
            next_attempt_micros: again.then_some(1_000_000),
            letters: letters.iter().map(|id| letter_of(source, run_id, id)).collect(),
            counters: pb::RunCounters::default(),
        };
        let answers = self.both(async |on, at| on.runs.fail(&failure(&self.ids[run][at])).await).await;
        self.agree(op, &answers, answer::run, expected);
    }

    async fn save_checkpoint(&mut self, op: &Op, run: usize, place: u64, count: u32, stale: bool) {
        let epoch = self.epoch(run, stale);
        let expected = self.truth.save_checkpoint(run, epoch, place, u64::from(count));
        let (key, sha256) = (format!("checkpoint-{place}"), "00".to_owned());
        let checkpoint = pb::Checkpoint { place, count, key, bytes: 1, sha256, epoch };
        let answers = self
            .both(async |on, at| on.memory.save_checkpoint(&self.ids[run][at], epoch, &checkpoint).await)
            .await;
        self.agree(op, &answers, |()| String::new(), expected.map(|()| String::new()));
    }

    async fn checkpoints(&mut self, op: &Op, run: usize) {
        let truth = &self.truth.runs[run];
        let epoch = truth.epoch;
        let known: Vec<_> =
            truth.checkpoints.iter().map(|(place, (count, epoch))| (*place, *count, *epoch)).collect();
        let expected = truth.check_running(epoch).map(|()| format!("{known:?}"));
        let answers =
            self.both(async |on, at| on.memory.checkpoints(&self.ids[run][at], epoch, &ALL).await).await;
        let say = |found: &Vec<pb::Checkpoint>| {
            let found = found.iter().map(|one| (one.place, u64::from(one.count), one.epoch));
            format!("{:?}", found.collect::<Vec<_>>())
        };
        self.agree(op, &answers, say, expected);
    }

    async fn unread(&mut self, op: &Op, run: usize) {
        let truth = &self.truth.runs[run];
        let (epoch, read) = (truth.epoch, &self.truth.sources[truth.source].read);
        let paths = named(0b1111, "f");
        let places: Vec<u32> =
            (0..).zip(&paths).filter(|(_, path)| !read.contains(*path)).map(|(place, _)| place).collect();
        let expected = truth.check_running(epoch).map(|()| format!("{places:?}"));
        let files: Vec<pb::FileMark> = paths
            .iter()
            .map(|path| pb::FileMark { path: path.clone(), bytes: 1, version: "v".to_owned() })
            .collect();
        let answers =
            self.both(async |on, at| on.memory.unread(&self.ids[run][at], epoch, &files).await).await;
        self.agree(op, &answers, |places| format!("{places:?}"), expected);
    }

    async fn discard(&mut self, op: &Op, id: &str) {
        let expected = match self.truth.letters.get_mut(id) {
            None => Err("no letter".to_owned()),
            Some(letter) if letter.state == "replayed" => Err("letter is replayed".to_owned()),
            Some(letter) => {
                letter.state = "discarded";
                Ok("discarded".to_owned())
            }
        };
        let answers = self.both(async |on, _| on.letters.discard(id, "no use", "somebody").await).await;
        self.agree(op, &answers, |letter| letter.state.clone(), expected);
    }

    async fn plan(&mut self, op: &Op) {
        let expected = self.truth.plan();
        let limits =
            CompactionLimits { files: CROWD, small_bytes: 1 << 20, target_bytes: 1 << 30, inputs: 1000 };
        let answers = self.both(async |on, _| on.upkeep.plan_compactions(&limits).await).await;
        let [Ok(sqlite), Ok(postgres)] = &answers else { panic!("{answers:?}") };
        assert_eq!((sqlite.len(), postgres.len()), (expected.len(), expected.len()), "{answers:?}");
        for (one, other) in sqlite.iter().zip(postgres) {
            self.ids.push([one.run.run_id.clone(), other.run.run_id.clone()]);
        }
        let say = |planned: &Vec<rfe_registry::PlannedCompaction>| {
            let said = planned.iter().map(|one| (one.run.source.as_str(), one.inputs));
            format!("{:?}", said.collect::<Vec<_>>())
        };
        let from = self.truth.runs.len() - expected.len();
        let inputs = self.truth.runs[from..].iter().map(|run| (run.source, run.inputs.len() as u32));
        let expected = format!("{:?}", inputs.collect::<Vec<_>>());
        self.agree(op, &answers, say, Ok(expected));
    }
}

/// The model's name of a run.
pub fn name(run: usize) -> String {
    format!("<run {run}>")
}

fn letter_id(source: &str, number: u8) -> String {
    format!("{source}-{number}")
}

// A name a bit.
fn named(bits: u8, prefix: &str) -> Vec<String> {
    (0..8).filter(|bit| bits >> bit & 1 == 1).map(|bit| format!("{prefix}{bit}")).collect()
}

fn claim_of(run_id: &str, source: &str, kind: pb::RunKind) -> Claim {
    Claim { run_id: run_id.to_owned(), source: source.to_owned(), kind, worker: "w1".to_owned() }
}

fn raw_columns() -> Vec<pb::Column> {
    vec![pb::Column { id: 1, name: "a".to_owned(), r#type: "VARCHAR".to_owned(), ..Default::default() }]
}

fn letter_of(source: &str, run_id: &str, id: &str) -> DeadLetter {
    let kind = if id.ends_with("-0") { "job" } else { "record" };
    DeadLetter {
        id: id.to_owned(),
        kind: kind.to_owned(),
        raw_base64: b"1;2;3".to_vec(),
        ..letter::of_job(source, run_id, Stage::Decode, "RAGGED_ROW", "3 fields, not 2", 1)
    }
}
