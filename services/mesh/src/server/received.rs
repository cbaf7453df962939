//! The body of a request, read to its end even where the answer came first.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::Version;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;

// More than this of a request that nobody wants is not waited for.
const DISCARDED: usize = 1 << 20;
const WITHIN: Duration = Duration::from_secs(2);

/// The body of a request. When it is dropped before its end, which is what a call does that is turned away, the rest is read and
/// discarded: HTTP/2 would reset the stream, count what still arrives on it as a fault of ours, and end the whole connection,
/// with all that runs on it, after a thousand of these.
#[derive(Debug)]
pub struct Received {
    body: Option<Incoming>,
    multiplexed: bool,
}

impl Received {
    pub(super) fn of(request: http::Request<Incoming>) -> http::Request<Self> {
        let multiplexed = request.version() == Version::HTTP_2;
        request.map(|body| Self { body: Some(body), multiplexed })
    }
}

impl Body for Received {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let frame = Pin::new(body).poll_frame(context);
        if matches!(frame, Poll::Ready(None | Some(Err(_)))) {
            self.body = None;
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

impl Drop for Received {
    fn drop(&mut self) {
        if let Some(body) = self.body.take()
            && self.multiplexed
            && !body.is_end_stream()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(tokio::time::timeout(WITHIN, discard(body)));
        }
    }
}

async fn discard(mut body: Incoming) {
    let mut read = 0;
    while let Some(Ok(frame)) = body.frame().await
        && read < DISCARDED
    {
        read += frame.data_ref().map_or(0, Bytes::len);
    }
}
