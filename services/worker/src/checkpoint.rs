//! Checkpoints of a reader go to the lake and are noted in the registry beside the reading, so that the run's next attempt
//! goes on behind them.

use std::{path::PathBuf, sync::Arc, time::Duration};

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _};
use rfe_lake::{Bucket, Lake, LakeError};
use rfe_model::{id::sha256_hex, key, letter::Stage as At};
use rfe_proto::metadata::{Checkpoint, SaveCheckpointRequest};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    task::JoinHandle,
};

use crate::{
    attempt::Attempt,
    failure::{Stop, busy},
    frames,
    steps::Steps,
    worker::Worker,
};

/// KiB of checkpoints that may wait; the reading waits beyond.
const LAG_KIB: u32 = 64 << 10;
/// Bytes after which an object ends.
const OBJECT_BYTES: usize = 16 << 20;
/// Checkpoints after which an object ends.
const OBJECT_COUNT: usize = 1_000;
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(200);
const DELETES_AT_ONCE: usize = 8;
const LISTED: usize = 1_000;

/// The checkpoints of an attempt. Nothing happens before the first.
#[derive(Debug, Default)]
pub(crate) struct Checkpoints(Option<Saver>);

#[derive(Debug)]
struct Saver {
    waiting: Option<mpsc::UnboundedSender<Waiting>>,
    room: Arc<Semaphore>,
    /// `None` once its end was told.
    task: Option<JoinHandle<Result<(), Stop>>>,
}

#[derive(Debug)]
struct Waiting {
    checkpoint: Bytes,
    _room: OwnedSemaphorePermit,
}

impl Checkpoints {
    /// Takes one to be saved, behind those before it. An error is that of an earlier one that could not be saved.
    pub async fn add(&mut self, attempt: &Attempt, checkpoint: Bytes) -> Result<(), Stop> {
        let saver = self.0.get_or_insert_with(|| Saver::start(Desk::new(attempt)));
        let size = u32::try_from(checkpoint.len() >> 10).unwrap_or(LAG_KIB).saturating_add(1).min(LAG_KIB);
        let Ok(room) = saver.room.clone().acquire_many_owned(size).await else { return saver.end().await };
        let waiting = Waiting { checkpoint, _room: room };
        match saver.waiting.as_ref().map(|sender| sender.send(waiting)) {
            Some(Ok(())) => Ok(()),
            _ => saver.end().await,
        }
    }

    /// No more will come; what waits is saved beside what follows.
    pub fn close(&mut self) {
        if let Some(saver) = &mut self.0 {
            saver.waiting = None;
        }
    }

    /// Waits until all are saved.
    pub async fn finish(&mut self) -> Result<(), Stop> {
        match &mut self.0 {
            Some(saver) => saver.end().await,
            None => Ok(()),
        }
    }

    /// True if some were taken.
    pub fn are_used(&self) -> bool {
        self.0.is_some()
    }
}

impl Saver {
    fn start(desk: Desk) -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        let room = Arc::new(Semaphore::new(LAG_KIB as usize));
        Self { waiting: Some(sender), room, task: Some(tokio::spawn(save_all(desk, receiver))) }
    }

    async fn end(&mut self) -> Result<(), Stop> {
        self.waiting = None;
        let Some(task) = &mut self.task else { return Ok(()) };
        let ended = task.await;
        self.task = None;
        ended.unwrap_or_else(|error| Err(Stop::Backend(format!("checkpoints could not be saved: {error}"))))
    }
}

impl Drop for Saver {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

// One object at a time, of all that came meanwhile.
async fn save_all(mut desk: Desk, mut waiting: mpsc::UnboundedReceiver<Waiting>) -> Result<(), Stop> {
    while let Some(first) = waiting.recv().await {
        let mut bytes = first.checkpoint.len();
        let mut some = vec![first];
        while bytes < OBJECT_BYTES
            && some.len() < OBJECT_COUNT
            && let Ok(next) = waiting.try_recv()
        {
            bytes += next.checkpoint.len();
            some.push(next);
        }
        desk.save(some.iter().map(|waiting| waiting.checkpoint.clone()).collect()).await?;
    }
    Ok(())
}

/// What saving needs.
#[derive(Debug)]
struct Desk {
    worker: Arc<Worker>,
    steps: Steps,
    run_id: String,
    epoch: u64,
    folder: String,
    scratch: PathBuf,
    place: u64,
}

impl Desk {
    fn new(attempt: &Attempt) -> Self {
        Self {
            worker: attempt.worker.clone(),
            steps: attempt.steps.clone(),
            run_id: attempt.run.run_id.clone(),
            epoch: attempt.run.epoch,
            folder: attempt.checkpoints(),
            scratch: attempt.scratch(),
            place: attempt.memory.given(),
        }
    }

    async fn save(&mut self, checkpoints: Vec<Bytes>) -> Result<(), Stop> {
        let count = checkpoints.len();
        let file = self.scratch.join(format!("{}.checkpoint", self.place));
        let written = file.clone();
        let (bytes, sha256) = busy(At::Write, move || {
            let object = frames::pack(&checkpoints)?;
            std::fs::write(&written, &object)?;
            Ok((object.len(), sha256_hex(&object)))
        })
        .await?;
        let key = key::checkpoint(&self.folder, self.epoch, self.place, &sha256);
        self.worker.lake.put_file(Bucket::Raw, &key, &file, &sha256).await?;
        match tokio::fs::remove_file(&file).await {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        let checkpoint = Checkpoint {
            place: self.place,
            count: count as u32,
            key,
            bytes: bytes as i64,
            sha256,
            epoch: self.epoch,
        };
        self.note(checkpoint).await?;
        self.place += count as u64;
        self.steps.pass("after_checkpoint").await;
        Ok(())
    }

    async fn note(&self, checkpoint: Checkpoint) -> Result<(), Stop> {
        let request = SaveCheckpointRequest {
            run_id: self.run_id.clone(),
            epoch: self.epoch,
            checkpoint: Some(checkpoint),
        };
        let mut tries = 1;
        loop {
            match self.worker.runs().save_checkpoint(request.clone()).await.map_err(Stop::from) {
                Ok(_) => return Ok(()),
                Err(Stop::Backend(_)) if tries < TRIES => tokio::time::sleep(PAUSE).await,
                Err(stop) => return Err(stop),
            }
            tries += 1;
        }
    }
}

/// Deletes the checkpoints of a run that has ended, beside other work. What it can't delete are orphans.
pub(crate) fn delete_later(attempt: &Attempt) {
    let (lake, folder) = (attempt.worker.lake.clone(), attempt.checkpoints());
    tokio::spawn(async move {
        if let Err(error) = delete(lake.as_ref(), &folder).await {
            tracing::warn!(folder, %error, "checkpoints of a run that has ended could not be deleted");
        }
    });
}

async fn delete(lake: &dyn Lake, folder: &str) -> Result<(), LakeError> {
    loop {
        let some = lake.list(Bucket::Raw, folder, None, LISTED).await?;
        futures::stream::iter(&some)
            .map(Ok)
            .try_for_each_concurrent(DELETES_AT_ONCE, |object| lake.delete(Bucket::Raw, &object.key))
            .await?;
        if some.len() < LISTED {
            return Ok(());
        }
    }
}
