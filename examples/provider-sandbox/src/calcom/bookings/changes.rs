//! What becomes of a booking: moved, cancelled, confirmed, declined, missed. The same for an API call and for a person on Cal.com's
//! own pages.
//! Invariant: a moved booking is cancelled and points to its successor, which points back.

use serde::Deserialize;
use serde_json::Value;

use super::record::{Booking, Status};
use crate::calcom::account::Account;
use crate::calcom::availability::{Search, Span};
use crate::calcom::error::ApiError;
use crate::calcom::shape;
use crate::calcom::state::World;
use crate::calcom::webhooks::{self, Told};
use crate::lock;

/// The body of a reschedule.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Move {
    pub(crate) start: String,
    pub(crate) rescheduled_by: Option<String>,
    pub(crate) rescheduling_reason: Option<String>,
    pub(crate) seat_uid: Option<String>,
}

/// The body of a cancel.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Cancel {
    pub(crate) cancellation_reason: Option<String>,
    pub(crate) seat_uid: Option<String>,
    /// Who cancels, by e-mail address; not on the wire.
    #[serde(skip)]
    pub(crate) by: Option<String>,
}

/// The body of a mark-absent.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Absent {
    pub(crate) host: Option<bool>,
    #[serde(default)]
    pub(crate) attendees: Vec<AbsentAttendee>,
}

/// Whether one attendee did not come.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct AbsentAttendee {
    pub(crate) email: String,
    pub(crate) absent: bool,
}

/// Moves a booking: the answer is its successor.
pub(crate) fn reschedule(world: &World, uid: &str, wish: &Move) -> Result<Value, ApiError> {
    let start_ms = shape::utc("start", &wish.start)?;
    let now_ms = world.clock.now_ms();
    let mut account = lock(&world.account);
    let old = standing(&account, uid, "reschedule")?.clone();
    let event_type = account.event_type(old.event_type_id)?.clone();
    if wish.seat_uid.is_some() {
        return Err(ApiError::bad_request(
            "The stand-in moves bookings with seats as a whole only: leave seatUid out.",
        ));
    }
    if start_ms < now_ms {
        return Err(ApiError::bad_request("Attempting to book a meeting in the past."));
    }
    let length_ms = old.span.end_ms - old.span.start_ms;
    let span = Span::of(start_ms, length_ms);
    let search = Search { event_type: &event_type, length_ms, now_ms, moving: Some(uid) };
    if account.bookable(search, span)?.is_some() {
        return Err(ApiError::slot_taken());
    }
    let by_host = wish.rescheduled_by.as_ref() == Some(&account.me.email);
    let pending = event_type.needs_confirmation() && !by_host;
    let by = wish.rescheduled_by.clone().or_else(|| old.attendees.first().map(|guest| guest.email.clone()));
    let new = Booking {
        id: account.new_id(),
        uid: account.new_uid(),
        status: if pending { Status::Pending } else { Status::Accepted },
        span,
        created_ms: now_ms,
        updated_ms: now_ms,
        rescheduling_reason: wish.rescheduling_reason.clone(),
        rescheduled_by: by,
        from_uid: Some(old.uid.clone()),
        to_uid: None,
        sequence: old.sequence + 1,
        ..old.clone()
    };
    let before = account.booking_mut(uid)?;
    before.status = Status::Cancelled;
    before.to_uid = Some(new.uid.clone());
    before.updated_ms = now_ms;
    let told = if pending { Told::Requested } else { Told::Rescheduled { from: &old } };
    webhooks::booking(world, &account, told, &new);
    let shown = new.read(&account);
    account.bookings.insert(new.id, new);
    Ok(shown)
}

/// Cancels a booking, or one seat of it.
pub(crate) fn cancel(world: &World, uid: &str, wish: &Cancel) -> Result<Value, ApiError> {
    let mut account = lock(&world.account);
    standing(&account, uid, "cancel")?;
    let now_ms = world.clock.now_ms();
    let booking = account.booking_mut(uid)?;
    let by = wish.by.clone().or_else(|| booking.attendees.first().map(|guest| guest.email.clone()));
    let mut told = booking.clone();
    if let Some(seat) = &wish.seat_uid {
        let at = booking.attendees.iter().position(|guest| guest.seat_uid.as_ref() == Some(seat));
        let at =
            at.ok_or_else(|| ApiError::not_found(format!("Seat with uid={seat} was not found in the database")))?;
        let left = booking.attendees.remove(at);
        told.attendees = vec![left];
    }
    if wish.seat_uid.is_none() || booking.attendees.is_empty() {
        booking.status = Status::Cancelled;
        booking.cancellation_reason.clone_from(&wish.cancellation_reason);
        booking.cancelled_by = by.clone();
    }
    booking.updated_ms = now_ms;
    let booking = booking.clone();
    told.status = Status::Cancelled;
    told.cancellation_reason.clone_from(&wish.cancellation_reason);
    told.cancelled_by = by;
    webhooks::booking(world, &account, Told::Cancelled, &told);
    Ok(booking.read(&account))
}

/// Says yes to a booking that waits.
pub(crate) fn confirm(world: &World, uid: &str) -> Result<Value, ApiError> {
    decide(world, uid, "confirm", Told::Created, |booking| booking.status = Status::Accepted)
}

/// Says no to a booking that waits.
pub(crate) fn decline(world: &World, uid: &str, reason: Option<&str>) -> Result<Value, ApiError> {
    decide(world, uid, "decline", Told::Rejected, |booking| {
        booking.status = Status::Rejected;
        booking.rejection_reason = reason.map(str::to_owned);
    })
}

/// Says who did not come.
pub(crate) fn mark_absent(world: &World, uid: &str, wish: &Absent) -> Result<Value, ApiError> {
    let mut account = lock(&world.account);
    let now_ms = world.clock.now_ms();
    let booking = account.booking_mut(uid)?;
    if booking.status != Status::Accepted {
        return Err(ApiError::bad_request(format!(
            "Booking with uid={uid} takes no place, so nobody can be absent from it."
        )));
    }
    let comes = |email: &str| booking.attendees.iter().any(|guest| guest.email == email);
    if let Some(stranger) = wish.attendees.iter().find(|one| !comes(&one.email)) {
        return Err(ApiError::bad_request(format!("{} is no attendee of booking with uid={uid}", stranger.email)));
    }
    booking.absent_host = wish.host.unwrap_or(booking.absent_host);
    for one in &wish.attendees {
        booking
            .attendees
            .iter_mut()
            .filter(|guest| guest.email == one.email)
            .for_each(|guest| guest.absent = one.absent);
    }
    booking.updated_ms = now_ms;
    let booking = booking.clone();
    if !wish.attendees.is_empty() {
        webhooks::no_show(world, &account, &booking, &wish.attendees);
    }
    Ok(booking.read(&account))
}

fn decide(
    world: &World,
    uid: &str,
    what: &str,
    told: Told<'_>,
    change: impl FnOnce(&mut Booking),
) -> Result<Value, ApiError> {
    let mut account = lock(&world.account);
    if standing(&account, uid, what)?.status == Status::Accepted {
        let message = format!("Can't {what} booking with uid={uid} because it is already confirmed.");
        return Err(ApiError::bad_request(message));
    }
    let now_ms = world.clock.now_ms();
    let booking = account.booking_mut(uid)?;
    change(booking);
    booking.updated_ms = now_ms;
    let booking = booking.clone();
    webhooks::booking(world, &account, told, &booking);
    Ok(booking.read(&account))
}

/// The booking, unless it is over with.
fn standing<'a>(account: &'a Account, uid: &str, what: &str) -> Result<&'a Booking, ApiError> {
    let booking = account.booking(uid)?;
    let why = match booking.status {
        Status::Accepted | Status::Pending => return Ok(booking),
        Status::Cancelled => "it has been cancelled already",
        Status::Rejected => "it was already rejected",
    };
    Err(ApiError::bad_request(format!("Can't {what} booking with uid={uid} because {why}.")))
}
