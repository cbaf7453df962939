//! What one connection has been used for so far.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use crate::wire::Overheard;

const PREFACE: usize = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".len();

/// Counts of one connection. Clones are the same.
#[derive(Debug, Clone, Default)]
pub(super) struct Talk(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    read: AtomicUsize,
    asked: AtomicBool,
    multiplexed: AtomicBool,
    running: AtomicUsize,
}

impl Talk {
    /// Counts what is read.
    pub(super) fn overhear<I>(
        &self,
        io: I,
    ) -> Overheard<I, impl FnMut(Result<usize, &io::Error>) + Unpin + use<I>> {
        let talk = self.clone();
        let tell = move |read: Result<usize, &io::Error>| {
            talk.0.read.fetch_add(read.unwrap_or_default(), Relaxed);
        };
        Overheard { io, tell }
    }

    /// Notes a request; it runs until what this answers is dropped.
    pub(super) fn begin(&self, multiplexed: bool) -> Running {
        self.0.asked.store(true, Relaxed);
        if multiplexed {
            self.0.multiplexed.store(true, Relaxed);
        }
        self.0.running.fetch_add(1, Relaxed);
        Running(self.clone())
    }

    /// How many bytes have come.
    pub(super) fn read(&self) -> usize {
        self.0.read.load(Relaxed)
    }

    /// True once it is known which protocol is spoken: hyper waits for the length of HTTP/2's preface.
    pub(super) fn has_begun(&self) -> bool {
        self.0.asked.load(Relaxed) || self.read() >= PREFACE
    }

    /// True once there was a request of HTTP/2.
    pub(super) fn is_multiplexed(&self) -> bool {
        self.0.multiplexed.load(Relaxed)
    }

    /// True while a request is being answered.
    pub(super) fn is_running(&self) -> bool {
        self.0.running.load(Relaxed) > 0
    }
}

/// A request that is being answered.
#[derive(Debug)]
pub(super) struct Running(Talk);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.0.running.fetch_sub(1, Relaxed);
    }
}

/// The body of an answer; its request runs until it is sent.
pub(super) struct Answered<B> {
    pub(super) body: B,
    pub(super) _running: Running,
}

impl<B: Body<Data = Bytes> + Unpin> Body for Answered<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
