//! Reading that keeps a thread busy runs on one of its own, a chunk ahead of who takes the chunks.

use async_trait::async_trait;
use rfe_model::letter::Stage;
use tokio::sync::mpsc;

use crate::{Chunk, ReadError, Reader, error::code};

/// Makes chunks, blocking its thread.
pub(crate) trait Produce: Send + 'static {
    /// The next chunk; `None` at the end.
    fn produce(&mut self) -> Result<Option<Chunk>, ReadError>;
}

/// A reader whose work is done on a thread of its own. Dropping it ends the thread at its next chunk.
#[derive(Debug)]
pub(crate) struct Pump {
    chunks: mpsc::Receiver<Result<Option<Chunk>, ReadError>>,
    ended: bool,
}

impl Pump {
    /// Opens on a blocking thread, then starts the thread that reads.
    pub(crate) async fn open<P: Produce>(
        open: impl FnOnce() -> Result<P, ReadError> + Send + 'static,
    ) -> Result<Box<dyn Reader>, ReadError> {
        let producer =
            tokio::task::spawn_blocking(open).await.map_err(|error| broke(&error.to_string()))??;
        let (sender, chunks) = mpsc::channel(1);
        tokio::task::spawn_blocking(move || run(producer, &sender));
        Ok(Box::new(Self { chunks, ended: false }))
    }
}

fn run<P: Produce>(mut producer: P, sender: &mpsc::Sender<Result<Option<Chunk>, ReadError>>) {
    loop {
        let next = producer.produce();
        let is_last = !matches!(next, Ok(Some(_)));
        if sender.blocking_send(next).is_err() || is_last {
            return;
        }
    }
}

#[async_trait]
impl Reader for Pump {
    async fn next(&mut self) -> Result<Option<Chunk>, ReadError> {
        if self.ended {
            return Ok(None);
        }
        // The end is said, never guessed: a thread that panicked leaves a closed channel, and that is no end.
        let next = self.chunks.recv().await.unwrap_or_else(|| Err(broke("its thread panicked")));
        self.ended = !matches!(next, Ok(Some(_)));
        next
    }
}

fn broke(reason: &str) -> ReadError {
    ReadError::permanent(Stage::Read, code::READER_BROKE, format!("the reader broke: {reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Panics(u32);

    impl Produce for Panics {
        fn produce(&mut self) -> Result<Option<Chunk>, ReadError> {
            self.0 += 1;
            assert!(self.0 < 3, "as planned");
            Ok(Some(Chunk::default()))
        }
    }

    #[tokio::test]
    async fn a_thread_that_panics_is_an_error_and_no_end() {
        let mut reader = Pump::open(|| Ok(Panics(0))).await.expect("open");
        assert!(reader.next().await.expect("first").is_some());
        assert!(reader.next().await.expect("second").is_some());
        assert_eq!(reader.next().await.expect_err("broke").code, code::READER_BROKE);
    }
}
