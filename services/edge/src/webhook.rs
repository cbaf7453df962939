//! `POST /webhooks/{source}`.

use std::{
    sync::Arc,
    time::{Instant, SystemTime},
};

use axum::{
    body::Body,
    extract::{Path, Request, State, rejection::PathRejection},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts};
use rfe_model::{ErrorCode, Fault, fault::reason, time};
use rfe_proto::ingest::{Event, EventOutcome, EventResult};
use serde::Serialize;

use crate::{
    body::{self, Held},
    event_id, kept_headers, media_type,
    problem::Problem,
    role::Edge,
    rules::Rules,
    signature::Signature,
};

#[derive(Debug, Serialize)]
struct Accepted<'a> {
    event_id: String,
    source: &'a str,
    duplicate: bool,
}

/// Answers once the event is durable.
pub(crate) async fn receive(
    State(edge): State<Arc<Edge>>,
    path: Result<Path<String>, PathRejection>,
    request: Request,
) -> Response {
    let began = Instant::now();
    let Ok(Path(source)) = path else {
        return Problem::route_not_found(request.uri().path()).into_response();
    };
    let accepted = tokio::time::timeout(edge.config.deadline, accept(&edge, &source, request)).await;
    match accepted.unwrap_or_else(|_| Err(too_late(edge.config.deadline))) {
        Ok(accepted) => {
            edge.outcomes.count(if accepted.duplicate { "duplicate" } else { "accepted" }, began.elapsed());
            json(StatusCode::OK, &accepted)
        }
        Err(fault) => {
            edge.outcomes.count(&fault.reason, began.elapsed());
            Problem::from(fault).into_response()
        }
    }
}

async fn accept<'a>(edge: &Edge, source: &'a str, request: Request) -> Result<Accepted<'a>, Fault> {
    let rules = edge.sources.rules(source).await?;
    let (parts, body) = request.into_parts();
    let Held { bytes, share } = read(edge, &rules, &parts, body).await?;
    let event = event(&rules, &parts.headers, bytes)?;
    match edge.groups.submit(source, event, share).await {
        Ok(result) => settle(source, result),
        Err(fault) => {
            if [reason::SOURCE_DELETED, reason::SOURCE_NOT_FOUND, reason::SOURCE_KIND_MISMATCH]
                .contains(&fault.reason.as_str())
            {
                edge.sources.forget(source);
            }
            Err(fault)
        }
    }
}

// Who may not send learns nothing else, and its body needs no room.
async fn read(edge: &Edge, rules: &Rules, parts: &Parts, body: Body) -> Result<Held, Fault> {
    let headers = &parts.headers;
    media_type::check(headers)?;
    let signature = match &rules.signature {
        None => None,
        Some(Ok(signature)) => Some(signature),
        Some(Err(_)) => return Err(unverifiable()),
    };
    if let Some(signature) = signature {
        signature.check_head(&parts.uri, headers, SystemTime::now())?;
    }
    let held = body::read(headers, body, rules.max_body, &edge.budget).await?;
    match signature {
        None => Ok(held),
        Some(signature) => signature.check_body(headers, &held.bytes).map(|()| held),
    }
}

fn unverifiable() -> Fault {
    Fault::new(
        ErrorCode::Unavailable,
        reason::BACKEND_UNAVAILABLE,
        "signatures of this source can't be checked at the moment; the server's log says why",
    )
}

fn event(rules: &Rules, headers: &HeaderMap, bytes: Vec<u8>) -> Result<Event, Fault> {
    let event_id = event_id::choose(rules.event_id.as_ref(), headers, body::json(&bytes)?)?;
    let verified = rules.signature.as_ref().and_then(|signature| signature.as_ref().ok());
    Ok(Event {
        event_id,
        payload: bytes,
        content_type: media_type::check(headers)?.to_owned(),
        headers: kept_headers::choose(headers, verified.and_then(Signature::header)),
        received_time: Some(time::now_proto()),
    })
}

fn settle(source: &str, result: EventResult) -> Result<Accepted<'_>, Fault> {
    match result.outcome() {
        EventOutcome::Accepted => Ok(Accepted { event_id: result.event_id, source, duplicate: false }),
        EventOutcome::Duplicate => Ok(Accepted { event_id: result.event_id, source, duplicate: true }),
        EventOutcome::Rejected => Err(Fault::invalid("event", result.message)),
        EventOutcome::Unspecified => Err(Fault::internal("ingest answered an event without an outcome")),
    }
}

fn too_late(deadline: std::time::Duration) -> Fault {
    let message = format!("the webhook took longer than {deadline:?}; nothing is promised, send it again");
    Fault::new(ErrorCode::DeadlineExceeded, reason::DEADLINE_EXCEEDED, message)
}

/// A JSON answer.
pub(crate) fn json(status: StatusCode, value: &impl Serialize) -> Response {
    let body = serde_json::to_vec(value).expect("an answer of texts and flags has a JSON form");
    let mut response = (status, body).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
