//! Reads a REST source page by page.

use std::time::Duration;

use async_trait::async_trait;
use rfe_model::{SourceSpec, id::sha256_hex, letter::Stage};
use tokio::time::{Instant, sleep_until};

use super::{config::Config, fetch::fetch, page::Page, pagination::Pages, plan::Plan};
use crate::{Chunk, ReadContext, ReadError, Reader, error::code, http::Client, json_table::JsonColumns};

const TIMEOUT: Duration = Duration::from_secs(30);

/// Reads page by page.
#[derive(Debug)]
pub(super) struct RestReader {
    client: Client,
    plan: Plan,
    pages: Pages,
    records: Option<String>,
    max_pages: u64,
    /// Pages fetched.
    fetched: u64,
    is_last: bool,
    last_body: String,
    asked: Option<Instant>,
    /// The page at hand and the columns known so far: they visit another thread while a chunk is made.
    work: Option<(Page, JsonColumns)>,
    known: Option<JsonColumns>,
    chunk_bytes: usize,
}

impl RestReader {
    pub(super) fn open(spec: &SourceSpec, config: &Config, context: &ReadContext) -> Result<Self, ReadError> {
        Ok(Self {
            client: Client::new(&context.allow_private_hosts, config.timeout.unwrap_or(TIMEOUT))?,
            plan: Plan::new(config, context)?,
            pages: config.pagination.as_ref().map_or_else(Pages::once, |pagination| pagination.pages()),
            records: config.records.clone(),
            max_pages: config.max_pages.unwrap_or(u64::MAX),
            fetched: 0,
            is_last: false,
            last_body: String::new(),
            asked: None,
            work: None,
            known: Some(JsonColumns::new(spec, context)),
            chunk_bytes: context.chunk_bytes.max(1),
        })
    }

    async fn fetch_page(&mut self) -> Result<Page, ReadError> {
        if let (Some(asked), Some(interval)) = (self.asked, self.plan.interval) {
            sleep_until(asked + interval).await;
        }
        self.asked = Some(Instant::now());
        let request = self.plan.page(&self.pages.query());
        let answer = fetch(&self.client, &request).await?;
        self.fetched += 1;
        let (number, label, records) = (self.fetched, self.plan.label().to_owned(), self.records.clone());
        let parsed = tokio::task::spawn_blocking(move || {
            let digest = sha256_hex(&answer.body);
            Page::parse(number, &label, answer, records.as_deref()).map(|page| (page, digest))
        });
        let (page, digest) = parsed.await.map_err(|error| broke(&error))??;
        self.is_last = !self.pages.advance(page.len()) || self.fetched >= self.max_pages;
        self.refuse_repeat(&page, digest)?;
        Ok(page)
    }

    // An API that does not know the parameter answers with its first page for ever.
    fn refuse_repeat(&mut self, page: &Page, digest: String) -> Result<(), ReadError> {
        if page.len() > 0 && digest == self.last_body {
            let message = format!(
                "page {} of `{}` is the same as the one before; does the API know the parameter `{}`?",
                self.fetched,
                self.plan.label(),
                self.pages.param()
            );
            return Err(ReadError::permanent(Stage::Read, code::PAGINATION_STUCK, message));
        }
        self.last_body = digest;
        Ok(())
    }

    async fn chunk(&mut self, mut page: Page, mut known: JsonColumns) -> Result<Chunk, ReadError> {
        let chunk_bytes = self.chunk_bytes;
        let made = tokio::task::spawn_blocking(move || {
            let chunk = page.chunk(&mut known, chunk_bytes);
            (chunk, page, known)
        });
        let (chunk, page, known) = made.await.map_err(|error| broke(&error))?;
        if page.len() > 0 {
            self.work = Some((page, known));
        } else {
            self.known = Some(known);
        }
        Ok(chunk)
    }
}

#[async_trait]
impl Reader for RestReader {
    async fn next(&mut self) -> Result<Option<Chunk>, ReadError> {
        loop {
            if let Some((page, known)) = self.work.take() {
                return self.chunk(page, known).await.map(Some);
            }
            if self.is_last {
                return Ok(None);
            }
            let page = self.fetch_page().await?;
            let Some(known) = self.known.take() else { return Err(broke(&"its state was lost")) };
            self.work = Some((page, known));
        }
    }
}

fn broke(reason: &dyn std::fmt::Display) -> ReadError {
    ReadError::permanent(Stage::Read, code::READER_BROKE, format!("the reader broke: {reason}"))
}
