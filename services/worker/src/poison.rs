//! The letter of a single event that can't be landed.

use rfe_model::{
    letter::{BadRecord, Stage},
    structure,
};
use rfe_proto::{
    dlq::{DeadLetter, Position},
    ingest::Event,
};
use serde_json::json;

use crate::{failure::Failed, letters::Sender};

const POISON_EVENT: &str = "POISON_EVENT";

/// The letter of an event. Its id is derived from source and event id, so that a repeat meets the same letter.
pub(crate) fn letter(event: &Event, failed: &Failed, sender: &Sender) -> DeadLetter {
    let received = event.received_time.as_ref().and_then(rfe_model::time::from_proto);
    let bad = BadRecord {
        stage: Stage::Decode,
        code: POISON_EVENT,
        message: failed.message.clone(),
        field_path: String::new(),
        position: Position::default(),
        raw: event.payload.clone(),
        event_id: event.event_id.clone(),
        context: Some(structure::to_struct(&json!({
            "content_type": event.content_type,
            "headers": event.headers,
            "received_at": received.map(|at| at.to_string()),
        }))),
    };
    let letter = bad.into_letter(&sender.source, &sender.run_id, sender.attempt, sender.schema_version);
    DeadLetter { stage: failed.stage.as_str().to_owned(), code: failed.code.clone(), ..letter }
}
