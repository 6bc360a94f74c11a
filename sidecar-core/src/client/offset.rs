use futures_core::Stream;
use futures_util::TryStreamExt;

use crate::{
    error::Result,
    page::{self, Page},
};

/// A position in a listing by offset. Positions are equal if their last rows are: a provider that ignores the offset and returns the
/// same page again is noticed although the offset grows.
#[derive(Debug, Clone)]
struct Position {
    offset: u64,
    last: Option<String>,
}

impl PartialEq for Position {
    fn eq(&self, other: &Self) -> bool {
        self.last == other.last
    }
}

/// Returns the pages from `start` on, at most `max_pages`. `id` returns what distinguishes a row from others.
///
/// # Errors
/// Those of `fetch`; [`ErrorKind::Decode`](crate::ErrorKind::Decode) when the provider repeats a page.
pub fn pages_by_offset<T, F, Fut>(
    start: u64,
    max_pages: usize,
    fetch: F,
    id: fn(&T) -> Option<String>,
) -> impl Stream<Item = Result<Page<T, u64>>> + Send
where
    T: Send,
    F: Fn(u64) -> Fut + Send + Sync,
    Fut: Future<Output = Result<Page<T, u64>>> + Send,
{
    let first = Position { offset: start, last: None };
    let pages = page::pages(Some(first), max_pages, move |at| {
        let fetched = fetch(at.map_or(start, |at| at.offset));
        async move {
            let page = fetched.await?;
            let last = page.items.last().and_then(id);
            let next = page.next.map(|offset| Position { offset, last });
            Ok(Page { items: page.items, next, total: page.total })
        }
    });
    pages.map_ok(|page| Page { next: page.next.map(|at| at.offset), total: page.total, items: page.items })
}

/// Returns the next offset of a listing that does not report its end; `None` after a page with fewer than `limit` rows.
pub fn next_offset(offset: u64, limit: u32, rows: usize) -> Option<u64> {
    (rows > 0 && rows >= limit as usize).then(|| offset.saturating_add(rows as u64))
}
