//! Letters as the registry has them.

use std::time::Duration;

use rfe_mesh::{MAX_MESSAGE_BYTES, MeshChannel, fault_from_status};
use rfe_model::{Fault, Violation};
use rfe_proto::{
    dlq::{DeadLetter, DeadLetterFilter},
    metadata::{
        DiscardLetterRequest, GetLetterRequest, ListLettersRequest,
        letter_service_client::LetterServiceClient,
    },
};
use tonic::Request;

const STATES: [&str; 3] = ["open", "replayed", "discarded"];
const KINDS: [&str; 2] = ["record", "job"];

/// The letters of the metadata role.
#[derive(Debug, Clone)]
pub(crate) struct Letters {
    client: LetterServiceClient<MeshChannel>,
    timeout: Duration,
}

// === impl Letters ===

impl Letters {
    pub(crate) fn new(metadata: MeshChannel, timeout: Duration) -> Self {
        let client = LetterServiceClient::new(metadata)
            .max_decoding_message_size(MAX_MESSAGE_BYTES)
            .max_encoding_message_size(MAX_MESSAGE_BYTES);
        Self { client, timeout }
    }

    /// One page of letters without their bytes, and the token of the next.
    pub(crate) async fn list(
        &self,
        filter: DeadLetterFilter,
        page_size: i32,
        page_token: String,
    ) -> Result<(Vec<DeadLetter>, String), Fault> {
        check_filter(&filter)?;
        if page_size < 0 {
            return Err(Fault::invalid("page_size", format!("{page_size} is negative; 0 means 100")));
        }
        let request = self.request(ListLettersRequest { filter: Some(filter), page_size, page_token });
        let reply = self
            .client
            .clone()
            .list_letters(request)
            .await
            .map_err(|status| fault_from_status(&status))?
            .into_inner();
        let mut letters = reply.letters;
        for letter in &mut letters {
            letter.raw_base64.clear();
        }
        Ok((letters, reply.next_page_token))
    }

    /// One letter with its bytes.
    pub(crate) async fn get(&self, id: &str) -> Result<DeadLetter, Fault> {
        check_id(id)?;
        let request = self.request(GetLetterRequest { id: id.to_owned() });
        let reply =
            self.client.clone().get_letter(request).await.map_err(|status| fault_from_status(&status))?;
        reply.into_inner().letter.ok_or_else(|| no_letter("GetLetter"))
    }

    /// Closes a letter for good.
    pub(crate) async fn discard(&self, id: &str, reason: String) -> Result<DeadLetter, Fault> {
        check_id(id)?;
        let request = self.request(DiscardLetterRequest { id: id.to_owned(), reason });
        let reply =
            self.client.clone().discard_letter(request).await.map_err(|status| fault_from_status(&status))?;
        reply.into_inner().letter.ok_or_else(|| no_letter("DiscardLetter"))
    }

    fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.set_timeout(self.timeout);
        request
    }
}

fn no_letter(call: &str) -> Fault {
    Fault::internal(format!("{call} answered without a letter"))
}

fn check_id(id: &str) -> Result<(), Fault> {
    if id.is_empty() {
        return Err(Fault::invalid("id", "is missing; `ListDeadLetters` shows the ids"));
    }
    Ok(())
}

fn check_filter(filter: &DeadLetterFilter) -> Result<(), Fault> {
    let wrong: Vec<Violation> =
        [("filter.state", &filter.state, &STATES[..]), ("filter.kind", &filter.kind, &KINDS[..])]
            .into_iter()
            .filter(|(_, value, known)| !value.is_empty() && !known.contains(&value.as_str()))
            .map(|(path, value, known)| {
                Violation::new(path, format!("`{value}` is none of {}", known.join(", ")))
            })
            .collect();
    if wrong.is_empty() { Ok(()) } else { Err(Fault::violations(wrong)) }
}
