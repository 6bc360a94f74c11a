//! Listings by `skip` and `limit`.

use futures_core::Stream;
use sidecar_core::{Page, Result, page};

/// Where a listing goes on; a page that is shorter than asked for is the last one.
pub(super) fn next_skip(skip: u64, limit: u32, rows: usize) -> Option<u64> {
    (rows >= limit as usize && rows > 0).then_some(skip + rows as u64)
}

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

/// All rows from `skip` on, one by one.
pub(super) fn items<T, F, Fut>(
    skip: u64,
    fetch: F,
    id: fn(&T) -> Option<String>,
) -> impl Stream<Item = Result<T>> + Send
where
    T: Send,
    F: Fn(u64) -> Fut + Clone + Send + Sync,
    Fut: Future<Output = Result<Page<T, u64>>> + Send,
{
    let start = Behind { skip, last: None };
    page::items(page::pages(Some(start), usize::MAX, move |at| {
        let fetched = fetch(at.map_or(skip, |at| at.skip));
        async move {
            let page = fetched.await?;
            let last = page.items.last().and_then(id);
            let next = page.next.map(|skip| Behind { skip, last });
            Ok(Page { items: page.items, next, total: page.total })
        }
    }))
}
