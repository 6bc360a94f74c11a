use std::time::Duration;

use futures_core::Stream;
use sidecar_core::{Page, Result, Timestamp, client::pages_by_offset, page};

use crate::{
    bookings::Sort,
    client::{RequestBuilder, request},
    model::{OooEntry, OooReason, UserId, WireTime},
};

const DAY: i64 = 86_400_000_000;
/// Entries in a page unless set otherwise; the most that the provider gives.
const PAGE_SIZE: u32 = 250;

/// Whether it is a midnight in UTC.
pub(crate) fn is_midnight(time: Timestamp) -> bool {
    time.as_micros().rem_euclid(DAY) == 0
}

/// Sets the period. The provider ends a period with the last millisecond of its last day, wherever in that day it was asked to.
fn period(builder: RequestBuilder, start: Timestamp, end: Timestamp) -> RequestBuilder {
    let whole = is_midnight(start) && is_midnight(end) && start < end;
    let builder =
        builder.require(whole, "out of office is whole days in UTC: give two midnights, the end after the start");
    builder.set("start", WireTime::from(start)).set("end", WireTime::from(end - Duration::from_secs(1)))
}

request! {
    /// Says that somebody is away. From [`OutOfOffice::create`](super::OutOfOffice::create). The same period twice is refused as
    /// [`CalcomErrorReason::AlreadyExists`](crate::CalcomErrorReason::AlreadyExists).
    CreateOoo => OooEntry, via data;
    body {
        /// Notes.
        "notes" notes: String,
        /// Who is booked instead.
        "toUserId" to_user: UserId,
        /// Why; unspecified unless set.
        "reason" reason: OooReason,
    }
}

impl CreateOoo {
    pub(super) fn new(builder: RequestBuilder, start: Timestamp, end: Timestamp) -> Self {
        Self(period(builder, start, end))
    }
}

request! {
    /// Changes an entry. From [`OutOfOffice::update`](super::OutOfOffice::update).
    UpdateOoo => OooEntry, via data;
    body {
        /// Notes.
        "notes" notes: String,
        /// Who is booked instead.
        "toUserId" to_user: UserId,
        /// Why.
        "reason" reason: OooReason,
    }
}

impl UpdateOoo {
    /// Another period: two midnights in UTC, as in [`OutOfOffice::create`](super::OutOfOffice::create).
    pub fn between(self, start: Timestamp, end: Timestamp) -> Self {
        Self(period(self.0, start, end))
    }
}

request! {
    /// Lists entries. From [`OutOfOffice::list`](super::OutOfOffice::list).
    ListOoo => Page<OooEntry, u64>, via send;
    query {
        /// Of the user with this e-mail address; in an organization's listing only.
        "email" email: String,
        /// Ordered by when they begin.
        "sortStart" sort_start: Sort,
        /// Ordered by when they end.
        "sortEnd" sort_end: Sort,
        /// Leaves out the first ones: an earlier page's `next`.
        "skip" skip: u64,
        /// Entries in a page: 1 to 250, 250 unless set.
        "take" page_size: u32,
    }
}

impl ListOoo {
    pub(super) fn new(builder: RequestBuilder) -> Self {
        Self(builder)
    }

    /// All entries from `skip` on, one by one.
    pub fn items(self) -> impl Stream<Item = Result<OooEntry>> + Send {
        let from = self.0.query_number("skip").unwrap_or(0);
        let fetch = move |at| self.clone().skip(at).send();
        page::items(pages_by_offset(from, usize::MAX, fetch, |entry: &OooEntry| Some(entry.id.to_string())))
    }

    async fn send(self) -> Result<Page<OooEntry, u64>> {
        self.0.page(PAGE_SIZE).await
    }
}
