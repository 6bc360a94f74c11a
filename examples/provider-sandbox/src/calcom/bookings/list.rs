//! Lists bookings: filters, sort orders and pages.

use serde_json::{Value, json};

use super::record::{Booking, BookingAttendee, Status};
use crate::calcom::account::Account;
use crate::calcom::response::ApiError;
use crate::calcom::schema::Query;

const STATUSES: [&str; 5] = ["upcoming", "recurring", "past", "cancelled", "unconfirmed"];

#[derive(Debug)]
struct Filter<'a> {
    query: &'a Query,
    statuses: Option<Vec<&'a str>>,
    event_types: Option<Vec<i64>>,
    after_start: Option<i64>,
    before_end: Option<i64>,
    created: (Option<i64>, Option<i64>),
    updated: (Option<i64>, Option<i64>),
    now_ms: i64,
}

/// Returns a page of bookings in its envelope.
pub(super) fn page(account: &Account, query: &Query, now_ms: i64) -> Result<Value, ApiError> {
    let filter = Filter::parse(query, now_ms)?;
    let (take, skip) = (query.number_in_range("take", 1..=250, 100)?, query.number_in_range("skip", 0..=i64::MAX, 0)?);
    let mut bookings: Vec<&Booking> = account.bookings.values().filter(|booking| filter.matches(booking)).collect();
    sort(&mut bookings, query)?;
    let total = bookings.len();
    let page: Vec<Value> = bookings.into_iter().skip(skip).take(take).map(|booking| booking.to_json(account)).collect();
    let (returned, last) = (page.len(), total.min(skip.saturating_add(page.len())));
    let pagination = json!({
        "totalItems": total, "remainingItems": total - last, "returnedItems": returned, "itemsPerPage": take,
        "currentPage": skip / take + 1, "totalPages": total.div_ceil(take), "hasNextPage": last < total && returned > 0,
        "hasPreviousPage": skip > 0,
    });
    Ok(json!({"status": "success", "data": page, "pagination": pagination}))
}

impl<'a> Filter<'a> {
    fn parse(query: &'a Query, now_ms: i64) -> Result<Self, ApiError> {
        let statuses = query.list("status");
        if let Some(invalid) = statuses.iter().flatten().find(|status| !STATUSES.contains(status)) {
            let reason = format!("Invalid status {invalid}. Allowed are: {}", STATUSES.join(", "));
            return Err(ApiError::invalid("status", reason));
        }
        let number = |text: &str| text.parse::<i64>().map_err(|_| ApiError::invalid("eventTypeIds", "must be numbers"));
        let mut event_types: Option<Vec<i64>> =
            query.list("eventTypeIds").map(|ids| ids.into_iter().map(number).collect()).transpose()?;
        if let Some(id) = query.number("eventTypeId")? {
            event_types.get_or_insert_default().push(id);
        }
        Ok(Self {
            query,
            statuses,
            event_types,
            after_start: query.timestamp("afterStart")?,
            before_end: query.timestamp("beforeEnd")?,
            created: (query.timestamp("afterCreatedAt")?, query.timestamp("beforeCreatedAt")?),
            updated: (query.timestamp("afterUpdatedAt")?, query.timestamp("beforeUpdatedAt")?),
            now_ms,
        })
    }

    fn matches(&self, booking: &Booking) -> bool {
        let param = |name: &str, test: &dyn Fn(&str) -> bool| self.query.get(name).is_none_or(test);
        let within = |(after, before): (Option<i64>, Option<i64>), ms: i64| {
            after.is_none_or(|after| ms >= after) && before.is_none_or(|before| ms <= before)
        };
        let has_attendee = |test: &dyn Fn(&BookingAttendee) -> bool| booking.attendees.iter().any(test);
        self.statuses.as_ref().is_none_or(|statuses| statuses.iter().any(|status| self.has_status(booking, status)))
            && self.event_types.as_ref().is_none_or(|ids| ids.contains(&booking.event_type_id))
            && param("attendeeEmail", &|email| has_attendee(&|attendee| attendee.email.eq_ignore_ascii_case(email)))
            && param("attendeeName", &|name| has_attendee(&|attendee| attendee.name == name))
            && param("bookingUid", &|uid| booking.uid == uid)
            && within((self.after_start, None), booking.range.start_ms)
            && within((None, self.before_end), booking.range.end_ms)
            && within(self.created, booking.created_ms)
            && within(self.updated, booking.updated_ms)
    }

    fn has_status(&self, booking: &Booking, status: &str) -> bool {
        let is_past = booking.range.end_ms < self.now_ms;
        match status {
            "upcoming" => booking.status == Status::Accepted && !is_past,
            "past" => booking.status == Status::Accepted && is_past,
            "cancelled" => matches!(booking.status, Status::Cancelled | Status::Rejected),
            "unconfirmed" => booking.status == Status::Pending,
            _ => false,
        }
    }
}

type SortKey = fn(&Booking) -> i64;

/// Sorts by start unless the query names another field, and then by id.
fn sort(bookings: &mut [&Booking], query: &Query) -> Result<(), ApiError> {
    let fields: [(&str, SortKey); 4] = [
        ("sortStart", |booking| booking.range.start_ms),
        ("sortEnd", |booking| booking.range.end_ms),
        ("sortCreated", |booking| booking.created_ms),
        ("sortUpdatedAt", |booking| booking.updated_ms),
    ];
    let requested = fields.into_iter().find_map(|(name, key)| query.get(name).map(|direction| (name, key, direction)));
    let (name, key, direction) = requested.unwrap_or(("sortStart", |booking| booking.range.start_ms, "asc"));
    bookings.sort_by_key(|booking| (key(booking), booking.id));
    match direction {
        "asc" => {}
        "desc" => bookings.reverse(),
        _ => return Err(ApiError::invalid(name, format!("{name} must be one of the following values: asc, desc"))),
    }
    Ok(())
}
