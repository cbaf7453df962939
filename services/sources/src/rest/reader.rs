//! Reads a REST source page by page: one task walks ahead, another thread makes chunks.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use rfe_model::SourceSpec;

use super::{
    answers::Answers,
    checkpoint::read_id,
    config::Config,
    envelope::Pointers,
    fetch::Fetch,
    page::{Decoder, Page},
    plan::Plan,
    state::{Before, State},
    turn::Turns,
    walk::{Met, Walk, Walking, broke},
};
use crate::{
    Chunk, ReadContext, ReadError, Reader,
    config::rejected_for,
    http::{Client, Pace},
    json_table::JsonColumns,
};

const TIMEOUT: Duration = Duration::from_secs(30);

/// Reads page by page.
#[derive(Debug)]
pub(super) struct RestReader {
    walking: Walking,
    /// It visits another thread while a chunk is made.
    decoder: Option<Decoder>,
    /// The page at hand.
    page: Option<Page>,
    ended: bool,
}

impl RestReader {
    pub(super) fn open(
        spec: &SourceSpec,
        config: &Config,
        context: &ReadContext,
        pace: Option<Arc<Pace>>,
    ) -> Result<Self, ReadError> {
        let (mut bounds, mut state) = (Vec::new(), None);
        if let Some(incremental) = &config.incremental {
            let rule = incremental.rule(spec).map_err(|reason| rejected_for("incremental", &reason))?;
            let before = context.cursor.as_deref().map_or(Ok(None), |kept| Before::read(&rule, kept))?;
            bounds = incremental.query(&rule, before.as_ref().map(|before| &before.cursor))?;
            state = Some(State::new(rule, before));
        }
        let client =
            Client::new(&context.allow_private_hosts, config.timeout.unwrap_or(TIMEOUT))?.paced(pace);
        let read_id = read_id(spec, context.cursor.as_deref());
        let fetch = Fetch::new(client, Plan::new(config, bounds, context)?);
        let answers = Answers::new(fetch, Arc::clone(&context.memory), read_id.clone());
        let records = config.records.as_deref();
        let (turns, pointers) = match &config.pagination {
            Some(pagination) => (pagination.turns(), pagination.pointers(records)),
            None => (Turns::once(), Pointers::new(records, None, None)),
        };
        let walk = Walk::new(answers, turns, pointers, config.max_pages.unwrap_or(u64::MAX));
        let decoder = Decoder {
            known: JsonColumns::new(spec, context),
            state,
            chunk_bytes: context.chunk_bytes.max(1),
            read_id,
        };
        Ok(Self { walking: walk.start(), decoder: Some(decoder), page: None, ended: false })
    }

    // What keeps a thread busy, on a thread for that.
    async fn decode<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut Decoder) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, ReadError> {
        let Some(mut decoder) = self.decoder.take() else { return Err(broke(&"its state was lost")) };
        let done = tokio::task::spawn_blocking(move || (work(&mut decoder), decoder));
        let (done, decoder) = done.await.map_err(|error| broke(&error))?;
        self.decoder = Some(decoder);
        done
    }
}

#[async_trait]
impl Reader for RestReader {
    async fn next(&mut self) -> Result<Option<Chunk>, ReadError> {
        if self.ended {
            return Ok(None);
        }
        let page = match self.page.take() {
            Some(page) => page,
            None => match self.walking.next().await? {
                Met::Page(page) => page,
                Met::End { cut } => {
                    self.ended = true;
                    return self.decode(move |decoder| decoder.end(cut)).await;
                }
            },
        };
        let (chunk, page) = self.decode(move |decoder| decoder.chunk(page)).await?;
        self.page = page;
        Ok(Some(chunk))
    }
}
