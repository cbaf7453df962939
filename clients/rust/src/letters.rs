//! Dead letters.

use rfe_proto::dlq as pb;

use crate::{Client, Listing, Result};

/// The answer to a replay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replayed {
    /// The job that lands the letter, or has landed it.
    pub job_id: String,
    /// True if the letter was replayed before; nothing was queued then.
    pub already_replayed: bool,
}

impl Client {
    /// The letters without their bytes, newest first.
    pub fn letters(&self, filter: pb::DeadLetterFilter) -> Listing<pb::DeadLetter> {
        let stub = self.dlq.clone();
        Listing::new(move |page_size, page_token| {
            let stub = stub.clone();
            let request = pb::ListDeadLettersRequest { filter: Some(filter.clone()), page_size, page_token };
            async move {
                let page = stub
                    .safe(request, |mut client, request| async move {
                        Ok(client.list_dead_letters(request).await?.into_inner())
                    })
                    .await?;
                Ok((page.dead_letters, page.next_page_token))
            }
        })
    }

    /// One letter with its bytes. Where something in it looks like a secret, that is hidden, and the record is in `raw_text`
    /// instead of `raw_base64`.
    ///
    /// # Errors
    /// If it does not exist.
    pub async fn letter(&self, id: &str) -> Result<pb::DeadLetter> {
        self.get_letter(pb::GetDeadLetterRequest { id: id.to_owned(), reveal: false }).await
    }

    /// One letter as it is stored, secrets included.
    ///
    /// # Errors
    /// If it does not exist.
    pub async fn revealed_letter(&self, id: &str) -> Result<pb::DeadLetter> {
        self.get_letter(pb::GetDeadLetterRequest { id: id.to_owned(), reveal: true }).await
    }

    async fn get_letter(&self, request: pb::GetDeadLetterRequest) -> Result<pb::DeadLetter> {
        let answer = self
            .dlq
            .safe(request, |mut client, request| async move {
                Ok(client.get_dead_letter(request).await?.into_inner())
            })
            .await?;
        self.dlq.filled(answer.dead_letter, "dead letter")
    }

    /// Queues a job that lands the letter, or `raw` in place of its bytes. A second replay queues nothing.
    ///
    /// # Errors
    /// If the letter does not exist or was discarded.
    pub async fn replay_letter(&self, id: &str, raw: Option<Vec<u8>>) -> Result<Replayed> {
        let request = pb::ReplayDeadLetterRequest { id: id.to_owned(), raw };
        let answer = self
            .dlq
            .safe(request, |mut client, request| async move {
                Ok(client.replay_dead_letter(request).await?.into_inner())
            })
            .await?;
        Ok(Replayed { job_id: answer.job_id, already_replayed: answer.already_replayed })
    }

    /// Queues jobs that land the open letters that match, the newest `limit` of them; with `dry_run` it only tells which.
    ///
    /// # Errors
    /// If the filter is wrong.
    pub async fn replay_letters(
        &self,
        filter: pb::DeadLetterFilter,
        limit: i32,
        dry_run: bool,
    ) -> Result<pb::ReplayDeadLettersResponse> {
        let request = pb::ReplayDeadLettersRequest { filter: Some(filter), limit, dry_run };
        self.dlq
            .safe(request, |mut client, request| async move {
                Ok(client.replay_dead_letters(request).await?.into_inner())
            })
            .await
    }

    /// Closes a letter for good, with why and who.
    ///
    /// # Errors
    /// If it does not exist or was replayed.
    pub async fn discard_letter(&self, id: &str, reason: &str, by: &str) -> Result<pb::DeadLetter> {
        let request =
            pb::DiscardDeadLetterRequest { id: id.to_owned(), reason: reason.to_owned(), by: by.to_owned() };
        let answer = self
            .dlq
            .once(request, |mut client, request| async move {
                Ok(client.discard_dead_letter(request).await?.into_inner())
            })
            .await?;
        self.dlq.filled(answer.dead_letter, "dead letter")
    }
}
