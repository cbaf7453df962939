//! The chunk of a batch of events.

use rfe_model::letter::Stage as At;

use crate::{
    attempt::Attempt,
    failure::{Stop, busy},
    pull::Chunks,
};

/// Takes the events of the batch apart.
pub(crate) async fn decode(attempt: &Attempt) -> Result<Chunks, Stop> {
    let (kind, context) = (attempt.kind()?, attempt.read_context());
    let (spec, leased) = (attempt.spec.clone(), attempt.leased.clone());
    let chunk = busy(At::Decode, move || Ok(kind.decode_events(&spec, &context, &leased.events)?)).await?;
    Ok(Chunks::Decoded(Some(Box::new(chunk))))
}
