//! Letters as the registry has them.

use std::time::Duration;

use rfe_mesh::{MAX_MESSAGE_BYTES, MeshChannel, fault_from_status};
use rfe_model::{Fault, Violation, time};
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
const STAGES: [&str; 5] = ["read", "decode", "validate", "contract", "write"];

/// A page of letters without their bytes.
#[derive(Debug, Default)]
pub(crate) struct Page {
    pub(crate) letters: Vec<DeadLetter>,
    /// The token of the next page; empty on the last.
    pub(crate) next: String,
    /// All letters that match, if they were counted.
    pub(crate) matched: i64,
}

/// Which page.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    pub(crate) size: i32,
    pub(crate) token: String,
    /// Count all that match.
    pub(crate) count: bool,
}

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

    /// One page of letters.
    pub(crate) async fn list(&self, filter: DeadLetterFilter, asked: Asked) -> Result<Page, Fault> {
        check_filter(&filter)?;
        let Asked { size: page_size, token: page_token, count } = asked;
        if page_size < 0 {
            return Err(Fault::invalid("page_size", format!("{page_size} is negative; 0 means 100")));
        }
        let request = self.request(ListLettersRequest { filter: Some(filter), page_size, page_token, count });
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
        Ok(Page { letters, next: reply.next_page_token, matched: reply.matched })
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
    pub(crate) async fn discard(&self, request: DiscardLetterRequest) -> Result<DeadLetter, Fault> {
        check_id(&request.id)?;
        let request = self.request(request);
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
    let words = [
        ("filter.state", &filter.state, &STATES[..]),
        ("filter.kind", &filter.kind, &KINDS[..]),
        ("filter.stage", &filter.stage, &STAGES[..]),
    ];
    let mut wrong: Vec<Violation> = words
        .into_iter()
        .filter(|(_, value, known)| !value.is_empty() && !known.contains(&value.as_str()))
        .map(|(path, value, known)| {
            Violation::new(path, format!("`{value}` is none of {}", known.join(", ")))
        })
        .collect();
    if let (Some(since), Some(until)) = (&filter.since, &filter.until)
        && time::micros_from_proto(since) >= time::micros_from_proto(until)
    {
        wrong.push(Violation::new("filter.until", "is not after `filter.since`, so that nothing can match"));
    }
    if wrong.is_empty() { Ok(()) } else { Err(Fault::violations(wrong)) }
}
