//! `rfe.dlq.v1.DlqService`: decode, call, encode.

use rfe_mesh::{
    Caller, Scope, Shutdown,
    caller::{self, Reach},
    status_from_fault,
};
use rfe_proto::{
    dlq::{
        DiscardDeadLetterRequest, DiscardDeadLetterResponse, GetDeadLetterRequest, GetDeadLetterResponse,
        ListDeadLettersRequest, ListDeadLettersResponse, ReplayDeadLetterRequest, ReplayDeadLetterResponse,
        ReplayDeadLettersRequest, ReplayDeadLettersResponse, dlq_service_server::DlqService,
    },
    metadata::DiscardLetterRequest,
};
use tonic::{Request, Response, Status};

use crate::{
    bulk,
    letters::{Asked, Letters},
    redact::shown,
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

    // Refuses a caller who may not change letters of this one's source. Who reaches all sources costs no look at the letter.
    async fn about(&self, caller: &Caller, id: &str) -> Result<(), Status> {
        if caller.reach(Scope::Admin) == Reach::All {
            return Ok(());
        }
        let letter = self.letters.get(id).await.map_err(status_from_fault)?;
        caller.may_unnamed(Scope::Admin, &letter.source).map_err(status_from_fault)
    }
}

#[tonic::async_trait]
impl DlqService for Dlq {
    async fn list_dead_letters(
        &self,
        request: Request<ListDeadLettersRequest>,
    ) -> Result<Response<ListDeadLettersResponse>, Status> {
        let caller = caller::of(&request);
        let ListDeadLettersRequest { filter, page_size, page_token } = request.into_inner();
        let mut filter = filter.unwrap_or_default();
        let reach = caller.narrow(Scope::Read, &mut filter.source).map_err(status_from_fault)?;
        let asked = Asked { size: page_size, token: page_token, count: false };
        let page = self.letters.list(filter, asked).await.map_err(status_from_fault)?;
        Ok(Response::new(ListDeadLettersResponse {
            dead_letters: page
                .letters
                .into_iter()
                .filter(|letter| reach.has(&letter.source))
                .map(shown)
                .collect(),
            next_page_token: page.next,
        }))
    }

    async fn get_dead_letter(
        &self,
        request: Request<GetDeadLetterRequest>,
    ) -> Result<Response<GetDeadLetterResponse>, Status> {
        let caller = caller::of(&request);
        let GetDeadLetterRequest { id, reveal } = request.into_inner();
        let letter = self.letters.get(&id).await.map_err(status_from_fault)?;
        caller.may_unnamed(Scope::Read, &letter.source).map_err(status_from_fault)?;
        let letter = if reveal { letter } else { shown(letter) };
        Ok(Response::new(GetDeadLetterResponse { dead_letter: Some(letter) }))
    }

    async fn replay_dead_letter(
        &self,
        request: Request<ReplayDeadLetterRequest>,
    ) -> Result<Response<ReplayDeadLetterResponse>, Status> {
        self.about(&caller::of(&request), &request.get_ref().id).await?;
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
        let source = request.get_ref().filter.as_ref().map_or("", |filter| &filter.source);
        caller::check(&request, Scope::Admin, source)?;
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
        self.about(&caller::of(&request), &request.get_ref().id).await?;
        let DiscardDeadLetterRequest { id, reason, by } = request.into_inner();
        let discard = DiscardLetterRequest { id, reason, by };
        let letter = self.letters.discard(discard).await.map_err(status_from_fault)?;
        Ok(Response::new(DiscardDeadLetterResponse { dead_letter: Some(shown(letter)) }))
    }
}
