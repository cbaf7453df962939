//! The chunk of a dead letter that is replayed.

use rfe_lake::Bucket;
use rfe_model::letter::Stage as At;
use rfe_proto::dlq::DeadLetter;

use crate::{
    attempt::Attempt,
    failure::{Failed, Stop, busy},
    pull::Chunks,
};

const RAW_TRUNCATED: &str = "RAW_TRUNCATED";

/// Takes the letter's record apart again. One that is still bad fails the run, and the letter stays open.
pub(crate) async fn decode(attempt: &Attempt, letter: &DeadLetter) -> Result<Chunks, Stop> {
    let raw = raw(attempt, letter).await?;
    let (kind, context) = (attempt.kind()?, attempt.read_context());
    let (spec, letter) = (attempt.spec.clone(), letter.clone());
    let mut chunk = busy(At::Decode, move || Ok(kind.decode_letter(&spec, &context, &letter, &raw)?)).await?;
    match chunk.bad.pop() {
        Some(bad) => Err(Failed::from(bad).into()),
        None => Ok(Chunks::Decoded(Some(Box::new(chunk)))),
    }
}

/// The id under which the ledger knows the letter's record, if it has no event id.
pub(crate) fn ledger_id(letter: &DeadLetter) -> String {
    format!("letter:{}", letter.id)
}

/// The letter again, after a replay that failed.
pub(crate) fn failed_again(letter: &DeadLetter, failed: &Failed, attempts: u32) -> DeadLetter {
    DeadLetter {
        stage: failed.stage.as_str().to_owned(),
        code: failed.code.clone(),
        message: failed.message.clone(),
        field_path: failed.field_path.clone(),
        attempts: letter.attempts + attempts,
        last_seen: Some(rfe_model::time::now_proto()),
        ..letter.clone()
    }
}

async fn raw(attempt: &Attempt, letter: &DeadLetter) -> Result<Vec<u8>, Stop> {
    if let Some(edited) = &attempt.replay_raw {
        return Ok(edited.clone());
    }
    if letter.raw_truncated {
        let message =
            format!("letter `{}` holds only a part of its record; replay it with the whole bytes", letter.id);
        return Err(Failed::permanent(At::Decode, RAW_TRUNCATED, message).into());
    }
    if letter.raw_base64.is_empty() && !letter.raw_ref.is_empty() {
        return Ok(attempt.worker.lake.get(Bucket::DeadLetter, &letter.raw_ref).await?.into());
    }
    Ok(letter.raw_base64.clone())
}
