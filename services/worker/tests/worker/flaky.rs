//! A lake and a registry that fail when told, and do their work otherwise.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use rfe_lake::{Bucket, Lake, LakeError, LocalLake, ObjectInfo};
use rfe_proto::metadata as pb;
use rfe_registry::{
    Claim, Claimed, Commit, Failure, NewRun, Page, RegistryError, RunFilter, RunStore, SqliteRegistry,
};

/// How often what fails. Clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Flaky(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    puts: AtomicU32,
    lost_commits: AtomicU32,
    stolen: AtomicU32,
    held: AtomicBool,
    far: AtomicBool,
}

impl Flaky {
    /// The next so many puts of files fail.
    pub fn fail_puts(&self, times: u32) {
        self.0.puts.store(times, Ordering::SeqCst);
    }

    /// Puts of files wait as long as this is so.
    pub fn hold_puts(&self, held: bool) {
        self.0.held.store(held, Ordering::SeqCst);
    }

    /// Objects have no local path, as in an S3 lake.
    pub fn move_lake_away(&self) {
        self.0.far.store(true, Ordering::SeqCst);
    }

    /// The next so many commits happen, and their answers are lost.
    pub fn lose_commits(&self, times: u32) {
        self.0.lost_commits.store(times, Ordering::SeqCst);
    }

    /// Right before the next so many commits another worker claims the run.
    pub fn steal_before_commit(&self, times: u32) {
        self.0.stolen.store(times, Ordering::SeqCst);
    }

    /// True once all failures that were asked for have happened.
    pub fn is_spent(&self) -> bool {
        [&self.0.puts, &self.0.lost_commits, &self.0.stolen]
            .iter()
            .all(|count| count.load(Ordering::SeqCst) == 0)
    }
}

fn takes_one(count: &AtomicU32) -> bool {
    count.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
}

#[derive(Debug)]
pub struct FlakyLake {
    pub lake: Arc<LocalLake>,
    pub flaky: Flaky,
}

#[async_trait]
impl Lake for FlakyLake {
    async fn put_file(&self, bucket: Bucket, key: &str, file: &Path, sha256: &str) -> Result<(), LakeError> {
        while self.flaky.0.held.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        if takes_one(&self.flaky.0.puts) {
            return Err(LakeError::Store { key: key.to_owned(), source: "the store is down".into() });
        }
        self.lake.put_file(bucket, key, file, sha256).await
    }

    async fn put(&self, bucket: Bucket, key: &str, bytes: Bytes) -> Result<(), LakeError> {
        self.lake.put(bucket, key, bytes).await
    }

    async fn get(&self, bucket: Bucket, key: &str) -> Result<Bytes, LakeError> {
        self.lake.get(bucket, key).await
    }

    async fn fetch(
        &self,
        bucket: Bucket,
        key: &str,
        to: &Path,
        sha256: Option<&str>,
    ) -> Result<ObjectInfo, LakeError> {
        self.lake.fetch(bucket, key, to, sha256).await
    }

    async fn head(&self, bucket: Bucket, key: &str) -> Result<ObjectInfo, LakeError> {
        self.lake.head(bucket, key).await
    }

    async fn list(
        &self,
        bucket: Bucket,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<ObjectInfo>, LakeError> {
        self.lake.list(bucket, prefix, after, limit).await
    }

    async fn delete(&self, bucket: Bucket, key: &str) -> Result<(), LakeError> {
        self.lake.delete(bucket, key).await
    }

    async fn sweep(&self, older_than: Duration) -> Result<u64, LakeError> {
        self.lake.sweep(older_than).await
    }

    fn local_path(&self, bucket: Bucket, key: &str) -> Option<PathBuf> {
        self.lake.local_path(bucket, key).filter(|_| !self.flaky.0.far.load(Ordering::SeqCst))
    }

    fn url(&self, bucket: Bucket, key: &str) -> String {
        self.lake.url(bucket, key)
    }
}

#[derive(Debug)]
pub struct FlakyRuns {
    pub runs: Arc<SqliteRegistry>,
    pub flaky: Flaky,
}

type Result<T, E = RegistryError> = std::result::Result<T, E>;

#[async_trait]
impl RunStore for FlakyRuns {
    async fn create_run(&self, run: &NewRun) -> Result<(pb::Run, bool)> {
        self.runs.create_run(run).await
    }

    async fn claim(&self, claim: &Claim) -> Result<Claimed> {
        self.runs.claim(claim).await
    }

    async fn register_schema(
        &self,
        run_id: &str,
        epoch: u64,
        columns: &[pb::ObservedColumn],
    ) -> Result<(pb::SchemaVersion, Vec<String>)> {
        self.runs.register_schema(run_id, epoch, columns).await
    }

    async fn commit(&self, commit: &Commit) -> Result<pb::Run> {
        if takes_one(&self.flaky.0.stolen) {
            let run = self.runs.run(&commit.run_id).await?.expect("the run");
            let (source, kind) = (run.source.clone(), run.kind());
            self.runs.claim(&Claim { run_id: run.run_id, source, kind, worker: "other".to_owned() }).await?;
        }
        let done = self.runs.commit(commit).await?;
        if takes_one(&self.flaky.0.lost_commits) {
            return Err(RegistryError::Store("the connection broke".into()));
        }
        Ok(done)
    }

    async fn fail(&self, failure: &Failure) -> Result<pb::Run> {
        self.runs.fail(failure).await
    }

    async fn progress(&self, run_id: &str, epoch: u64, counters: &pb::RunCounters) -> Result<()> {
        self.runs.progress(run_id, epoch, counters).await
    }

    async fn cancel(&self, run_id: &str) -> Result<pb::Run> {
        self.runs.cancel(run_id).await
    }

    async fn run(&self, run_id: &str) -> Result<Option<pb::Run>> {
        self.runs.run(run_id).await
    }

    async fn runs(&self, filter: &RunFilter, page: &Page) -> Result<Vec<pb::Run>> {
        self.runs.runs(filter, page).await
    }

    async fn purge_ledger(&self, before_micros: i64) -> Result<u64> {
        self.runs.purge_ledger(before_micros).await
    }
}
