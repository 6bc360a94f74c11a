use std::time::Duration;

use serde::{Deserialize, Serialize};
use sidecar_core::{
    ErrorKind, OrganizationId, Page, Result, Timestamp,
    record::{Change, ChangeOrigin, Mutation},
    sync::{Lookup, PageRequest, Source, SourcePage},
};

use super::booking;
use crate::{
    bookings::Sort,
    client::CalcomClient,
    model::{Booking, BookingUid, WireTime},
};

/// Bookings per page.
const PAGE_SIZE: u32 = 100;
/// The overlap of a page with the last update of the previous page. It makes the sync independent of whether the provider's "after"
/// includes the instant itself.
const OVERLAP: Duration = Duration::from_millis(1);

/// Lists the bookings of an account by their last change, as a source to sync.
///
/// A field of an unexpected type is stored as it was sent. A row without a uid is skipped and logged, so that it does not fail every
/// run.
///
/// Cal.com lists cancelled bookings too, so no booking disappears from the listing and a run never deletes one.
#[derive(Debug)]
pub struct BookingsSource {
    client: CalcomClient,
    organization: OrganizationId,
}

/// The start of a page of bookings: an update time, and the number of bookings to skip from there on. Because pages continue by time
/// rather than by offset alone, a booking that changes during a run does not shift others out of the following pages.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BookingsCursor {
    after: Timestamp,
    skip: u64,
}

impl BookingsSource {
    /// Returns a source of the account's bookings.
    pub fn new(client: CalcomClient, organization: impl Into<OrganizationId>) -> Self {
        Self { client, organization: organization.into() }
    }
}

impl Lookup for BookingsSource {
    async fn lookup(&self, id: &str, revision: u64) -> Result<Change> {
        let (uid, asked_at) = (BookingUid::from(id), self.client.clock().now());
        let origin = ChangeOrigin::Read { revision };
        match self.client.bookings().get(uid.clone()).background().await {
            Ok(booked) => {
                let mut bookings = booked.into_vec();
                // A request for one booking of a series returns the whole series.
                bookings.retain(|booking| booking.uid == uid);
                Ok(match bookings.first() {
                    Some(booking) => booking::fetched(&self.organization, booking, asked_at, origin),
                    None => booking::change(&self.organization, &uid, asked_at, origin, Mutation::Delete),
                })
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                Ok(booking::change(&self.organization, &uid, asked_at, origin, Mutation::Delete))
            }
            Err(error) => Err(error),
        }
    }
}

impl Source for BookingsSource {
    type Cursor = BookingsCursor;

    async fn page(&self, request: PageRequest<BookingsCursor>) -> Result<SourcePage<BookingsCursor>> {
        let first = BookingsCursor { after: request.since.unwrap_or(Timestamp::EPOCH), skip: 0 };
        let BookingsCursor { after, skip } = request.cursor.unwrap_or(first);
        let asked_at = self.client.clock().now();
        let list = self.client.bookings().list().updated_after(after).sort_updated(Sort::Asc);
        let listed = list.page_size(PAGE_SIZE).skip(skip).background().leaving_out_unreadable().await?;
        let next = listed.next.map(|offset| next(after, offset, &listed.items));
        let change = |booking| booking::fetched(&self.organization, booking, asked_at, ChangeOrigin::Listed);
        let items = listed.items.iter().map(change).collect();
        Ok(SourcePage { page: Page { items, next, total: listed.total }, range: None })
    }
}

/// Returns the cursor after a page that started at `after`: the page's last update, or `offset` bookings after `after` if all of the
/// page changed at one instant or could not be read.
fn next(after: Timestamp, offset: u64, page: &[Booking]) -> BookingsCursor {
    let last = page.last().and_then(|last| last.updated_at.as_ref()).and_then(WireTime::timestamp);
    match last.map(|last| last - OVERLAP) {
        Some(last) if last > after => BookingsCursor { after: last, skip: 0 },
        _ => BookingsCursor { after, skip: offset },
    }
}
