//! Pages and streams over them. A stream stops on an empty page, at the last page, at a page limit, and fails on a
//! cursor that does not move: a provider that repeats itself must not keep a caller busy for ever.

use futures_core::Stream;
use futures_util::{StreamExt, TryStreamExt, stream};

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
/// # use futures_util::TryStreamExt;
/// use sidecar_core::page::{Page, pages};
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let numbers = pages(None, usize::MAX, |at: Option<u32>| async move {
///     let from = at.unwrap_or(0);
///     Ok(Page { items: vec![from, from + 1], next: (from < 4).then_some(from + 2), total: None })
/// });
/// let all: Vec<u32> = sidecar_core::page::items(numbers).try_collect().await?;
/// assert_eq!(all, [0, 1, 2, 3, 4, 5]);
/// # sidecar_core::Result::Ok(()) }).unwrap();
/// ```
pub fn pages<T, C, F, Fut>(start: Option<C>, max_pages: usize, fetch: F) -> impl Stream<Item = Result<Page<T, C>>>
where
    C: Clone + PartialEq,
    F: FnMut(Option<C>) -> Fut,
    Fut: Future<Output = Result<Page<T, C>>>,
{
    let first = (max_pages > 0).then_some((start, 1_usize, fetch));
    stream::try_unfold(first, move |state| async move {
        let Some((at, number, mut fetch)) = state else {
            return Ok(None);
        };
        let page = fetch(at.clone()).await?;
        if page.items.is_empty() {
            return Ok(None);
        }
        let following = match &page.next {
            Some(next) if Some(next) == at.as_ref() => {
                return Err(Error::new(
                    ErrorKind::Decode,
                    format!("page {number} names itself as the next one: the cursor does not move"),
                ));
            }
            Some(next) if number < max_pages => Some((Some(next.clone()), number + 1, fetch)),
            _ => None,
        };
        Ok(Some((page, following)))
    })
}

/// The rows of a stream of pages, one by one.
pub fn items<T, C>(pages: impl Stream<Item = Result<Page<T, C>>>) -> impl Stream<Item = Result<T>> {
    pages.map_ok(|page| stream::iter(page.items).map(Ok)).try_flatten()
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
