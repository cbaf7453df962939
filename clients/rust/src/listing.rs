//! Lists that page by themselves.

use std::sync::Arc;

use futures::{
    Stream, TryStreamExt as _,
    future::BoxFuture,
    stream::{self, BoxStream, StreamExt as _},
};

use crate::Result;

const PAGE: i32 = 500;

type Page<T> = Result<(Vec<T>, String)>;
type Fetch<T> = Arc<dyn Fn(i32, String) -> BoxFuture<'static, Page<T>> + Send + Sync>;

/// A list on the server. Nothing is asked until one of its methods is.
#[must_use = "a listing asks nothing by itself; call `all`, `first` or `stream`"]
pub struct Listing<T> {
    fetch: Fetch<T>,
    page_size: i32,
}

impl<T> std::fmt::Debug for Listing<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Listing").finish_non_exhaustive()
    }
}

impl<T: Send + 'static> Listing<T> {
    pub(crate) fn new<F, Fut>(fetch: F) -> Self
    where
        F: Fn(i32, String) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Page<T>> + Send + 'static,
    {
        Self { fetch: Arc::new(move |size, token| Box::pin(fetch(size, token))), page_size: PAGE }
    }

    /// Asks for so many at a time; 500 by default. The server gives 1,000 at most (of files 10,000).
    pub fn page_size(self, page_size: u16) -> Self {
        Self { page_size: i32::from(page_size.max(1)), ..self }
    }

    /// All of it, in memory.
    ///
    /// # Errors
    /// As the call has them.
    pub async fn all(&self) -> Result<Vec<T>> {
        self.stream().try_collect().await
    }

    /// The first `count` of it.
    ///
    /// # Errors
    /// As the call has them.
    pub async fn first(&self, count: usize) -> Result<Vec<T>> {
        let size = i32::try_from(count).unwrap_or(self.page_size).clamp(1, self.page_size);
        self.pages(size).take(count).try_collect().await
    }

    /// One at a time, page after page.
    pub fn stream(&self) -> BoxStream<'static, Result<T>> {
        self.pages(self.page_size).boxed()
    }

    fn pages(&self, size: i32) -> impl Stream<Item = Result<T>> + Send + use<T> {
        let fetch = self.fetch.clone();
        stream::try_unfold(Some(String::new()), move |token| {
            let fetch = fetch.clone();
            async move {
                let Some(token) = token else { return Ok(None) };
                let (items, next) = fetch(size, token).await?;
                let next = (!next.is_empty()).then_some(next);
                Ok(Some((stream::iter(items.into_iter().map(Ok)), next)))
            }
        })
        .try_flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(last: usize) -> Listing<usize> {
        Listing::new(move |size, token| async move {
            let from: usize = token.parse().unwrap_or(0);
            let to = (from + size as usize).min(last);
            let next = if to == last { String::new() } else { to.to_string() };
            Ok(((from..to).collect(), next))
        })
    }

    #[tokio::test]
    async fn a_list_is_read_page_after_page() {
        assert_eq!(numbers(1234).all().await.expect("numbers"), (0..1234).collect::<Vec<_>>());
        assert_eq!(numbers(1234).first(3).await.expect("numbers"), [0, 1, 2]);
        assert_eq!(numbers(0).all().await.expect("numbers"), [] as [usize; 0]);
    }

    #[tokio::test]
    async fn a_page_is_as_large_as_the_caller_says() {
        let sizes = Listing::new(|size, token| async move {
            let next = if token.is_empty() { "2".to_owned() } else { String::new() };
            Ok((vec![size], next))
        });
        assert_eq!(sizes.page_size(7).all().await.expect("sizes"), [7, 7]);
    }
}
