//! Pages and streams over them. A stream stops on an empty page, at the last page, at a page limit, and fails on a
//! cursor that does not move: a provider that repeats itself must not keep a caller busy for ever.

use futures_core::Stream;
use futures_util::{TryStreamExt, stream};

use crate::error::{Error, ErrorKind, Result};

/// One page of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T, C> {
    /// The rows of this page, in the provider's order.
    pub items: Vec<T>,
    /// Where the next page starts; `None` after the last.
    pub next: Option<C>,
    /// How many rows there are in all, where the provider says so.
    pub total: Option<u64>,
}

impl<T, C> Page<T, C> {
    /// The same page with other items.
    pub fn map<U>(self, change: impl FnMut(T) -> U) -> Page<U, C> {
        Page { items: self.items.into_iter().map(change).collect(), next: self.next, total: self.total }
    }
}

/// The pages that `fetch` gives, from `start` on, at most `max_pages` of them.
///
/// ```
/// use futures_util::TryStreamExt;
/// use sidecar_core::page::{Page, items, pages};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> sidecar_core::Result<()> {
/// let numbers = pages(None, usize::MAX, |at: Option<u32>| async move {
///     let from = at.unwrap_or(0);
///     Ok(Page { items: vec![from, from + 1], next: (from < 4).then_some(from + 2), total: None })
/// });
/// let all: Vec<u32> = items(numbers).try_collect().await?;
/// assert_eq!(all, [0, 1, 2, 3, 4, 5]);
/// # Ok(())
/// # }
/// ```
pub fn pages<T, C, F, Fut>(start: Option<C>, max_pages: usize, fetch: F) -> impl Stream<Item = Result<Page<T, C>>>
where
    C: Clone + PartialEq,
    F: FnMut(Option<C>) -> Fut,
    Fut: Future<Output = Result<Page<T, C>>>,
{
    let first = (max_pages > 0).then(|| (start, 1_usize, CursorGuard::new(), fetch));
    stream::try_unfold(first, move |state| async move {
        let Some((at, number, mut guard, mut fetch)) = state else { return Ok(None) };
        guard.visit(at.as_ref())?;
        let page = fetch(at).await?;
        if page.items.is_empty() {
            return Ok(None);
        }
        let following = page.next.clone().filter(|_| number < max_pages);
        let following = following.map(|next| (Some(next), number + 1, guard, fetch));
        Ok(Some((page, following)))
    })
}

/// Notices a listing whose cursors repeat, by comparing each with the one at the last power of two.
#[derive(Debug)]
pub(crate) struct CursorGuard<C> {
    landmark: Option<C>,
    visited: u64,
}

impl<C: Clone + PartialEq> CursorGuard<C> {
    pub(crate) fn new() -> Self {
        Self { landmark: None, visited: 0 }
    }

    /// A page is about to be asked for.
    ///
    /// # Errors
    /// [`ErrorKind::Decode`]: this page was asked for before.
    pub(crate) fn visit(&mut self, cursor: Option<&C>) -> Result<()> {
        if cursor.is_some() && cursor == self.landmark.as_ref() {
            let why = format!("the listing's cursor does not move: after {} pages it names one again", self.visited);
            return Err(Error::new(ErrorKind::Decode, why));
        }
        self.visited += 1;
        if self.visited.is_power_of_two() || self.landmark.is_none() {
            self.landmark = cursor.cloned();
        }
        Ok(())
    }
}

/// The rows of a stream of pages, one by one.
pub fn items<T, C>(pages: impl Stream<Item = Result<Page<T, C>>>) -> impl Stream<Item = Result<T>> {
    pages.map_ok(|page| stream::iter(page.items.into_iter().map(Ok))).try_flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(items: &[u8], next: Option<u8>) -> Result<Page<u8, u8>> {
        Ok(Page { items: items.to_vec(), next, total: None })
    }

    async fn all(pages: impl Stream<Item = Result<Page<u8, u8>>>) -> Result<Vec<u8>> {
        items(pages).try_collect().await
    }

    #[tokio::test]
    async fn a_cursor_that_does_not_move_is_an_error() {
        let stuck = pages(None, usize::MAX, |_| async { page(&[1], Some(9)) });
        assert_eq!(all(stuck).await.unwrap_err().kind(), ErrorKind::Decode);
    }

    #[tokio::test]
    async fn cursors_that_go_in_a_circle_are_an_error() {
        let circle = pages(Some(0), usize::MAX, |at: Option<u8>| async move { page(&[1], at.map(|n| (n + 1) % 7)) });
        assert_eq!(all(circle).await.unwrap_err().kind(), ErrorKind::Decode);
    }

    #[tokio::test]
    async fn an_empty_page_ends_the_stream_though_it_names_a_next() {
        let stream = pages(None, usize::MAX, |at: Option<u8>| async move {
            if at.is_none() { page(&[1], Some(1)) } else { page(&[], Some(2)) }
        });
        assert_eq!(all(stream).await.unwrap(), [1]);
    }

    #[tokio::test]
    async fn the_page_limit_ends_the_stream() {
        let endless =
            pages(Some(0), 3, |at: Option<u8>| async move { page(&at.map(|n| [n]).unwrap(), at.map(|n| n + 1)) });
        assert_eq!(all(endless).await.unwrap(), [0, 1, 2]);
    }
}
