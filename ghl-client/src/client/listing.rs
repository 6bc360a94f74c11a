//! Listings as streams of pages and of rows. Every one ends with an empty page, with the last page, and at a page limit, and
//! fails on a place that does not move.

use futures_core::Stream;
use futures_util::TryStreamExt;
use sidecar_core::{Page, Result, page};

use super::RequestBuilder;

/// A listing by `skip` and `limit`: where it stands.
#[derive(Debug, Clone)]
pub(crate) struct BySkip {
    pub(crate) skip: u64,
    pub(crate) limit: u32,
    pub(crate) max_pages: usize,
    largest: u32,
}

impl BySkip {
    /// So many rows in a page unless set otherwise, and at most so many where the provider says so.
    pub(crate) const fn new(limit: u32, largest: u32) -> Self {
        Self { skip: 0, limit, max_pages: usize::MAX, largest }
    }

    /// Adds the two to the query, under the names they have there.
    pub(crate) fn query(&self, draft: RequestBuilder, skip: &'static str) -> RequestBuilder {
        self.check(draft).query(skip, self.skip).query("limit", self.limit)
    }

    /// Adds the two to the body.
    pub(crate) fn body(&self, draft: RequestBuilder) -> RequestBuilder {
        self.check(draft).set("skip", self.skip).set("limit", self.limit)
    }

    /// Refuses a page size that the provider would refuse or cut.
    pub(crate) fn check(&self, draft: RequestBuilder) -> RequestBuilder {
        check_page_size(draft, self.limit, self.largest)
    }

    /// A page of these rows. One that is shorter than asked for is the last.
    pub(crate) fn page<T>(&self, items: Vec<T>, total: Option<u64>) -> Page<T, u64> {
        let full = items.len() >= self.limit as usize;
        Page { next: full.then(|| self.behind(items.len())), total, items }
    }

    /// Where the rows go on behind so many.
    pub(crate) fn behind(&self, rows: usize) -> u64 {
        self.skip.saturating_add(rows as u64)
    }
}

/// A listing by a cursor of the provider's: where it stands.
#[derive(Debug, Clone)]
pub(crate) struct ByCursor<C> {
    pub(crate) after: Option<C>,
    pub(crate) limit: u32,
    pub(crate) max_pages: usize,
    largest: u32,
}

impl<C> ByCursor<C> {
    /// So many rows in a page unless set otherwise, and at most so many.
    pub(crate) const fn new(limit: u32, largest: u32) -> Self {
        Self { after: None, limit, max_pages: usize::MAX, largest }
    }

    /// Refuses a page size that the provider would refuse or cut.
    pub(crate) fn check(&self, draft: RequestBuilder) -> RequestBuilder {
        check_page_size(draft, self.limit, self.largest)
    }
}

fn check_page_size(draft: RequestBuilder, limit: u32, largest: u32) -> RequestBuilder {
    draft.require((1..=largest).contains(&limit), || match largest {
        u32::MAX => "a page has at least 1 row".to_owned(),
        _ => format!("a page has 1 to {largest} rows, not {limit}"),
    })
}

/// A place in a listing by `skip`. Places are equal by the row before them, so that a provider that ignores `skip` and gives
/// the same page again is noticed, though the number grows.
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

/// All pages from `start` on, at most so many. `id` tells rows apart.
pub(crate) fn pages_by_skip<T, F, Fut>(
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
    let first = Behind { skip: start, last: None };
    let pages = page::pages(Some(first), max_pages, move |at| {
        let fetched = fetch(at.map_or(start, |at| at.skip));
        async move {
            let page = fetched.await?;
            let last = page.items.last().and_then(id);
            let next = page.next.map(|skip| Behind { skip, last });
            Ok(Page { items: page.items, next, total: page.total })
        }
    });
    pages.map_ok(|page| Page { next: page.next.map(|at| at.skip), total: page.total, items: page.items })
}

/// Gives a request its pages and rows as streams. It has an `async fn send(self)` that gives a page, and a field `at`:
/// [`BySkip`] with a function that names a row, or [`ByCursor`].
macro_rules! listing {
    ($name:ident => $item:ty, skip, $id:expr) => {
        $crate::client::listing!(@page_size $name);

        impl $name {
            /// Leaves out the first ones: an earlier page's `next`.
            pub fn skip(mut self, rows: u64) -> Self {
                self.at.skip = rows;
                self
            }

            /// All pages, one after another.
            pub fn pages(
                self,
            ) -> impl ::futures_core::Stream<Item = ::sidecar_core::Result<::sidecar_core::Page<$item, u64>>> + Send {
                let (start, max_pages) = (self.at.skip, self.at.max_pages);
                $crate::client::pages_by_skip(start, max_pages, move |skip| self.clone().skip(skip).send(), $id)
            }
        }

        $crate::client::listing!(@items $name => $item);
    };
    ($name:ident => $item:ty, after $cursor:ty) => {
        $crate::client::listing!(@page_size $name);

        impl $name {
            /// Goes on behind an earlier page: its `next`.
            pub fn after(mut self, cursor: $cursor) -> Self {
                self.at.after = Some(cursor);
                self
            }

            /// All pages, one after another.
            pub fn pages(
                self,
            ) -> impl ::futures_core::Stream<Item = ::sidecar_core::Result<::sidecar_core::Page<$item, $cursor>>> + Send
            {
                let (start, max_pages) = (self.at.after.clone(), self.at.max_pages);
                ::sidecar_core::page::pages(start, max_pages, move |after| {
                    let mut next = self.clone();
                    next.at.after = after;
                    next.send()
                })
            }
        }

        $crate::client::listing!(@items $name => $item);
    };
    (@page_size $name:ident) => {
        impl $name {
            /// Rows in a page.
            pub fn page_size(mut self, rows: u32) -> Self {
                self.at.limit = rows;
                self
            }

            /// Ends [`pages`](Self::pages) and [`items`](Self::items) after so many pages.
            pub fn max_pages(mut self, pages: usize) -> Self {
                self.at.max_pages = pages;
                self
            }
        }
    };
    (@items $name:ident => $item:ty) => {
        impl $name {
            /// All rows, one by one; pages are fetched as they are needed.
            pub fn items(self) -> impl ::futures_core::Stream<Item = ::sidecar_core::Result<$item>> + Send {
                ::sidecar_core::page::items(self.pages())
            }
        }
    };
}
pub(crate) use listing;
