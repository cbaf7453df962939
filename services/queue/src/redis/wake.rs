//! Whoever waits for work is woken when there may be some: one subscription a process, not a poll each.

use std::time::Duration;

use futures::StreamExt as _;
use tokio::{
    sync::watch,
    task::{AbortHandle, JoinHandle},
};

use super::link::Link;

const AGAIN: Duration = Duration::from_millis(500);

/// The subscription; it ends with this.
#[derive(Debug)]
pub struct Wakes {
    changes: watch::Receiver<()>,
    task: AbortHandle,
}

impl Wakes {
    /// Subscribes, and again whenever the connection breaks.
    pub fn start(link: &Link) -> Self {
        let (changed, changes) = watch::channel(());
        let task: JoinHandle<()> = tokio::spawn(listen(link.clone(), changed));
        Self { changes, task: task.abort_handle() }
    }

    /// Changes whenever work may have become ready.
    pub fn changes(&self) -> watch::Receiver<()> {
        self.changes.clone()
    }
}

impl Drop for Wakes {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn listen(link: Link, changed: watch::Sender<()>) {
    let channel = link.key("wake");
    loop {
        match subscribe(&link, &channel, &changed).await {
            Ok(()) => tracing::debug!("the subscription to new work ended; subscribing again"),
            Err(error) => tracing::debug!(%error, "could not subscribe to new work; trying on"),
        }
        tokio::time::sleep(AGAIN).await;
    }
}

async fn subscribe(link: &Link, channel: &str, changed: &watch::Sender<()>) -> Result<(), redis::RedisError> {
    let mut subscription = link.client().get_async_pubsub().await?;
    subscription.subscribe(channel).await?;
    // What came while nobody listened is not told again.
    changed.send_replace(());
    let mut messages = subscription.into_on_message();
    while messages.next().await.is_some() {
        changed.send_replace(());
    }
    Ok(())
}
