//! The body of an answer: it holds the replica's place, and ends with the deadline.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::Sleep;
use tonic::{Status, body::Body};

use super::{
    failure::broken,
    replicas::Replica,
    stamp::{Limit, exceeded},
};

/// Wraps the body of an answer. `limit` ends it too; a stream has none once it has begun.
pub(super) fn wrap(body: Incoming, replica: Replica, limit: Option<Limit>) -> Body {
    let limit = limit.map(|limit| (limit, Box::pin(tokio::time::sleep_until(limit.until.into()))));
    Body::new(Answer { body, replica, limit })
}

struct Answer {
    body: Incoming,
    replica: Replica,
    limit: Option<(Limit, Pin<Box<Sleep>>)>,
}

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            return Poll::Ready(frame.map(|frame| frame.map_err(|error| broken(&self.replica, &error))));
        }
        match &mut self.limit {
            Some((limit, sleep)) => match sleep.as_mut().poll(context) {
                Poll::Ready(()) => Poll::Ready(Some(Err(exceeded(*limit)))),
                Poll::Pending => Poll::Pending,
            },
            None => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
