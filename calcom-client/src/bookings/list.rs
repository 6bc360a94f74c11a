use futures_core::Stream;
use serde::Deserialize;
use serde_json::Value;
use sidecar_core::{
    Page, Result,
    client::{next_offset, pages_by_offset},
    page,
};

use crate::{
    client::{RequestBuilder, request},
    error::error_in_success,
    model::{Booking, BookingUid, EventTypeId, TeamId, WireTime},
};

/// Bookings in a page unless set otherwise; the provider's own number.
const PAGE_SIZE: u32 = 100;
/// The largest page that other listings of the provider give.
const MAX_PAGE_SIZE: u32 = 250;

sidecar_core::open_enum! {
    /// Which bookings are listed. These are not the values of [`BookingStatus`](crate::model::BookingStatus).
    pub enum StatusFilter {
        /// Yet to come.
        Upcoming = "upcoming",
        /// Of a series.
        Recurring = "recurring",
        /// Over.
        Past = "past",
        /// Cancelled or rejected.
        Cancelled = "cancelled",
        /// Waiting for the host's word.
        Unconfirmed = "unconfirmed",
    }
}

/// Which way a listing is ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Sort {
    /// The smallest first.
    Asc,
    /// The largest first.
    Desc,
}

request! {
    /// Lists bookings. From [`Bookings::list`](super::Bookings::list).
    ///
    /// What changed since a time: `.updated_after(time).sort_updated(Sort::Asc)`.
    ///
    /// A field of a booking that is not of its type is in `extra`, as it was sent.
    ListBookings => Page<Booking, u64>, via send;
    query {
        /// Of these kinds.
        "status" status: Vec<StatusFilter>,
        /// With this attendee, by e-mail address.
        "attendeeEmail" attendee_email: String,
        /// With an attendee of this name.
        "attendeeName" attendee_name: String,
        /// The one with this uid.
        "bookingUid" uid: BookingUid,
        /// Of this event type.
        "eventTypeId" event_type: EventTypeId,
        /// Of these event types.
        "eventTypeIds" event_types: Vec<EventTypeId>,
        /// Of this team.
        "teamId" team: TeamId,
        /// Of these teams.
        "teamsIds" teams: Vec<TeamId>,
        /// That begin then or later.
        "afterStart" start_after: WireTime,
        /// That end then or earlier.
        "beforeEnd" end_before: WireTime,
        /// Made then or later.
        "afterCreatedAt" created_after: WireTime,
        /// Made then or earlier.
        "beforeCreatedAt" created_before: WireTime,
        /// Changed then or later.
        "afterUpdatedAt" updated_after: WireTime,
        /// Changed then or earlier.
        "beforeUpdatedAt" updated_before: WireTime,
        /// Ordered by when they begin.
        "sortStart" sort_start: Sort,
        /// Ordered by when they end.
        "sortEnd" sort_end: Sort,
        /// Ordered by when they were made.
        "sortCreated" sort_created: Sort,
        /// Ordered by when they last changed.
        "sortUpdatedAt" sort_updated: Sort,
        /// Leaves out the first ones: an earlier page's `next`.
        "skip" skip: u64,
        /// Bookings in a page: 1 to 250, 100 unless set.
        "take" page_size: u32,
    }
}

#[derive(Deserialize)]
struct Listed<T> {
    data: Vec<T>,
    #[serde(default)]
    pagination: Option<Pagination>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Pagination {
    #[serde(default)]
    total_items: Option<u64>,
    #[serde(default)]
    has_next_page: Option<bool>,
}

impl ListBookings {
    pub(super) fn new(builder: RequestBuilder) -> Self {
        Self(builder)
    }

    /// All pages, one after another. A booking that comes or goes meanwhile moves the others: what an order by update time
    /// ascending leaves out, the next listing from then on has.
    pub fn pages(self) -> impl Stream<Item = Result<Page<Booking, u64>>> + Send {
        let skip = self.0.query_number("skip").unwrap_or(0);
        pages_by_offset(
            skip,
            usize::MAX,
            move |at| self.clone().skip(at).send(),
            |booking: &Booking| Some(booking.uid.to_string()),
        )
    }

    /// All bookings, one by one; pages are fetched as they are needed.
    pub fn items(self) -> impl Stream<Item = Result<Booking>> + Send {
        page::items(self.pages())
    }

    async fn send(self) -> Result<Page<Booking, u64>> {
        self.page(false).await
    }

    /// The same page, without the rows that are no bookings at all: one of them does not stop a listing for ever.
    pub(crate) async fn leaving_out_unreadable(self) -> Result<Page<Booking, u64>> {
        self.page(true).await
    }

    async fn page(self, leaves_out: bool) -> Result<Page<Booking, u64>> {
        let skip = self.0.query_number("skip").unwrap_or(0);
        let take = self.0.query_number("take").and_then(|take| u32::try_from(take).ok()).unwrap_or(PAGE_SIZE);
        let fits = (1..=MAX_PAGE_SIZE).contains(&take);
        let builder = self.0.query("take", take).query("skip", skip).require(fits, "a page has 1 to 250 bookings");
        let answer = builder.send().await?;
        let (rows, pagination, items) = match answer.json::<Listed<Booking>>() {
            Ok(Listed { data, pagination }) => (data.len(), pagination, data),
            Err(error) => {
                let Ok(listed) = answer.json::<Listed<Value>>() else {
                    return Err(error_in_success(&answer).unwrap_or(error));
                };
                let rows = listed.data.len();
                let items: Vec<_> = listed.data.into_iter().filter_map(readable).collect();
                if items.len() < rows && !leaves_out {
                    return Err(error);
                }
                (rows, listed.pagination, items)
            }
        };
        let more = pagination.as_ref().and_then(|pagination| pagination.has_next_page);
        let next = match more {
            Some(more) => (more && rows > 0).then_some(skip + rows as u64),
            None => next_offset(skip, take, rows),
        };
        let total = pagination.and_then(|pagination| pagination.total_items);
        Ok(Page { next, total, items })
    }
}

fn readable(row: Value) -> Option<Booking> {
    let uid = row.get("uid").map(Value::to_string);
    let warn = |error: &_| tracing::warn!(uid, %error, "a listed booking cannot be read");
    Booking::parse(row).inspect_err(warn).ok()
}
