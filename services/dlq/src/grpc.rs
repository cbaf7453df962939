//! `rfe.dlq.v1.DlqService`: decode, call, encode.

use rfe_mesh::{Shutdown, status_from_fault};
use rfe_proto::dlq::{
    DiscardDeadLetterRequest, DiscardDeadLetterResponse, GetDeadLetterRequest, GetDeadLetterResponse,
    ListDeadLettersRequest, ListDeadLettersResponse, ReplayDeadLetterRequest, ReplayDeadLetterResponse,
    ReplayDeadLettersRequest, ReplayDeadLettersResponse, dlq_service_server::DlqService,
};
use tonic::{Request, Response, Status};

use crate::{
    bulk,
    letters::Letters,
    replay::{Replayed, Replayer},
};

/// The service.
#[derive(Debug)]
pub(crate) struct Dlq {
    letters: Letters,
    replayer: Replayer,
    bulk_concurrency: usize,
    shutdown: Shutdown,
}

// === impl Dlq ===

impl Dlq {
    pub(crate) fn new(
        letters: Letters,
        replayer: Replayer,
        bulk_concurrency: usize,
        shutdown: Shutdown,
    ) -> Self {
        Self { letters, replayer, bulk_concurrency, shutdown }
    }
}

#[tonic::async_trait]
impl DlqService for Dlq {
    async fn list_dead_letters(
        &self,
        request: Request<ListDeadLettersRequest>,
    ) -> Result<Response<ListDeadLettersResponse>, Status> {
        let ListDeadLettersRequest { filter, page_size, page_token } = request.into_inner();
        let (dead_letters, next_page_token) = self
            .letters
            .list(filter.unwrap_or_default(), page_size, page_token)
            .await
            .map_err(status_from_fault)?;
        Ok(Response::new(ListDeadLettersResponse { dead_letters, next_page_token }))
    }

    async fn get_dead_letter(
        &self,
        request: Request<GetDeadLetterRequest>,
    ) -> Result<Response<GetDeadLetterResponse>, Status> {
        let letter = self.letters.get(&request.into_inner().id).await.map_err(status_from_fault)?;
        Ok(Response::new(GetDeadLetterResponse { dead_letter: Some(letter) }))
    }

    async fn replay_dead_letter(
        &self,
        request: Request<ReplayDeadLetterRequest>,
    ) -> Result<Response<ReplayDeadLetterResponse>, Status> {
        let ReplayDeadLetterRequest { id, raw } = request.into_inner();
        let (job_id, already_replayed) =
            match self.replayer.replay(&id, raw).await.map_err(status_from_fault)? {
                Replayed::Queued(job_id) => (job_id, false),
                Replayed::Before(job_id) => (job_id, true),
            };
        Ok(Response::new(ReplayDeadLetterResponse { job_id, already_replayed }))
    }

    async fn replay_dead_letters(
        &self,
        request: Request<ReplayDeadLettersRequest>,
    ) -> Result<Response<ReplayDeadLettersResponse>, Status> {
        let replayed = bulk::replay(
            &self.letters,
            &self.replayer,
            self.bulk_concurrency,
            &self.shutdown,
            request.into_inner(),
        );
        Ok(Response::new(replayed.await.map_err(status_from_fault)?))
    }

    async fn discard_dead_letter(
        &self,
        request: Request<DiscardDeadLetterRequest>,
    ) -> Result<Response<DiscardDeadLetterResponse>, Status> {
        let DiscardDeadLetterRequest { id, reason } = request.into_inner();
        let letter = self.letters.discard(&id, reason).await.map_err(status_from_fault)?;
        Ok(Response::new(DiscardDeadLetterResponse { dead_letter: Some(letter) }))
    }
}
