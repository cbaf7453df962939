//! One of the two registries, and how operations are done on it.

use std::{collections::BTreeSet, time::Duration};

use rfe_model::{SourceSpec, time};
use rfe_proto::metadata as pb;
use rfe_registry::{
    Claim, Commit, CompactionLimits, Failure, NewRun, OrphanAge, RegistryError, conformance::Stores,
};

use crate::{
    answer::Answer,
    model::{KINDS, Model, SOURCES, Seen},
    operation::{How, Operation},
};

const LIMITS: CompactionLimits =
    CompactionLimits { files: 2, small_bytes: 1 << 30, target_bytes: 1 << 40, inputs: 100 };
const DAY: i64 = 86_400_000_000;

/// One registry.
#[derive(Debug)]
pub struct Side<'a> {
    stores: Stores<'a>,
    // Keys of files that were ever sent, committed or not.
    sent: BTreeSet<(String, String)>,
}

impl<'a> Side<'a> {
    pub fn new(stores: Stores<'a>) -> Self {
        Self { stores, sent: BTreeSet::new() }
    }

    /// Does it.
    pub async fn does(&mut self, operation: &Operation, model: &Model) -> Answer {
        let stores = self.stores;
        match operation {
            Operation::Declare { source } => {
                let spec = SourceSpec::sample(SOURCES[*source], KINDS[*source]);
                stores.sources.apply(&[spec], false).await.map(|_| ()).into()
            }
            Operation::Delete { source } => stores.sources.delete(SOURCES[*source]).await.into(),
            Operation::Create { source } => match stores.runs.create_run(&model.next_run(*source)).await {
                Ok((run, created)) => Answer::All(vec![run.into(), Answer::Count(u64::from(created))]),
                Err(error) => error.into(),
            },
            Operation::Claim { run } => match model.run(*run) {
                Some(run) => self.claim(&run.run_id, &run.source, run.kind).await,
                None => Answer::Done,
            },
            Operation::Batch { source } => {
                let run = model.next_run(*source);
                self.claim(&run.run_id, &run.source, pb::RunKind::Events).await
            }
            Operation::Commit { run, rows, ids, how } => match model.run(*run) {
                Some(run) => self.commit(&run, *rows, ids, *how).await,
                None => Answer::Done,
            },
            Operation::Repeat { run } => match model.run(*run).and_then(|run| run.committed) {
                Some((rows, ids)) => {
                    let run = model.run(*run).expect("found before");
                    self.commit(&run, rows, &ids, How::Right).await
                }
                None => Answer::Done,
            },
            Operation::Fail { run, gives_up } => match model.run(*run) {
                Some(run) => stores.runs.fail(&failure(&run.run_id, run.epoch, *gives_up)).await.into(),
                None => Answer::Done,
            },
            Operation::Cancel { run } => match model.run(*run) {
                Some(run) => stores.runs.cancel(&run.run_id).await.into(),
                None => Answer::Done,
            },
            Operation::Compact { short, between } => self.compact(*short, *between, model).await,
            Operation::Retire => {
                stores.upkeep.retire_files(time::now_micros() + DAY, Duration::ZERO).await.into()
            }
            Operation::Drop { source } => {
                stores.upkeep.drop_dataset(SOURCES[*source]).await.map(|(_, snapshot)| snapshot).into()
            }
            Operation::Collect => self.collect().await,
        }
    }

    async fn claim(&self, run_id: &str, source: &str, kind: pb::RunKind) -> Answer {
        let claim =
            Claim { run_id: run_id.to_owned(), source: source.to_owned(), kind, worker: "worker".to_owned() };
        match self.stores.runs.claim(&claim).await {
            Ok(claimed) => Answer::Claimed { epoch: claimed.run.epoch, claimed: claimed.claimed },
            Err(error) => error.into(),
        }
    }

    async fn commit(&mut self, run: &crate::model::Known, rows: i64, ids: &[u8], how: How) -> Answer {
        let epoch = if how == How::Stale { run.epoch.wrapping_sub(1) } else { run.epoch };
        let column = pb::ObservedColumn { name: "id".into(), r#type: "BIGINT".into(), exceeds_double: false };
        let registered = self.stores.runs.register_schema(&run.run_id, epoch, &[column]).await;
        let version = registered.map_or(1, |(version, _)| version.version);
        let layers = if rows == 0 { &[][..] } else { &[pb::Layer::Raw, pb::Layer::Processed] };
        let files: Vec<_> =
            layers.iter().map(|layer| file(&run.source, &run.run_id, epoch, *layer, rows)).collect();
        self.note(&files);
        let mut event_ids: Vec<String> = ids.iter().map(|id| format!("e{id}")).collect();
        event_ids.sort_unstable();
        event_ids.dedup();
        let read = if how == How::Unbalanced { rows + 1 } else { rows };
        let commit = Commit {
            run_id: run.run_id.clone(),
            epoch,
            schema_version: if rows == 0 { 0 } else { version },
            files,
            event_ids,
            letters: Vec::new(),
            counters: pb::RunCounters { read, landed: rows, ..Default::default() },
            cursor: None,
            files_read: Vec::new(),
            discarded_columns: Vec::new(),
        };
        self.stores.runs.commit(&commit).await.into()
    }

    async fn compact(&mut self, short: bool, between: Option<usize>, model: &Model) -> Answer {
        let mut planned = match self.stores.upkeep.plan_compactions(&LIMITS).await {
            Ok(planned) => planned,
            Err(error) => return error.into(),
        };
        planned.sort_by(|a, b| (&a.run.source, a.inputs).cmp(&(&b.run.source, b.inputs)));
        let mut claimed = Vec::new();
        for plan in planned {
            let claim = Claim {
                run_id: plan.run.run_id.clone(),
                source: plan.run.source.clone(),
                kind: pb::RunKind::Compaction,
                worker: "compactor".to_owned(),
            };
            claimed.push(self.stores.runs.claim(&claim).await.expect("a compaction is claimed"));
        }
        claimed.sort_by_key(|claim| {
            (claim.run.source.clone(), claim.inputs.first().map_or(0, |file| file.layer))
        });
        let mut answers = Vec::new();
        if let Some(source) = between {
            let run = model.next_run(source);
            if let Ok((run, true)) = self.stores.runs.create_run(&run).await {
                let known = crate::model::Known::fresh(&run, 1);
                answers.push(self.claim(&known.run_id, &known.source, known.kind).await);
                answers.push(self.commit(&known, 2, &[], How::Right).await);
            }
        }
        for claim in claimed {
            let rows: i64 = claim.inputs.iter().map(|file| file.rows).sum();
            let layer = claim.inputs.first().map(pb::DataFile::layer).unwrap_or_default();
            let rows = if short { rows - 1 } else { rows };
            let written = file(&claim.run.source, &claim.run.run_id, claim.run.epoch, layer, rows);
            self.note(std::slice::from_ref(&written));
            let commit = Commit {
                run_id: claim.run.run_id.clone(),
                epoch: claim.run.epoch,
                schema_version: claim.schema.map_or(0, |schema| schema.version),
                files: vec![written],
                event_ids: Vec::new(),
                letters: Vec::new(),
                counters: pb::RunCounters { read: rows, landed: rows, ..Default::default() },
                cursor: None,
                files_read: Vec::new(),
                discarded_columns: Vec::new(),
            };
            answers.push(Answer::Count(claim.inputs.len() as u64));
            answers.push(self.stores.runs.commit(&commit).await.into());
        }
        Answer::All(answers)
    }

    // Long after everything: what is open has been silent for a day.
    async fn collect(&self) -> Answer {
        let now = time::now_micros();
        let upkeep = self.stores.upkeep;
        for bucket in ["raw", "processed"] {
            let keys: Vec<String> =
                self.sent.iter().filter(|(of, _)| of == bucket).map(|(_, key)| key.clone()).collect();
            if let Err(error) = upkeep.mark_orphans(bucket, &keys, now).await {
                return error.into();
            }
        }
        let age = OrphanAge { marked_before: now + DAY, heard_before: now + DAY };
        match upkeep.doom_orphans(age, 10_000).await {
            Ok((settled, doomed)) => Answer::All(vec![Answer::Count(settled), Answer::Count(doomed)]),
            Err(error) => error.into(),
        }
    }

    fn note(&mut self, files: &[pb::DataFile]) {
        for file in files {
            let bucket = if file.layer() == pb::Layer::Raw { "raw" } else { "processed" };
            self.sent.insert((bucket.to_owned(), file.key.clone()));
        }
    }

    /// What anybody can see: snapshots with the rows of each dataset, and the runs that the model knows.
    pub async fn sees(&self, model: &Model) -> Seen {
        let catalog = self.stores.catalog;
        let newest = catalog.snapshot().await.expect("snapshot");
        let doomed: BTreeSet<_> =
            self.stores.upkeep.doomed(100_000).await.expect("doomed").into_iter().collect();
        let mut rows = Vec::new();
        for snapshot in model.remembered().chain([newest]) {
            for name in SOURCES {
                let seen = match catalog.resolve(snapshot.max(1), &[name.to_owned()], false).await {
                    Ok(resolved) => resolved.datasets.first().map(|found| {
                        let files = found.processed.iter().chain(&found.raw);
                        for file in files.clone() {
                            let bucket = if file.layer() == pb::Layer::Raw { "raw" } else { "processed" };
                            let object =
                                rfe_registry::LakeObject { bucket: bucket.to_owned(), key: file.key.clone() };
                            assert!(!doomed.contains(&object), "a visible file is doomed: {object:?}");
                        }
                        let sum = |files: &[pb::DataFile]| files.iter().map(|file| file.rows).sum::<i64>();
                        assert_eq!(sum(&found.processed), sum(&found.raw), "raw is what main shows");
                        Ok((sum(&found.processed), files.count()))
                    }),
                    Err(RegistryError::SnapshotExpired { .. }) => Some(Err(())),
                    Err(error) => panic!("{error:?}"),
                };
                rows.push((snapshot, name, seen));
            }
        }
        let mut runs = Vec::new();
        for known in model.runs() {
            let run = self.stores.runs.run(&known.run_id).await.expect("run");
            runs.push(run.map(|run| (run.state(), run.epoch)));
        }
        Seen { newest, rows, runs }
    }
}

fn file(source: &str, run_id: &str, epoch: u64, layer: pb::Layer, rows: i64) -> pb::DataFile {
    pb::DataFile {
        key: format!("{source}/dt=2026-01-01/{run_id}/{epoch}-00000-{}.parquet", layer as i32),
        layer: layer.into(),
        rows,
        bytes: 10 * rows,
        raw_columns: if layer == pb::Layer::Raw {
            vec![pb::Column { name: "id".into(), r#type: "VARCHAR".into(), ..Default::default() }]
        } else {
            Vec::new()
        },
        ..Default::default()
    }
}

fn failure(run_id: &str, epoch: u64, gives_up: bool) -> Failure {
    Failure {
        run_id: run_id.to_owned(),
        epoch,
        stage: "read".to_owned(),
        code: "SOURCE_DOWN".to_owned(),
        message: "connection refused".to_owned(),
        next_attempt_micros: (!gives_up).then(|| time::now_micros() + DAY),
        letters: Vec::new(),
        counters: pb::RunCounters::default(),
    }
}

/// A run to make.
pub fn new_run(run_id: String, source: &str) -> NewRun {
    NewRun {
        run_id,
        source: source.to_owned(),
        kind: pb::RunKind::Pull,
        letter_id: None,
        replay_raw: None,
        scheduled_micros: None,
    }
}
