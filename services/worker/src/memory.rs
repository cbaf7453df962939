//! What an attempt knows of reads before it: what earlier attempts of its run have read, and files that other runs have.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use async_trait::async_trait;
use bytes::Bytes;
use rfe_lake::{Bucket, LakeError};
use rfe_model::id::sha256_hex;
use rfe_proto::metadata::{Checkpoint, FileMark as Mark, ListCheckpointsRequest, ListUnreadFilesRequest};
use rfe_sources::{FileMark, ReadError, ReadMemory, error::code};
use tokio::sync::Mutex;

use crate::{frames, worker::Worker};

/// Files in one question.
const FILES: usize = 1_000;

/// What an attempt knows of reads before it.
#[derive(Debug)]
pub(crate) struct RunMemory {
    worker: Arc<Worker>,
    run_id: String,
    epoch: u64,
    knows_files: bool,
    has_inherited: bool,
    /// Places that can be given; fewer once one is found to be lost.
    inherited: AtomicU64,
    given: AtomicU64,
    shelf: Mutex<Shelf>,
}

/// Where the reading of inherited checkpoints stands.
#[derive(Debug, Default)]
struct Shelf {
    objects: VecDeque<Checkpoint>,
    /// Of the page of objects behind these; `None`: not asked yet.
    token: Option<String>,
    first: u64,
    open: Vec<Bytes>,
}

impl RunMemory {
    /// Of a run that inherits so many checkpoints. `knows_files`: the source reads each file once.
    pub fn new(worker: Arc<Worker>, run_id: &str, epoch: u64, inherited: u64, knows_files: bool) -> Self {
        Self {
            worker,
            run_id: run_id.to_owned(),
            epoch,
            knows_files,
            has_inherited: inherited > 0,
            inherited: AtomicU64::new(inherited),
            given: AtomicU64::new(0),
            shelf: Mutex::default(),
        }
    }

    /// True if earlier attempts left checkpoints.
    pub fn has_inherited(&self) -> bool {
        self.has_inherited
    }

    /// How many checkpoints the reader took; what it reads itself comes behind them.
    pub fn given(&self) -> u64 {
        self.given.load(Ordering::Relaxed)
    }

    // The object that holds a place, opened; `None` if it is lost.
    async fn open(&self, shelf: &mut Shelf, place: u64) -> Result<Option<()>, ReadError> {
        if place < shelf.first {
            *shelf = Shelf::default();
        }
        while place >= shelf.first + shelf.open.len() as u64 {
            let Some(object) = self.next_object(shelf).await? else { return Ok(None) };
            if place >= object.place + u64::from(object.count) {
                shelf.first = object.place + u64::from(object.count);
                shelf.open = Vec::new();
                continue;
            }
            // A gap is a loss as well.
            if place < object.place {
                return Ok(None);
            }
            let Some(open) = self.load(&object).await? else { return Ok(None) };
            (shelf.first, shelf.open) = (object.place, open);
        }
        Ok(Some(()))
    }

    async fn next_object(&self, shelf: &mut Shelf) -> Result<Option<Checkpoint>, ReadError> {
        if shelf.objects.is_empty() && shelf.token.as_ref().is_none_or(|token| !token.is_empty()) {
            let request = ListCheckpointsRequest {
                run_id: self.run_id.clone(),
                epoch: self.epoch,
                page_size: 0,
                page_token: shelf.token.take().unwrap_or_default(),
            };
            let page = self.worker.runs().list_checkpoints(request).await;
            let page = page.map_err(|status| unavailable(status.message()))?.into_inner();
            shelf.objects.extend(page.checkpoints);
            shelf.token = Some(page.next_page_token);
        }
        Ok(shelf.objects.pop_front())
    }

    async fn load(&self, object: &Checkpoint) -> Result<Option<Vec<Bytes>>, ReadError> {
        let bytes = match self.worker.lake.get(Bucket::Raw, &object.key).await {
            Ok(bytes) if sha256_hex(&bytes) == object.sha256 => bytes,
            Ok(_) | Err(LakeError::NotFound { .. } | LakeError::Mismatch { .. }) => return Ok(None),
            Err(error) => return Err(unavailable(&error.to_string())),
        };
        // One that a later attempt cut short says so by its count.
        let open = frames::unpack(&bytes).ok();
        Ok(open
            .map(|open| open.into_iter().take(object.count as usize).collect::<Vec<_>>())
            .filter(|open| !open.is_empty()))
    }
}

#[async_trait]
impl ReadMemory for RunMemory {
    async fn checkpoint(&self, place: usize) -> Result<Option<Bytes>, ReadError> {
        let place = place as u64;
        if place >= self.inherited.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let mut shelf = self.shelf.lock().await;
        if self.open(&mut shelf, place).await?.is_none() {
            tracing::warn!(run = self.run_id, place, "a checkpoint is lost; reading goes on from there");
            self.inherited.store(place, Ordering::Relaxed);
            return Ok(None);
        }
        self.given.fetch_max(place + 1, Ordering::Relaxed);
        Ok(usize::try_from(place - shelf.first).ok().and_then(|at| shelf.open.get(at)).cloned())
    }

    async fn unread(&self, files: Vec<FileMark>) -> Result<Vec<FileMark>, ReadError> {
        if !self.knows_files {
            return Ok(files);
        }
        let mut unread = Vec::new();
        for some in files.chunks(FILES) {
            let request = ListUnreadFilesRequest {
                run_id: self.run_id.clone(),
                epoch: self.epoch,
                files: some.iter().map(to_proto).collect(),
            };
            let answer = self.worker.runs().list_unread_files(request).await;
            let answer = answer.map_err(|status| unavailable(status.message()))?.into_inner();
            unread.extend(answer.unread.into_iter().filter_map(|at| some.get(at as usize)).cloned());
        }
        Ok(unread)
    }
}

/// A mark as the registry keeps it.
pub(crate) fn to_proto(mark: &FileMark) -> Mark {
    Mark { path: mark.path.clone(), bytes: mark.bytes, version: mark.version.clone() }
}

fn unavailable(reason: &str) -> ReadError {
    ReadError::transient(code::MEMORY_UNAVAILABLE, format!("what was read before can't be told: {reason}"))
}
