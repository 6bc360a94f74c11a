//! Listings as streams of pages and of rows. Every stream ends with an empty page, with the last page and at a page limit, and
//! fails on a cursor that does not move.

use sidecar_core::{Page, client::next_offset};

use super::RequestBuilder;

/// The position and page size of a listing by `skip` and `limit`.
#[derive(Debug, Clone)]
pub(crate) struct OffsetPaging {
    pub(crate) skip: u64,
    pub(crate) limit: u32,
    pub(crate) max_pages: usize,
    max_limit: u32,
}

impl OffsetPaging {
    /// A default page size, and the largest one that the provider accepts; `u32::MAX` if it has no limit.
    pub(crate) const fn new(limit: u32, max_limit: u32) -> Self {
        Self { skip: 0, limit, max_pages: usize::MAX, max_limit }
    }

    /// Adds both to the query; `skip` is the wire name of the offset.
    pub(crate) fn query(&self, builder: RequestBuilder, skip: &'static str) -> RequestBuilder {
        self.check(builder).query(skip, self.skip).query("limit", self.limit)
    }

    /// Adds both to the body.
    pub(crate) fn body(&self, builder: RequestBuilder) -> RequestBuilder {
        self.check(builder).set("skip", self.skip).set("limit", self.limit)
    }

    /// Rejects a page size that the provider would reject or truncate.
    pub(crate) fn check(&self, builder: RequestBuilder) -> RequestBuilder {
        check_page_size(builder, self.limit, self.max_limit)
    }

    /// Returns a page of these rows; it is the last one if it has fewer than `limit`.
    pub(crate) fn page<T>(&self, items: Vec<T>, total: Option<u64>) -> Page<T, u64> {
        Page { next: next_offset(self.skip, self.limit, items.len()), total, items }
    }

    /// Returns the offset after so many rows.
    pub(crate) fn offset_after(&self, rows: usize) -> u64 {
        self.skip.saturating_add(rows as u64)
    }
}

/// The position and page size of a listing by a cursor of the provider.
#[derive(Debug, Clone)]
pub(crate) struct CursorPaging<C> {
    pub(crate) after: Option<C>,
    pub(crate) limit: u32,
    pub(crate) max_pages: usize,
    max_limit: u32,
}

impl<C> CursorPaging<C> {
    /// A default page size, and the largest one that the provider accepts; `u32::MAX` if it has no limit.
    pub(crate) const fn new(limit: u32, max_limit: u32) -> Self {
        Self { after: None, limit, max_pages: usize::MAX, max_limit }
    }

    /// Rejects a page size that the provider would reject or truncate.
    pub(crate) fn check(&self, builder: RequestBuilder) -> RequestBuilder {
        check_page_size(builder, self.limit, self.max_limit)
    }
}

fn check_page_size(builder: RequestBuilder, limit: u32, max: u32) -> RequestBuilder {
    builder.require((1..=max).contains(&limit), || match max {
        u32::MAX => "a page has at least 1 row".to_owned(),
        _ => format!("a page has 1 to {max} rows, not {limit}"),
    })
}

/// Gives a request its pages and rows as streams. It has an `async fn send(self)` that returns a page, and a field `paging`:
/// [`OffsetPaging`] with a function that returns the id of a row, or [`CursorPaging`].
macro_rules! listing {
    ($name:ident => $item:ty, skip, $id:expr) => {
        impl $name {
            /// Skips the first rows: `next` of an earlier page.
            pub fn skip(mut self, rows: u64) -> Self {
                self.paging.skip = rows;
                self
            }

            /// Returns all pages, one after another.
            pub fn pages(
                self,
            ) -> impl ::futures_core::Stream<Item = ::sidecar_core::Result<::sidecar_core::Page<$item, u64>>> + Send {
                let (start, max_pages) = (self.paging.skip, self.paging.max_pages);
                let fetch = move |skip| self.clone().skip(skip).send();
                ::sidecar_core::client::pages_by_offset(start, max_pages, fetch, $id)
            }
        }

        $crate::client::listing!(@common $name => $item);
    };
    ($name:ident => $item:ty, after $cursor:ty) => {
        impl $name {
            /// Continues after an earlier page: its `next`.
            pub fn after(mut self, cursor: $cursor) -> Self {
                self.paging.after = Some(cursor);
                self
            }

            /// Returns all pages, one after another.
            pub fn pages(
                self,
            ) -> impl ::futures_core::Stream<Item = ::sidecar_core::Result<::sidecar_core::Page<$item, $cursor>>> + Send
            {
                let (start, max_pages) = (self.paging.after.clone(), self.paging.max_pages);
                ::sidecar_core::page::pages(start, max_pages, move |after| {
                    let mut next = self.clone();
                    next.paging.after = after;
                    next.send()
                })
            }
        }

        $crate::client::listing!(@common $name => $item);
    };
    (@common $name:ident => $item:ty) => {
        impl $name {
            /// Sets the number of rows in a page.
            pub fn page_size(mut self, rows: u32) -> Self {
                self.paging.limit = rows;
                self
            }

            /// Ends [`pages`](Self::pages) and [`items`](Self::items) after so many pages.
            pub fn max_pages(mut self, pages: usize) -> Self {
                self.paging.max_pages = pages;
                self
            }

            /// Returns all rows, one by one; fetches pages as they are needed.
            pub fn items(self) -> impl ::futures_core::Stream<Item = ::sidecar_core::Result<$item>> + Send {
                ::sidecar_core::page::items(self.pages())
            }
        }
    };
}
pub(crate) use listing;
