//! One event is checked and completed.

use rfe_proto::ingest::Event;

const MAX_ID_BYTES: usize = 256;
const MAX_HEADER_BYTES: usize = 64 << 10;

/// Gives the event an id and a time if it has none; `Err` says why it can't be taken.
pub(crate) fn complete(event: &mut Event, max_body: Option<u64>) -> Result<(), String> {
    if event.event_id.is_empty() {
        event.event_id = rfe_model::id::new();
    }
    let received = event.received_time.get_or_insert_with(rfe_model::time::now_proto);
    if rfe_model::time::from_proto(received).is_none() {
        return Err(format!(
            "received_time of {} s and {} ns is no instant",
            received.seconds, received.nanos
        ));
    }
    let id = event.event_id.len();
    if id > MAX_ID_BYTES {
        return Err(format!("event_id has {id} bytes; at most {MAX_ID_BYTES}"));
    }
    let headers: usize = event.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    let headers = headers + event.content_type.len();
    if headers > MAX_HEADER_BYTES {
        return Err(format!("headers and content_type have {headers} bytes; at most {MAX_HEADER_BYTES}"));
    }
    match max_body {
        Some(most) if event.payload.len() as u64 > most => Err(too_large(event.payload.len(), most)),
        _ => Ok(()),
    }
}

/// Says that a payload is too large, and what to do.
pub(crate) fn too_large(bytes: usize, most: u64) -> String {
    format!("the payload has {bytes} bytes; at most {most}, by `config.max_body` of the source, up to 25MiB")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_given() {
        let mut event = Event::default();
        assert_eq!(complete(&mut event, None), Ok(()));
        assert_eq!(event.event_id.len(), 36);
        assert!(event.received_time.is_some());
    }

    #[test]
    fn what_is_there_stays() {
        let received_time = Some(prost_types::Timestamp { seconds: 5, nanos: 7 });
        let given = Event { event_id: "mine".to_owned(), received_time, ..Event::default() };
        let mut event = given.clone();
        assert_eq!(complete(&mut event, Some(0)), Ok(()));
        assert_eq!(event, given);
    }

    #[test]
    fn bounds_are_named() {
        let long = Event { event_id: "x".repeat(257), ..Event::default() };
        let heavy = Event { payload: vec![0; 11], ..Event::default() };
        let never = Event {
            received_time: Some(prost_types::Timestamp { seconds: i64::MAX, nanos: 0 }),
            ..Event::default()
        };
        let headed = Event { headers: [("a".to_owned(), "b".repeat(70_000))].into(), ..Event::default() };
        for (mut event, part) in
            [(long, "257 bytes"), (heavy, "at most 10"), (never, "no instant"), (headed, "70001 bytes")]
        {
            let refused = complete(&mut event, Some(10)).expect_err(part);
            assert!(refused.contains(part), "{refused}");
        }
        assert_eq!(complete(&mut Event { event_id: "x".repeat(256), ..Event::default() }, None), Ok(()));
    }
}
