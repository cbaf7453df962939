//! Ends a call that lasts longer than its token.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Frame, SizeHint};
use rfe_model::Fault;
use tonic::{Status, body::Body};

use super::refusal;
use crate::{status_from_fault, tokens::Pass};

type Ended = Pin<Box<dyn Future<Output = Fault> + Send>>;

/// Waits for the answer of a call, and hands it on for as long as the token is valid. Then the call is dropped, as if its caller had
/// gone, and the caller is told why.
pub(super) async fn held<F, E>(call: F, pass: Pass) -> Result<http::Response<Body>, E>
where
    F: Future<Output = Result<http::Response<Body>, E>>,
{
    let mut ended: Ended = Box::pin(pass.ended());
    tokio::select! {
        biased;
        answer = call => Ok(answer?.map(|body| Body::new(Lasting { body, ended: Some(ended) }))),
        fault = &mut ended => Ok(refusal(fault)),
    }
}

struct Lasting {
    body: Body,
    /// None once it has ended so.
    ended: Option<Ended>,
}

impl http_body::Body for Lasting {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let Some(ended) = &mut self.ended else { return Poll::Ready(None) };
        // Asked first: a stream may have something to say at any time.
        if let Poll::Ready(fault) = ended.as_mut().poll(context) {
            self.ended = None;
            self.body = Body::empty();
            return Poll::Ready(Some(Ok(Frame::trailers(trailers(fault)))));
        }
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.ended.is_none() || self.body.is_end_stream()
    }

    // It may end before what was announced.
    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

// Each frame holds whole messages, so the status may follow any of them.
fn trailers(fault: Fault) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    let _texts_of_ours_fit = status_from_fault(fault).add_header(&mut trailers);
    trailers
}

#[cfg(test)]
mod tests {
    use std::{convert::Infallible, path::Path, time::Duration};

    use futures::stream;
    use http_body_util::{BodyExt as _, StreamBody};
    use jiff::Timestamp;
    use rfe_model::fault::reason;
    use tokio::time::timeout;

    use super::*;
    use crate::{
        fault_from_status,
        layer::authorize::tests::issue,
        tokens::{
            Tokens, TokensError,
            file::{self, Entry},
        },
    };

    const SOON: Duration = Duration::from_secs(30);

    fn pass(path: &Path, token: &str) -> Pass {
        let value = format!("Bearer {token}").parse().expect("a header");
        let headers: HeaderMap = [(http::header::AUTHORIZATION, value)].into_iter().collect();
        Tokens::load(path).expect("read").pass(&headers).expect("known").1
    }

    fn change(path: &Path, change: impl FnOnce(&mut Vec<Entry>)) {
        file::edit(path, |tokens| {
            change(tokens);
            Ok::<_, TokensError>(())
        })
        .expect("written");
    }

    // One message, and then nothing for ever.
    fn endless() -> http::Response<Body> {
        let first = Ok::<_, Status>(Frame::data(Bytes::from_static(b"first")));
        let frames = stream::StreamExt::chain(stream::iter([first]), stream::pending());
        http::Response::new(Body::new(StreamBody::new(frames)))
    }

    async fn last_word(answer: http::Response<Body>) -> Fault {
        let mut body = answer.into_body();
        let first = body.frame().await.expect("a frame").expect("no error");
        assert_eq!(first.into_data().expect("data"), "first");
        let last = timeout(SOON, body.frame()).await.expect("it ends").expect("a frame").expect("no error");
        let status = Status::from_header_map(&last.into_trailers().expect("trailers")).expect("a status");
        assert!(body.frame().await.is_none() && http_body::Body::is_end_stream(&body));
        fault_from_status(&status)
    }

    #[tokio::test]
    async fn a_stream_ends_when_its_token_is_revoked_and_says_why() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("tokens.toml");
        let pass = pass(&path, &issue(&path, "read"));
        let answer = held(async { Ok::<_, Infallible>(endless()) }, pass).await.expect("never");
        change(&path, Vec::clear);
        assert_eq!(last_word(answer).await.reason, reason::TOKEN_INVALID);
    }

    #[tokio::test]
    async fn a_stream_ends_when_its_token_expires() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("tokens.toml");
        let token = issue(&path, "read");
        let pass = pass(&path, &token);
        change(&path, |tokens| tokens[0].expires = Some(Timestamp::now()));
        let answer = held(async { Ok::<_, Infallible>(endless()) }, pass).await.expect("never");
        let fault = last_word(answer).await;
        assert_eq!(fault.reason, reason::TOKEN_EXPIRED);
        assert!(!fault.message.contains(&token), "{fault}");
    }

    #[tokio::test]
    async fn a_call_whose_answer_is_still_to_come_ends_too() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("tokens.toml");
        let pass = pass(&path, &issue(&path, "ingest"));
        change(&path, Vec::clear);
        let call = std::future::pending::<Result<_, Infallible>>();
        let answer = timeout(SOON, held(call, pass)).await.expect("it ends").expect("never");
        let status = Status::from_header_map(answer.headers()).expect("a status");
        assert_eq!(fault_from_status(&status).reason, reason::TOKEN_INVALID);
    }

    #[tokio::test]
    async fn an_answer_is_handed_on_to_its_end() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("tokens.toml");
        let pass = pass(&path, &issue(&path, "read"));
        let whole = || http::Response::new(Body::new(http_body_util::Full::new(Bytes::from_static(b"all"))));
        let answer = held(async { Ok::<_, Infallible>(whole()) }, pass).await.expect("never");
        assert_eq!(answer.into_body().collect().await.expect("read").to_bytes(), "all");
    }
}
