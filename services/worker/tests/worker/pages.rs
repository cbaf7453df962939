//! A kind of source that remembers: an API of pages, whose reader gives checkpoints, a cursor and marks of files.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use polars::prelude::*;
use rfe_model::{SourceSpec, SqlType, Violation, letter::Stage};
use rfe_proto::{dlq::DeadLetter, ingest::Event};
use rfe_sources::{Chunk, ChunkColumn, FileMark, ReadContext, ReadError, Reader, Source};

/// Records of a page.
pub const RECORDS: u64 = 10;

/// What the API has, does and has seen.
#[derive(Debug, Default)]
pub struct Api(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    pages: u64,
    failures: HashMap<u64, u32>,
    without_id: Option<u64>,
    closed: Option<u64>,
    asked: Vec<u64>,
    cursors: Vec<Option<String>>,
    version: String,
    padding: usize,
}

impl Api {
    pub fn has(&self, pages: u64) {
        self.state().pages = pages;
    }

    /// The next so many calls for a page fail.
    pub fn fails_at(&self, page: u64, times: u32) {
        self.state().failures.insert(page, times);
    }

    /// Pages have so many bytes more.
    pub fn pads(&self, bytes: usize) {
        self.state().padding = bytes;
    }

    /// One record of a page has no id.
    pub fn forgets_id_at(&self, page: u64) {
        self.state().without_id = Some(page);
    }

    /// Calls for pages from this one on wait until the API is opened.
    pub fn close_from(&self, page: u64) {
        self.state().closed = Some(page);
    }

    pub fn open(&self) {
        self.state().closed = None;
    }

    /// All pages change as files do: the same path, another version.
    pub fn rewrite(&self, version: &str) {
        self.state().version = version.to_owned();
    }

    /// The pages asked for since this was asked last.
    pub fn asked(&self) -> Vec<u64> {
        std::mem::take(&mut self.state().asked)
    }

    /// How many pages were asked for.
    pub fn calls(&self) -> usize {
        self.state().asked.len()
    }

    /// The cursors with which reads began.
    pub fn cursors(&self) -> Vec<Option<String>> {
        self.state().cursors.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn get(&self, page: u64) -> Result<Option<Bytes>, ReadError> {
        if page > self.state().pages {
            return Ok(None);
        }
        self.state().asked.push(page);
        while self.state().closed.is_some_and(|from| page >= from) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let mut state = self.state();
        if let Some(left) = state.failures.get_mut(&page).filter(|left| **left > 0) {
            *left -= 1;
            return Err(ReadError::transient("HTTP_BUSY", format!("page {page} is not there now")));
        }
        let first = (page - 1) * RECORDS + 1;
        let ids = (first..first + RECORDS).map(|id| match state.without_id {
            Some(at) if at == page && id == first + 3 => String::new(),
            _ => id.to_string(),
        });
        let (ids, padding) = (ids.collect::<Vec<_>>().join(","), " ".repeat(state.padding));
        Ok(Some(Bytes::from(format!("{page};{ids};{padding}"))))
    }

    /// The mark of a page, as if it were a file.
    pub fn mark(&self, page: u64) -> FileMark {
        FileMark { path: format!("page-{page}"), bytes: RECORDS, version: self.state().version.clone() }
    }
}

/// Kind `pages`. With `config.files` each page is a file; without, the cursor is the greatest id.
#[derive(Debug)]
pub struct Pages(pub Arc<Api>);

#[async_trait]
impl Source for Pages {
    fn name(&self) -> &'static str {
        "pages"
    }

    fn check(&self, _: &SourceSpec) -> Result<(), Vec<Violation>> {
        Ok(())
    }

    async fn open(&self, spec: &SourceSpec, context: ReadContext) -> Result<Box<dyn Reader>, ReadError> {
        self.0.state().cursors.push(context.cursor.clone());
        let files = spec.config.get("files").is_some();
        let pages = if files {
            let all = (1..=self.0.state().pages).map(|page| (self.0.mark(page), page));
            let all: HashMap<FileMark, u64> = all.collect();
            let mut marks: Vec<FileMark> = all.keys().cloned().collect();
            marks.sort();
            let unread = context.memory.unread(marks).await?;
            unread.iter().map(|mark| all[mark]).collect()
        } else {
            let last: u64 = context.cursor.as_deref().map_or(0, |cursor| cursor.parse().expect("an id"));
            (last / RECORDS + 1..=self.0.state().pages).collect()
        };
        Ok(Box::new(PagesReader { api: self.0.clone(), context, files, pages, place: Some(0) }))
    }

    fn decode_events(&self, _: &SourceSpec, _: &ReadContext, _: &[Event]) -> Result<Chunk, ReadError> {
        Err(ReadError::permanent(Stage::Decode, "KIND_MISMATCH", "takes no events"))
    }

    fn decode_letter(
        &self,
        _: &SourceSpec,
        _: &ReadContext,
        _: &DeadLetter,
        _: &[u8],
    ) -> Result<Chunk, ReadError> {
        Err(ReadError::permanent(Stage::Decode, "LETTER_CONTEXT", "makes no letters"))
    }
}

struct PagesReader {
    api: Arc<Api>,
    context: ReadContext,
    files: bool,
    pages: VecDeque<u64>,
    /// Of the next checkpoint to take; `None` behind the last.
    place: Option<usize>,
}

#[async_trait]
impl Reader for PagesReader {
    async fn next(&mut self) -> Result<Option<Chunk>, ReadError> {
        if let Some(place) = self.place {
            match self.context.memory.checkpoint(place).await? {
                Some(body) => {
                    self.place = Some(place + 1);
                    self.pages.pop_front();
                    return Ok(Some(self.chunk(&body)));
                }
                None => self.place = None,
            }
        }
        let Some(page) = self.pages.pop_front() else { return Ok(None) };
        let Some(body) = self.api.get(page).await? else { return Ok(None) };
        Ok(Some(Chunk { checkpoint: Some(body.clone()), ..self.chunk(&body) }))
    }
}

impl PagesReader {
    fn chunk(&self, body: &[u8]) -> Chunk {
        let text = std::str::from_utf8(body).expect("text");
        let (page, ids) = text.split_once(';').expect("a page");
        let (ids, _) = ids.split_once(';').expect("records");
        let page: u64 = page.parse().expect("a number");
        let ids: Vec<Option<&str>> = ids.split(',').map(|id| Some(id).filter(|id| !id.is_empty())).collect();
        let places: Vec<i64> = (0..ids.len() as i64).collect();
        let raw =
            df!("_page" => vec![page as i64; ids.len()], "_record" => places, "body" => &ids).expect("raw");
        let values = Column::new("id".into(), &ids);
        let id = ChunkColumn {
            name: "id".into(),
            values,
            observed: Some(SqlType::BigInt),
            exceeds_double: false,
            in_raw: None,
        };
        Chunk {
            raw,
            columns: vec![id],
            read: ids.len() as u64,
            bytes_read: body.len() as u64,
            files: if self.files { vec![self.api.mark(page)] } else { Vec::new() },
            cursor: (!self.files).then(|| (page * RECORDS).to_string()),
            ..Chunk::default()
        }
    }
}
