//! Actions: what is offered, and cancelling.

use arrow_flight::{
    Action, ActionType, CancelFlightInfoRequest, CancelFlightInfoResult, CancelStatus, FlightInfo,
};
use prost::Message as _;

use super::{session, sql::pinned_of};
use crate::{error::QueryError, running::Running};

// `CloseSessionResult { status: CLOSED }`; `arrow-flight` has no type for it.
const SESSION_CLOSED: &[u8] = &[0x08, 0x01];

/// The actions that are answered.
pub fn offered() -> Vec<ActionType> {
    [
        ("CreatePreparedStatement", "Prepares a statement: ActionCreatePreparedStatementRequest to ActionCreatePreparedStatementResult"),
        ("ClosePreparedStatement", "Forgets a statement: ActionClosePreparedStatementRequest to nothing"),
        ("CancelFlightInfo", "Ends a running statement: CancelFlightInfoRequest to CancelFlightInfoResult"),
        ("CancelQuery", "Ends a running statement: ActionCancelQueryRequest to ActionCancelQueryResult"),
        ("SetSessionOptions", "Refused but for what holds anyway: SetSessionOptionsRequest to SetSessionOptionsResult"),
        ("GetSessionOptions", "Always none: GetSessionOptionsRequest to GetSessionOptionsResult"),
        ("CloseSession", "Always closed: CloseSessionRequest to CloseSessionResult"),
    ]
    .map(|(kind, description)| ActionType { r#type: kind.to_owned(), description: description.to_owned() })
    .to_vec()
}

/// Answers what Flight SQL's own actions leave over.
pub fn answer(action: &Action, running: &Running) -> Result<Vec<u8>, QueryError> {
    match action.r#type.as_str() {
        "CancelFlightInfo" => {
            let request = CancelFlightInfoRequest::decode(action.body.clone()).map_err(|error| {
                QueryError::Field("body", format!("is no CancelFlightInfoRequest: {error}"))
            })?;
            let status = cancel(&request.info.unwrap_or_default(), running)?;
            Ok(CancelFlightInfoResult { status: status.into() }.encode_to_vec())
        }
        "SetSessionOptions" => session::set(action.body.clone()),
        // A result without a field says: no option.
        "GetSessionOptions" => Ok(Vec::new()),
        "CloseSession" => Ok(SESSION_CLOSED.to_vec()),
        other => Err(QueryError::Unsupported(format!(
            "the action `{other}` is not offered; ListActions names those that are"
        ))),
    }
}

/// Ends what runs under the tickets of a FlightInfo.
pub fn cancel(info: &FlightInfo, running: &Running) -> Result<CancelStatus, QueryError> {
    let mut found = false;
    for ticket in info.endpoint.iter().filter_map(|endpoint| endpoint.ticket.as_ref()) {
        found |= running.cancel(&pinned_of(&ticket.ticket)?.id);
    }
    Ok(if found { CancelStatus::Cancelling } else { CancelStatus::NotCancellable })
}
