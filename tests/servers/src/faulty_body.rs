//! Bodies that break off or trickle.

use std::{io, time::Duration};

use bytes::Bytes;
use futures::{StreamExt as _, stream};
use http_body_util::{BodyExt as _, BodyStream, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::{Body as _, Frame, Incoming};

/// A body in either direction; an error breaks its connection.
pub(crate) type Body = UnsyncBoxBody<Bytes, io::Error>;

/// Its first half; then the connection breaks.
pub(crate) fn cut(body: Incoming) -> Body {
    let half = body.size_hint().exact().map_or(1, |bytes| bytes / 2);
    let frames = stream::unfold((body, half), |(mut body, left)| async move {
        if left == 0 {
            return Some((Err(io::Error::other("cut as planned")), (body, 0)));
        }
        let frame = body.frame().await?.map_err(io::Error::other).map(Frame::into_data);
        match frame {
            Ok(Ok(mut data)) => {
                data.truncate(usize::try_from(left).unwrap_or(usize::MAX));
                let left = left - data.len() as u64;
                Some((Ok(Frame::data(data)), (body, left)))
            }
            // Trailers.
            Ok(Err(frame)) => Some((Ok(frame), (body, left))),
            Err(error) => Some((Err(error), (body, 0))),
        }
    });
    StreamBody::new(frames).boxed_unsync()
}

/// All of it, with a pause before each piece.
pub(crate) fn slowed(body: Incoming, pause: Duration) -> Body {
    // An answer without a body, such as that to HEAD, stays as it is: its headers tell of a length that does not come.
    if body.is_end_stream() {
        return body.map_err(io::Error::other).boxed_unsync();
    }
    let frames = BodyStream::new(body).then(move |frame| async move {
        tokio::time::sleep(pause).await;
        frame.map_err(io::Error::other)
    });
    StreamBody::new(frames).boxed_unsync()
}
