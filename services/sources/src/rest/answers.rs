//! Where pages come from: first from what earlier attempts kept, then from the server.

use std::sync::Arc;

use bytes::Bytes;
use reqwest::Url;

use super::{checkpoint, fetch::Fetch, link, plan::Plan, turn::Next};
use crate::{ReadError, ReadMemory, http::Answer};

/// A page, as it was answered.
#[derive(Debug, Clone)]
pub(super) struct Answered {
    /// Its number, from 1.
    pub(super) number: u64,
    /// Status and content type, for messages.
    pub(super) kind: String,
    /// The URL of the next page by its `Link` header, without the source's key.
    pub(super) link: Option<String>,
    pub(super) body: Bytes,
    /// False if an earlier attempt kept it.
    pub(super) is_new: bool,
}

/// Gives pages.
#[derive(Debug)]
pub(super) struct Answers {
    fetch: Fetch,
    memory: Arc<dyn ReadMemory>,
    /// The next checkpoint; `None` behind the last.
    place: Option<usize>,
    read_id: String,
}

impl Answers {
    pub(super) fn new(fetch: Fetch, memory: Arc<dyn ReadMemory>, read_id: String) -> Self {
        Self { fetch, memory, place: Some(0), read_id }
    }

    pub(super) fn plan(&self) -> &Plan {
        self.fetch.plan()
    }

    /// The page of a number; `None` if there is none and none is needed.
    pub(super) async fn page(
        &mut self,
        number: u64,
        next: &Next,
        may_be_missing: bool,
    ) -> Result<Option<Answered>, ReadError> {
        if let Some(kept) = self.kept(number).await? {
            return Ok(Some(kept));
        }
        let answer = self.fetch.page(next, may_be_missing).await?;
        Ok(answer.map(|answer| self.answered(number, answer)))
    }

    async fn kept(&mut self, number: u64) -> Result<Option<Answered>, ReadError> {
        while let Some(place) = self.place {
            let Some(bytes) = self.memory.checkpoint(place).await? else {
                self.place = None;
                break;
            };
            self.place = Some(place + 1);
            if let Some(kept) = checkpoint::read(&self.read_id, number, &bytes) {
                return Ok(Some(kept));
            }
        }
        Ok(None)
    }

    fn answered(&self, number: u64, answer: Answer) -> Answered {
        let content_type =
            if answer.content_type.is_empty() { "no content type" } else { &answer.content_type };
        let kind = format!("{}, {content_type}", answer.status);
        let link = link::next(&answer.links).map(|target| match answer.url.join(&target) {
            Ok(url) => String::from(self.plan().without_key(url)),
            Err(_) => target,
        });
        Answered { number, kind, link, body: answer.body, is_new: true }
    }

    /// The URL that a page is asked for with, without the source's key.
    pub(super) fn url(&self, next: &Next) -> Result<Url, ReadError> {
        Ok(self.plan().without_key(self.plan().request(next)?.url))
    }
}
