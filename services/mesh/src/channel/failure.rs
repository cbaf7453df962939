//! What an error of HTTP/2 says about the call: never sent, surely not done, or unknown.

use std::error::Error as _;

use hyper::client::conn::TrySendError;
use tonic::{Status, body::Body};

use super::{connect::chain, replicas::Replica, unreachable};

/// How a call failed before its answer began.
#[derive(Debug)]
pub(super) enum Failure {
    /// The connection had ended; the request is here.
    Unsent(Box<http::Request<Body>>),
    /// The other side says that it did not look at it, and takes nothing more on this connection.
    Leaving,
    /// The other side says that it did not look at it.
    Refused,
    /// It may have been done.
    Broken(Status),
}

impl Failure {
    pub(super) fn of(mut error: TrySendError<http::Request<Body>>, replica: &Replica) -> Self {
        if let Some(request) = error.take_message() {
            return Self::Unsent(Box::new(request));
        }
        let error = error.into_error();
        match cause(&error) {
            // By the protocol a stream that GOAWAY ends is one that was not processed.
            Some(cause) if cause.is_go_away() && cause.is_remote() && is_peaceful(cause) => Self::Leaving,
            Some(cause) if cause.is_reset() && cause.reason() == Some(h2::Reason::REFUSED_STREAM) => {
                Self::Refused
            }
            _ => Self::Broken(broken(replica, &error)),
        }
    }
}

/// The error of a call whose connection or stream broke.
pub(super) fn broken(replica: &Replica, error: &hyper::Error) -> Status {
    if cause(error).and_then(h2::Error::reason) == Some(h2::Reason::CANCEL) {
        return Status::cancelled("the other side gave the call up");
    }
    unreachable(&format!("{} at {}: {}", replica.target, replica.address, chain(error)))
}

fn is_peaceful(cause: &h2::Error) -> bool {
    cause.reason() == Some(h2::Reason::NO_ERROR)
}

fn cause(error: &hyper::Error) -> Option<&h2::Error> {
    error.source()?.downcast_ref()
}
