//! The connection: scripts are called over it, again where a reply was lost.

use std::time::{Duration, Instant};

use redis::{
    Client, ErrorKind, FromRedisValue, RedisError, Script, ScriptInvocation, ServerErrorKind,
    aio::{ConnectionManager, ConnectionManagerConfig},
};

use crate::QueueError;

/// A call that is not answered within this has failed.
const PATIENCE: Duration = Duration::from_millis(2000);
const CONNECT_WITHIN: Duration = Duration::from_millis(1000);
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

/// The way to Redis. Clones share one connection, which is made on first use and again when it must be.
#[derive(Clone)]
pub struct Link {
    connection: ConnectionManager,
    client: Client,
    /// The queue's name in braces: what all its keys begin with.
    prefix: String,
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

impl Link {
    /// A way to this URL. Nothing is connected yet.
    ///
    /// # Errors
    /// If the URL is none; it is not told, because it may hold a password.
    pub fn new(url: &str, name: &str) -> Result<Self, QueueError> {
        let client = Client::open(url).map_err(store)?;
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(CONNECT_WITHIN))
            .set_response_timeout(Some(PATIENCE))
            .set_number_of_retries(1)
            .set_min_delay(FIRST_PAUSE)
            .set_max_delay(LONGEST_PAUSE);
        let connection = ConnectionManager::new_lazy_with_config(client.clone(), config).map_err(store)?;
        Ok(Self { connection, client, prefix: format!("{{{name}}}") })
    }

    /// For a connection of one's own.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// A key of the queue.
    pub fn key(&self, name: &str) -> String {
        format!("{}:{name}", self.prefix)
    }

    /// Begins the call of a script.
    pub fn prepare<'a>(&self, script: &'a Script) -> ScriptInvocation<'a> {
        script.key(self.prefix.as_str())
    }

    /// Calls a script, and again while the connection fails: every script knows its own repetition.
    ///
    /// # Errors
    /// [`QueueError::Store`] if Redis does not answer in time, [`QueueError::OutOfMemory`] if it has no room.
    pub async fn call<T: FromRedisValue + Send>(&self, call: &ScriptInvocation<'_>) -> Result<T, QueueError> {
        patiently(|| {
            let mut connection = self.connection.clone();
            async move { call.invoke_async(&mut connection).await }
        })
        .await
    }

    /// Sends a pipeline, which must be safe to repeat.
    ///
    /// # Errors
    /// As [`Link::call`].
    pub async fn send<T: FromRedisValue + Send>(&self, pipeline: &redis::Pipeline) -> Result<T, QueueError> {
        patiently(|| {
            let mut connection = self.connection.clone();
            async move { pipeline.query_async(&mut connection).await }
        })
        .await
    }
}

async fn patiently<T, F>(attempt: impl Fn() -> F) -> Result<T, QueueError>
where
    F: Future<Output = Result<T, RedisError>>,
{
    let begun = Instant::now();
    let mut pause = FIRST_PAUSE;
    loop {
        let left = PATIENCE.saturating_sub(begun.elapsed());
        let error = match tokio::time::timeout(left, attempt()).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => error,
            Err(_) => return Err(QueueError::Store(format!("no answer within {PATIENCE:?}").into())),
        };
        if !passes(&error) || begun.elapsed() + pause >= PATIENCE {
            return Err(store(error));
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

// True of what a moment may mend: a connection that broke, a server that loads its data or fails over.
fn passes(error: &RedisError) -> bool {
    error.is_io_error()
        || error.is_connection_dropped()
        || matches!(
            error.kind(),
            ErrorKind::Server(
                ServerErrorKind::BusyLoading
                    | ServerErrorKind::TryAgain
                    | ServerErrorKind::MasterDown
                    | ServerErrorKind::ClusterDown
            )
        )
}

/// The queue's error of a Redis error.
pub fn store(error: RedisError) -> QueueError {
    // Scripts tell it within their own error.
    let told = error.to_string();
    if error.code() == Some("OOM") || told.contains("OOM command not allowed") {
        return QueueError::OutOfMemory;
    }
    QueueError::Store(Box::new(error))
}
