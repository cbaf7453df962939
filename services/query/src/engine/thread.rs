//! Threads whose stack is large: parser, binder and optimizer of DuckDB recurse as deep as a statement nests.

use crate::error::QueryError;

// Address space; pages are taken only where the stack really grows.
const STACK: usize = 256 << 20;

/// Runs work on a thread of its own and waits for it.
pub async fn on_large_stack<T: Send + 'static>(
    name: &'static str,
    work: impl FnOnce() -> Result<T, QueryError> + Send + 'static,
) -> Result<T, QueryError> {
    let (answer, asked) = tokio::sync::oneshot::channel();
    spawn(name, move || {
        // Nobody waits any more once the caller has gone.
        let _gone = answer.send(work());
    })?;
    asked.await.map_err(|_| QueryError::Internal(format!("the {name} thread panicked")))?
}

/// Starts a thread.
pub fn spawn(name: &'static str, work: impl FnOnce() + Send + 'static) -> Result<(), QueryError> {
    let started = std::thread::Builder::new().name(name.to_owned()).stack_size(STACK).spawn(work);
    started.map(|_| ()).map_err(|error| QueryError::Internal(format!("no thread for {name}: {error}")))
}
