//! `POST /webhooks/replay`.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use base64::Engine as _;
use http::{HeaderMap, StatusCode};
use rfe_mesh::{Caller, MAX_MESSAGE_BYTES, MeshChannel, Scope, caller::Reach, fault_from_status};
use rfe_model::{ErrorCode, Fault, fault::reason};
use rfe_proto::dlq::{
    GetDeadLetterRequest, ReplayDeadLetterRequest, ReplayDeadLetterResponse,
    dlq_service_client::DlqServiceClient,
};
use serde::{Deserialize, Serialize};

use crate::{body, media_type, problem::Problem, role::Edge, rules, webhook};

// The bytes of the largest event in Base64, and the letter around them.
const MAX_BODY: u64 = rules::MAX_BODY / 3 * 4 + (2 << 20);

/// The two keys of a letter's JSON that count; the others are what the registry knows anyway.
#[derive(Debug, Deserialize)]
struct Letter {
    id: String,
    #[serde(default)]
    raw_base64: Option<String>,
}

#[derive(Debug, Serialize)]
struct Queued {
    job_id: String,
}

#[derive(Debug, Serialize)]
struct AlreadyReplayed {
    already_replayed: bool,
    job_id: String,
}

/// Queues the job that lands a letter again.
pub(crate) async fn receive(State(edge): State<Arc<Edge>>, request: Request) -> Response {
    match tokio::time::timeout(edge.config.deadline, replay(&edge, request)).await {
        Ok(Ok(ReplayDeadLetterResponse { job_id, already_replayed: false })) => {
            webhook::json(StatusCode::ACCEPTED, &Queued { job_id })
        }
        Ok(Ok(ReplayDeadLetterResponse { job_id, already_replayed: true })) => {
            webhook::json(StatusCode::OK, &AlreadyReplayed { already_replayed: true, job_id })
        }
        Ok(Err(fault)) => Problem::from(fault).into_response(),
        Err(_) => {
            let message = format!(
                "the replay took longer than {:?}; ask again, a letter is never landed twice",
                edge.config.deadline
            );
            Problem::from(Fault::new(ErrorCode::DeadlineExceeded, reason::DEADLINE_EXCEEDED, message))
                .into_response()
        }
    }
}

async fn replay(edge: &Edge, request: Request) -> Result<ReplayDeadLetterResponse, Fault> {
    let (parts, body) = request.into_parts();
    let caller = caller(edge, &parts.headers)?;
    media_type::check(&parts.headers)?;
    let held = body::read(&parts.headers, body, MAX_BODY, &edge.budget).await?;
    let call = decode(body::json(&held.bytes)?)?;
    check_source(edge, &caller, &call.id).await?;
    let reply = edge.dlq.clone().replay_dead_letter(timed(edge, call)).await;
    Ok(reply.map_err(|status| fault_from_status(&status))?.into_inner())
}

// Who calls; the same scope as over gRPC. Webhooks themselves are guarded by their source's `verify`.
fn caller(edge: &Edge, headers: &HeaderMap) -> Result<Caller, Fault> {
    let Some(tokens) = &edge.tokens else { return Ok(Caller::within()) };
    let caller = tokens.caller(headers)?;
    if !caller.can_somewhere(Scope::Admin) {
        caller.may(Scope::Admin, None)?;
    }
    Ok(caller)
}

// The call to dlq is the edge's own and may everything, so a caller who may not is refused here.
async fn check_source(edge: &Edge, caller: &Caller, id: &str) -> Result<(), Fault> {
    if caller.reach(Scope::Admin) == Reach::All {
        return Ok(());
    }
    let asked = GetDeadLetterRequest { id: id.to_owned(), reveal: false };
    let reply = edge.dlq.clone().get_dead_letter(timed(edge, asked)).await;
    let letter = reply.map_err(|status| fault_from_status(&status))?.into_inner().dead_letter;
    let letter = letter.ok_or_else(|| Fault::internal("GetDeadLetter answered without a letter"))?;
    caller.may_unnamed(Scope::Admin, &letter.source)
}

fn timed<T>(edge: &Edge, message: T) -> tonic::Request<T> {
    let mut request = tonic::Request::new(message);
    request.set_timeout(edge.config.deadline);
    request
}

fn decode(json: &str) -> Result<ReplayDeadLetterRequest, Fault> {
    let letter: Letter = serde_json::from_str(json).map_err(|error| {
        Fault::invalid("body", format!("is neither `{{\"id\": \"…\"}}` nor a dead letter: {error}"))
    })?;
    if letter.id.is_empty() {
        return Err(Fault::invalid("id", "is empty; `rfe dlq ls` shows the ids"));
    }
    let raw = letter.raw_base64.filter(|text| !text.is_empty()).map(|text| bytes(&text)).transpose()?;
    Ok(ReplayDeadLetterRequest { id: letter.id, raw })
}

// As in proto3 JSON: either alphabet, padded or not.
fn bytes(text: &str) -> Result<Vec<u8>, Fault> {
    use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
    let plain = text.trim_end_matches('=');
    let engine = if plain.contains(['-', '_']) { &URL_SAFE_NO_PAD } else { &STANDARD_NO_PAD };
    engine.decode(plain).map_err(|error| Fault::invalid("raw_base64", format!("is no Base64: {error}")))
}

/// The client for it.
pub(crate) fn client(dlq: MeshChannel) -> DlqServiceClient<MeshChannel> {
    DlqServiceClient::new(dlq)
        .max_decoding_message_size(MAX_MESSAGE_BYTES)
        .max_encoding_message_size(MAX_MESSAGE_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_alone_and_a_whole_letter_are_both_taken() {
        let alone = decode(r#"{"id":"a"}"#).expect("alone");
        assert_eq!((alone.id.as_str(), alone.raw), ("a", None));
        let whole =
            decode(r#"{"id":"a","kind":"record","position":{"line":3},"raw_base64":"e30="}"#).expect("whole");
        assert_eq!(whole.raw.as_deref(), Some(&b"{}"[..]));
        let listed = decode(r#"{"id":"a","raw_base64":""}"#).expect("as lists show it");
        assert_eq!(listed.raw, None);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let path = |json| decode(json).expect_err("refused").violations[0].path.clone();
        assert_eq!(path(r#"{"ids":["a"]}"#), "body");
        assert_eq!(path("5"), "body");
        assert_eq!(path(r#"{"id":""}"#), "id");
        assert_eq!(path(r#"{"id":"a","raw_base64":"%"}"#), "raw_base64");
    }
}
