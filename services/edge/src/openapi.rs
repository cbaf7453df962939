//! `/openapi.json`: the edge described in OpenAPI 3.1.

use serde_json::{Value, json};

/// The document.
pub(crate) fn document() -> Value {
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Read From Everywhere: HTTP edge",
            "summary": "Webhooks in, dead letters back in.",
            "version": env!("CARGO_PKG_VERSION"),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [
            {"name": "webhooks", "description": "Events and replays"},
            {"name": "operations", "description": "Health, metrics and this description"},
        ],
        "paths": {
            "/webhooks/{source}": {"post": webhook()},
            "/webhooks/replay": {"post": replay()},
            "/healthz": {"get": page("health", "The process runs.", "text/plain", &[])},
            "/readyz": {"get": page("readiness", "The process can work.", "text/plain", &[503])},
            "/metrics": {"get": page("metrics", "Metrics in the text form that Prometheus reads.", "text/plain", &[])},
            "/openapi.json": {"get": page("description", "This description.", "application/json", &[])},
        },
        "components": {"schemas": schemas(), "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}, "responses": {"Problem": {
            "description": "An error; `type` is `urn:rfe:` and the same reason as in gRPC.",
            "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }}},
    })
}

fn webhook() -> Value {
    json!({
        "operationId": "sendWebhook",
        "tags": ["webhooks"],
        "summary": "Sends one event to a webhook source.",
        "description": "Answered with 200 once the event is durable. Sending an event id again lands nothing twice. The id is \
            taken by the source's rule, else from `webhook-id`, `idempotency-key` or `ce-id`, else a new UUIDv7 is made.",
        "parameters": [
            {"name": "source", "in": "path", "required": true, "description": "The source.",
             "schema": {"type": "string", "pattern": "^[a-z][a-z0-9_]{0,62}$", "not": {"const": "replay"}}},
            id_header("webhook-id"), id_header("idempotency-key"), id_header("ce-id"),
        ],
        "requestBody": {"required": true, "description": "Any JSON value, at most as large as the source's `max_body`.",
            "content": {"application/json": {"schema": true}, "application/*+json": {"schema": true}, "text/plain": {"schema": true}}},
        "responses": responses(
            json!({"200": answer("The event is durable.", "EventAccepted")}),
            &[
                (400, "Not one JSON value, or an id that is not taken."), (401, "What proves the sender is missing or wrong; `detail` names the header."),
                (404, "No such source."), (409, "A source of another kind."), (410, "The source was deleted."),
                (413, "The body is too large."), (415, "Not a media type of JSON."), (429, "The backlog is full; see Retry-After."),
                (503, "A backend can't be reached; see Retry-After."), (504, "It took too long; send it again."),
            ],
        ),
    })
}

fn replay() -> Value {
    json!({
        "operationId": "replayDeadLetter",
        // Where no tokens are set, none is needed.
        "security": [{"token": []}, {}],
        "tags": ["webhooks"],
        "summary": "Lands a dead letter again.",
        "description": "Takes the letter's id, or its whole JSON; an edited `raw_base64` wins over the letter's own bytes.",
        "requestBody": {"required": true, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Replay"}}}},
        "responses": responses(
            json!({
                "202": answer("The job is queued.", "ReplayQueued"),
                "200": answer("The letter was replayed before; nothing was queued.", "AlreadyReplayed"),
            }),
            &[
                (400, "Not a letter."), (401, "Tokens are set, and this call has no valid one."), (403, "The token lacks the scope `admin`."),
                (404, "No such letter."), (409, "The letter was discarded."), (410, "Its source was deleted."),
                (413, "The body is too large."), (415, "Not a media type of JSON."), (429, "The backlog is full; see Retry-After."),
                (503, "A backend can't be reached; see Retry-After."), (504, "It took too long; ask again."),
            ],
        ),
    })
}

fn page(id: &str, summary: &str, media_type: &str, problems: &[u16]) -> Value {
    let schema =
        if media_type == "application/json" { json!({"type": "object"}) } else { json!({"type": "string"}) };
    let mut responses = json!({"200": {"description": summary, "content": {media_type: {"schema": schema}}}});
    for status in problems {
        responses[status.to_string()] = json!({"description": "Not yet, or no more.", "content": {media_type: {"schema": {"type": "string"}}}});
    }
    json!({"operationId": id, "tags": ["operations"], "summary": summary, "responses": responses})
}

fn id_header(name: &str) -> Value {
    json!({"name": name, "in": "header", "required": false, "description": "The event's id.", "schema": {"type": "string", "maxLength": 256}})
}

fn answer(description: &str, schema: &str) -> Value {
    json!({"description": description,
        "content": {"application/json": {"schema": {"$ref": format!("#/components/schemas/{schema}")}}}})
}

fn responses(mut good: Value, problems: &[(u16, &str)]) -> Value {
    for (status, description) in problems {
        let mut response = json!({"description": description,
            "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}});
        if matches!(status, 429 | 503) {
            response["headers"] = json!({"Retry-After": {"description": "Seconds.", "schema": {"type": "integer", "minimum": 1}}});
        }
        good[status.to_string()] = response;
    }
    good["default"] = json!({"$ref": "#/components/responses/Problem"});
    good
}

fn schemas() -> Value {
    let text = json!({"type": "string"});
    json!({
        "EventAccepted": {"type": "object", "required": ["event_id", "source", "duplicate"], "properties": {
            "event_id": text, "source": text,
            "duplicate": {"type": "boolean", "description": "True if an event of this id was durable already."}}},
        "Replay": {"type": "object", "required": ["id"], "additionalProperties": true, "properties": {
            "id": {"type": "string", "description": "The letter."},
            "raw_base64": {"type": "string", "contentEncoding": "base64", "description": "Bytes to land instead of the letter's own."}}},
        "ReplayQueued": {"type": "object", "required": ["job_id"], "properties": {"job_id": text}},
        "AlreadyReplayed": {"type": "object", "required": ["already_replayed", "job_id"], "properties": {
            "already_replayed": {"const": true}, "job_id": {"type": "string", "description": "The job that landed it."}}},
        "Problem": {"type": "object", "required": ["type", "title", "status", "detail"], "properties": {
            "type": {"type": "string", "examples": ["urn:rfe:SOURCE_NOT_FOUND"]},
            "title": text, "status": {"type": "integer"}, "detail": text,
            "violations": {"type": "array", "items": {"$ref": "#/components/schemas/Violation"}}}},
        "Violation": {"type": "object", "required": ["path", "reason"], "properties": {"path": text, "reason": text}},
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
        match value {
            Value::Object(map) => {
                found.extend(map.get("$ref").and_then(Value::as_str));
                map.values().for_each(|inner| references(inner, found));
            }
            Value::Array(items) => items.iter().for_each(|inner| references(inner, found)),
            _ => {}
        }
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let document = document();
        let mut found = Vec::new();
        references(&document, &mut found);
        assert!(found.len() > 20);
        for reference in found {
            let pointer = reference.strip_prefix('#').expect("a local reference");
            assert!(document.pointer(pointer).is_some(), "{reference}");
        }
    }
}
