//! `rfe.metadata.v1.LetterService`.

use std::sync::Arc;

use rfe_proto::metadata as pb;
use rfe_registry::{LetterStore, RegistryError};
use tonic::{Request, Response, Status};

use super::{STAGES, one_of, required, status};
use crate::{page::List, raw::RawBytes};

const LETTERS: List = List::new("ListLetters");

/// The service.
#[derive(Debug)]
pub(crate) struct Letters {
    pub(crate) letters: Arc<dyn LetterStore>,
    pub(crate) raw: RawBytes,
}

#[tonic::async_trait]
impl pb::letter_service_server::LetterService for Letters {
    async fn list_letters(
        &self,
        request: Request<pb::ListLettersRequest>,
    ) -> Result<Response<pb::ListLettersResponse>, Status> {
        let request = request.into_inner();
        let asked = LETTERS.page(request.page_size, &request.page_token).map_err(status)?;
        let filter = request.filter.unwrap_or_default();
        if !filter.state.is_empty() {
            one_of("filter.state", &filter.state, &["open", "replayed", "discarded"])?;
        }
        if !filter.kind.is_empty() {
            one_of("filter.kind", &filter.kind, &["record", "job"])?;
        }
        if !filter.stage.is_empty() {
            one_of("filter.stage", &filter.stage, &STAGES)?;
        }
        let found = self.letters.letters(&filter, &asked.of_store()).await.map_err(status)?;
        let (letters, next_page_token) = asked.cut(found, |letter| letter.id.clone());
        let matched =
            if request.count { self.letters.count_letters(&filter).await.map_err(status)? } else { 0 };
        Ok(Response::new(pb::ListLettersResponse { letters, next_page_token, matched }))
    }

    async fn get_letter(
        &self,
        request: Request<pb::GetLetterRequest>,
    ) -> Result<Response<pb::GetLetterResponse>, Status> {
        let id = request.into_inner().id;
        required("id", &id)?;
        let found = self.letters.letter(&id).await.map_err(status)?;
        let letter = found.ok_or_else(|| status(RegistryError::NotFound { what: "letter", id }))?;
        let letter = self.raw.fill(letter).await.map_err(status)?;
        Ok(Response::new(pb::GetLetterResponse { letter: Some(letter) }))
    }

    async fn discard_letter(
        &self,
        request: Request<pb::DiscardLetterRequest>,
    ) -> Result<Response<pb::DiscardLetterResponse>, Status> {
        let request = request.into_inner();
        let id = required("id", &request.id)?;
        let letter = self.letters.discard(id, &request.reason, &request.by).await.map_err(status)?;
        let letter = self.raw.fill(letter).await.map_err(status)?;
        Ok(Response::new(pb::DiscardLetterResponse { letter: Some(letter) }))
    }
}
