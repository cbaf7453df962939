//! The body of a request, kept where it is small enough to be sent twice.

use bytes::{Bytes, BytesMut};
use futures::stream::{self, StreamExt as _};
use http_body::Frame;
use http_body_util::{BodyExt as _, BodyStream, Full, StreamBody};
use tonic::{Status, body::Body};

/// Up to so many bytes of a request are kept until it is answered.
const KEPT: usize = 1 << 20;

/// What a call sends.
#[derive(Debug)]
pub(super) enum Payload {
    /// The whole of it, which can be sent again.
    Kept(Bytes),
    /// What can be sent once; nothing once it was.
    Once(Option<Body>),
}

impl Payload {
    /// Reads a body that holds one message, unless it is too large to be kept.
    pub(super) async fn keep(mut body: Body) -> Result<Self, Status> {
        let mut frames = Vec::new();
        let mut size = 0;
        while let Some(frame) = body.frame().await {
            // A request has no trailers in gRPC.
            let Ok(data) = frame?.into_data() else { continue };
            size += data.len();
            frames.push(data);
            if size > KEPT {
                return Ok(Self::Once(Some(joined(frames, body))));
            }
        }
        Ok(Self::Kept(whole(frames, size)))
    }

    /// The body to send; none if it was sent and is not kept.
    pub(super) fn body(&mut self) -> Option<Body> {
        match self {
            Self::Kept(bytes) => Some(Body::new(Full::new(bytes.clone()))),
            Self::Once(body) => body.take(),
        }
    }

    /// Takes a body back that was not sent.
    pub(super) fn give_back(&mut self, unsent: Body) {
        if let Self::Once(body) = self {
            *body = Some(unsent);
        }
    }

    /// True if it can be sent again.
    pub(super) fn is_kept(&self) -> bool {
        matches!(self, Self::Kept(_))
    }
}

fn whole(mut frames: Vec<Bytes>, size: usize) -> Bytes {
    if frames.len() == 1 {
        return frames.remove(0);
    }
    let mut all = BytesMut::with_capacity(size);
    for frame in frames {
        all.extend_from_slice(&frame);
    }
    all.freeze()
}

fn joined(frames: Vec<Bytes>, rest: Body) -> Body {
    let begin = stream::iter(frames.into_iter().map(|data| Ok(Frame::data(data))));
    Body::new(StreamBody::new(begin.chain(BodyStream::new(rest))))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn text(body: Option<Body>) -> Bytes {
        body.expect("a body").collect().await.expect("the body").to_bytes()
    }

    #[tokio::test]
    async fn a_small_body_can_be_sent_again() {
        let parts = ["ab", "cd"].map(|part| Ok::<_, Status>(Frame::data(Bytes::from(part))));
        let mut payload = Payload::keep(Body::new(StreamBody::new(stream::iter(parts)))).await.expect("kept");
        for _ in 0..2 {
            assert_eq!(text(payload.body()).await, "abcd");
        }
    }

    #[tokio::test]
    async fn a_large_body_goes_out_once_and_whole() {
        let part = Bytes::from(vec![7; KEPT]);
        let parts = [part.clone(), part.clone(), part].map(|part| Ok::<_, Status>(Frame::data(part)));
        let mut payload = Payload::keep(Body::new(StreamBody::new(stream::iter(parts)))).await.expect("read");
        assert!(!payload.is_kept());
        let body = payload.body();
        assert!(payload.body().is_none(), "it is under way");
        assert_eq!(text(body).await.len(), 3 * KEPT);
    }
}
