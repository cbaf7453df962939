//! A connection that can end with a reset instead of a close.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

use crate::outage::reset;

/// A connection; it is reset when it is dropped while `breaks` is true.
#[derive(Debug)]
pub(crate) struct Resettable {
    stream: TcpStream,
    breaks: Arc<AtomicBool>,
}

// === impl Resettable ===

impl Resettable {
    pub(crate) fn new(stream: TcpStream, breaks: Arc<AtomicBool>) -> Self {
        Self { stream, breaks }
    }
}

impl Drop for Resettable {
    fn drop(&mut self) {
        if self.breaks.load(Ordering::Acquire) {
            reset(&self.stream);
        }
    }
}

impl AsyncRead for Resettable {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Resettable {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // A shutdown would be a goodbye; a reset is none.
        if self.breaks.load(Ordering::Acquire) {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
