//! Listing bookings: filters, orders, pages.

use serde_json::{Value, json};

use super::record::{Booking, Status};
use crate::calcom::account::Account;
use crate::calcom::error::ApiError;
use crate::calcom::shape::Query;

const STATUSES: [&str; 5] = ["upcoming", "recurring", "past", "cancelled", "unconfirmed"];

/// What is looked for.
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

/// A page of bookings in its envelope.
pub(super) fn page(account: &Account, query: &Query, now_ms: i64) -> Result<Value, ApiError> {
    let filter = Filter::read(query, now_ms)?;
    let (take, skip) = (query.bounded("take", 1..=250, 100)?, query.bounded("skip", 0..=i64::MAX, 0)?);
    let mut found: Vec<&Booking> = account.bookings.values().filter(|booking| filter.takes(booking)).collect();
    order(&mut found, query)?;
    let total = found.len();
    let page: Vec<Value> = found.into_iter().skip(skip).take(take).map(|booking| booking.read(account)).collect();
    let (returned, reached) = (page.len(), total.min(skip.saturating_add(page.len())));
    let pagination = json!({
        "totalItems": total, "remainingItems": total - reached, "returnedItems": returned, "itemsPerPage": take,
        "currentPage": skip / take + 1, "totalPages": total.div_ceil(take), "hasNextPage": reached < total && returned > 0,
        "hasPreviousPage": skip > 0,
    });
    Ok(json!({"status": "success", "data": page, "pagination": pagination}))
}

impl<'a> Filter<'a> {
    fn read(query: &'a Query, now_ms: i64) -> Result<Self, ApiError> {
        let statuses = query.list("status");
        if let Some(odd) = statuses.iter().flatten().find(|status| !STATUSES.contains(status)) {
            let complaint = format!("Invalid status {odd}. Allowed are: {}", STATUSES.join(", "));
            return Err(ApiError::invalid("status", complaint));
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
            after_start: query.moment("afterStart")?,
            before_end: query.moment("beforeEnd")?,
            created: (query.moment("afterCreatedAt")?, query.moment("beforeCreatedAt")?),
            updated: (query.moment("afterUpdatedAt")?, query.moment("beforeUpdatedAt")?),
            now_ms,
        })
    }

    fn takes(&self, booking: &Booking) -> bool {
        let is = |name: &str, found: &dyn Fn(&str) -> bool| self.query.get(name).is_none_or(found);
        let within = |(after, before): (Option<i64>, Option<i64>), ms: i64| {
            after.is_none_or(|after| ms >= after) && before.is_none_or(|before| ms <= before)
        };
        let comes =
            |test: &dyn Fn(&str, &str) -> bool| booking.attendees.iter().any(|guest| test(&guest.email, &guest.name));
        self.statuses.as_ref().is_none_or(|wanted| wanted.iter().any(|status| self.stands(booking, status)))
            && self.event_types.as_ref().is_none_or(|ids| ids.contains(&booking.event_type_id))
            && is("attendeeEmail", &|wanted| comes(&|email, _| email.eq_ignore_ascii_case(wanted)))
            && is("attendeeName", &|wanted| comes(&|_, name| name == wanted))
            && is("bookingUid", &|wanted| booking.uid == wanted)
            && within((self.after_start, None), booking.span.start_ms)
            && within((None, self.before_end), booking.span.end_ms)
            && within(self.created, booking.created_ms)
            && within(self.updated, booking.updated_ms)
    }

    fn stands(&self, booking: &Booking, status: &str) -> bool {
        let over = booking.span.end_ms < self.now_ms;
        match status {
            "upcoming" => booking.status == Status::Accepted && !over,
            "past" => booking.status == Status::Accepted && over,
            "cancelled" => matches!(booking.status, Status::Cancelled | Status::Rejected),
            "unconfirmed" => booking.status == Status::Pending,
            _ => false,
        }
    }
}

/// A booking's place in an order.
type Key = fn(&Booking) -> i64;

/// By start unless another order is asked for; equal ones by their number.
fn order(found: &mut [&Booking], query: &Query) -> Result<(), ApiError> {
    let orders: [(&str, Key); 4] = [
        ("sortStart", |booking| booking.span.start_ms),
        ("sortEnd", |booking| booking.span.end_ms),
        ("sortCreated", |booking| booking.created_ms),
        ("sortUpdatedAt", |booking| booking.updated_ms),
    ];
    let asked = orders.into_iter().find_map(|(name, key)| query.get(name).map(|way| (name, key, way)));
    let (name, key, way) = asked.unwrap_or(("sortStart", |booking| booking.span.start_ms, "asc"));
    found.sort_by_key(|booking| (key(booking), booking.id));
    match way {
        "asc" => {}
        "desc" => found.reverse(),
        _ => return Err(ApiError::invalid(name, format!("{name} must be one of the following values: asc, desc"))),
    }
    Ok(())
}
