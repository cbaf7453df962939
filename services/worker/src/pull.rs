//! Chunks of a source that is read: a task of its own reads ahead by one.

use rfe_model::letter::Stage as At;
use rfe_sources::{Chunk, ReadError, Reader};
use tokio::{sync::mpsc, task::JoinHandle};

use crate::{
    attempt::Attempt,
    failure::{DECODER_PANICKED, Failed, Stop},
};

/// Where a run's chunks come from.
#[derive(Debug)]
pub(crate) enum Chunks {
    /// A reader.
    Read(ReadAhead),
    /// One chunk, decoded from what the queue or a letter held.
    Decoded(Option<Box<Chunk>>),
}

impl Chunks {
    /// The next chunk; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Chunk>, Stop> {
        match self {
            Self::Read(ahead) => ahead.next().await,
            Self::Decoded(chunk) => Ok(chunk.take().map(|chunk| *chunk)),
        }
    }
}

/// Opens the attempt's source.
pub(crate) async fn open(attempt: &Attempt) -> Result<Chunks, Stop> {
    let reader = attempt.kind()?.open(&attempt.spec, attempt.read_context()).await?;
    Ok(Chunks::Read(ReadAhead::new(reader)))
}

/// A reader in a task of its own, which ends with this.
#[derive(Debug)]
pub(crate) struct ReadAhead {
    chunks: mpsc::Receiver<Result<Chunk, ReadError>>,
    task: JoinHandle<()>,
}

impl ReadAhead {
    fn new(mut reader: Box<dyn Reader>) -> Self {
        let (sender, chunks) = mpsc::channel(1);
        let task = tokio::spawn(async move {
            loop {
                let (item, last) = match reader.next().await {
                    Ok(Some(chunk)) => (Ok(chunk), false),
                    Ok(None) => return,
                    Err(error) => (Err(error), true),
                };
                if sender.send(item).await.is_err() || last {
                    return;
                }
            }
        });
        Self { chunks, task }
    }

    async fn next(&mut self) -> Result<Option<Chunk>, Stop> {
        match self.chunks.recv().await {
            Some(Ok(chunk)) => Ok(Some(chunk)),
            Some(Err(error)) => Err(error.into()),
            None => self.end().await,
        }
    }

    // A channel that closes is the end only if the reader says so; a panic closes it as well.
    async fn end(&mut self) -> Result<Option<Chunk>, Stop> {
        match (&mut self.task).await {
            Ok(()) => Ok(None),
            Err(error) if error.is_panic() => {
                let message = "the reader met a defect of its own; the log has more";
                Err(Failed::permanent(At::Read, DECODER_PANICKED, message).into())
            }
            Err(_) => Err(Stop::Backend("the process is ending".to_owned())),
        }
    }
}

impl Drop for ReadAhead {
    fn drop(&mut self) {
        self.task.abort();
    }
}
