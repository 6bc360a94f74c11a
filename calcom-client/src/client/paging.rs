//! Listings by `skip` and `take`.

use futures_core::Stream;
use sidecar_core::{Page, Result, page};

/// A place in a listing. Places are equal by the row before them, so that a provider that ignores `skip` and gives the
/// same page again is noticed, though the number grows.
#[derive(Debug, Clone)]
struct Behind {
    skip: u64,
    last: Option<String>,
}

impl PartialEq for Behind {
    fn eq(&self, other: &Self) -> bool {
        self.last == other.last
    }
}

/// All pages from `skip` on.
pub(crate) fn pages<T, F, Fut>(
    skip: u64,
    fetch: F,
    id: fn(&T) -> String,
) -> impl Stream<Item = Result<Page<T, u64>>> + Send
where
    T: Send,
    F: Fn(u64) -> Fut + Clone + Send + Sync,
    Fut: Future<Output = Result<Page<T, u64>>> + Send,
{
    use futures_util::TryStreamExt;
    let start = Behind { skip, last: None };
    let pages = page::pages(Some(start), usize::MAX, move |at| {
        let fetched = fetch(at.map_or(skip, |at| at.skip));
        async move {
            let page = fetched.await?;
            let last = page.items.last().map(id);
            let next = page.next.map(|skip| Behind { skip, last });
            Ok(Page { items: page.items, next, total: page.total })
        }
    });
    pages.map_ok(|page| Page { next: page.next.map(|at| at.skip), items: page.items, total: page.total })
}

/// Where a listing without a word on its end goes on: a page shorter than asked for is the last one.
pub(crate) fn next_skip(skip: u64, take: u32, rows: usize) -> Option<u64> {
    (rows > 0 && rows >= take as usize).then_some(skip + rows as u64)
}
