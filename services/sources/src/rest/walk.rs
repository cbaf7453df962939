//! Walks from page to page in a task of its own, one page ahead of who makes chunks of them.

use std::sync::Arc;

use rfe_model::letter::Stage;
use tokio::{sync::mpsc, task::JoinHandle};

use super::{
    answers::{Answered, Answers},
    envelope::{Envelope, Pointers},
    page::Page,
    turn::{Stuck, Told, Turns},
};
use crate::{ReadError, error::code};

/// What a walk meets.
#[derive(Debug)]
pub(super) enum Met {
    Page(Page),
    /// The end. `cut` if there are more pages than may be read.
    End {
        cut: bool,
    },
}

/// Walks from page to page.
#[derive(Debug)]
pub(super) struct Walk {
    answers: Answers,
    turns: Turns,
    pointers: Arc<Pointers>,
    max_pages: u64,
    /// Pages so far.
    pages: u64,
    /// Set behind the last page; true if there are more than may be read.
    ended: Option<bool>,
}

impl Walk {
    pub(super) fn new(answers: Answers, turns: Turns, pointers: Pointers, max_pages: u64) -> Self {
        Self { answers, turns, pointers: Arc::new(pointers), max_pages, pages: 0, ended: None }
    }

    /// Sets out.
    pub(super) fn start(mut self) -> Walking {
        let (sender, met) = mpsc::channel(1);
        let task = tokio::spawn(async move {
            // The place is taken first, so that one page waits or is fetched while another is made chunks of, and not more.
            while let Ok(place) = sender.reserve().await {
                let met = self.step().await;
                let is_last = !matches!(met, Ok(Met::Page(_)));
                place.send(met);
                if is_last {
                    return;
                }
            }
        });
        Walking { met, task }
    }

    async fn step(&mut self) -> Result<Met, ReadError> {
        if let Some(cut) = self.ended {
            return Ok(Met::End { cut });
        }
        let number = self.pages + 1;
        let next = self.turns.next().clone();
        let answered = self.answers.page(number, &next, self.turns.may_be_missing()).await?;
        let Some(answered) = answered else { return Ok(Met::End { cut: false }) };
        self.pages = number;
        let link = answered.link.clone();
        let (page, envelope, print) = self.parse(answered).await?;
        let told = Told {
            number,
            records: page.len(),
            print,
            cursor: envelope.cursor.as_deref(),
            more: envelope.more.as_deref(),
            link: link.as_deref(),
            url: &self.answers.url(&next)?,
        };
        let goes_on = self.turns.advance(&told).map_err(|stuck| self.stuck(number, &stuck))?;
        if !goes_on || number >= self.max_pages {
            self.ended = Some(goes_on);
        }
        Ok(Met::Page(page))
    }

    async fn parse(&self, answered: Answered) -> Result<(Page, Envelope, u64), ReadError> {
        let (label, pointers) = (self.answers.plan().label().to_owned(), Arc::clone(&self.pointers));
        let parsed = tokio::task::spawn_blocking(move || {
            let (page, envelope) = Page::parse(&label, answered, &pointers)?;
            let print = page.print();
            Ok((page, envelope, print))
        });
        parsed.await.map_err(|error| broke(&error))?
    }

    fn stuck(&self, number: u64, stuck: &Stuck) -> ReadError {
        let message = format!("page {number} of `{}` {stuck}", self.answers.plan().label());
        ReadError::permanent(Stage::Read, code::PAGINATION_STUCK, message)
    }
}

/// A walk under way. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct Walking {
    met: mpsc::Receiver<Result<Met, ReadError>>,
    task: JoinHandle<()>,
}

impl Walking {
    /// What comes next.
    pub(super) async fn next(&mut self) -> Result<Met, ReadError> {
        // The end is said, never guessed: a task that panicked leaves a closed channel, and that is no end.
        self.met.recv().await.unwrap_or_else(|| Err(broke(&"its task panicked")))
    }
}

impl Drop for Walking {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The reader's own defect.
pub(super) fn broke(reason: &dyn std::fmt::Display) -> ReadError {
    ReadError::permanent(Stage::Read, code::READER_BROKE, format!("the reader broke: {reason}"))
}
