//! Changes of a booking: reschedule, cancel, confirm, decline, mark absent. API calls and the in-process API share them.
//! Invariant: a rescheduled booking is cancelled, and it and its successor name each other.

use serde::Deserialize;
use serde_json::Value;

use super::record::{Booking, Status};
use crate::calcom::account::Account;
use crate::calcom::availability::{SlotQuery, TimeRange};
use crate::calcom::response::ApiError;
use crate::calcom::schema;
use crate::calcom::state::CalcomState;
use crate::calcom::webhooks::{self, BookingEvent};
use crate::lock;

/// The body of a reschedule.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RescheduleRequest {
    pub(crate) start: String,
    pub(crate) rescheduled_by: Option<String>,
    pub(crate) rescheduling_reason: Option<String>,
    pub(crate) seat_uid: Option<String>,
}

/// The body of a cancel.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CancelRequest {
    pub(crate) cancellation_reason: Option<String>,
    pub(crate) seat_uid: Option<String>,
    /// E-mail address of the host; `None` for the first attendee. Not part of the body.
    #[serde(skip)]
    pub(crate) cancelled_by: Option<String>,
}

/// The body of a mark-absent.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct MarkAbsentRequest {
    pub(crate) host: Option<bool>,
    #[serde(default)]
    pub(crate) attendees: Vec<AttendeeAbsence>,
}

/// Whether an attendee was absent.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct AttendeeAbsence {
    pub(crate) email: String,
    pub(crate) absent: bool,
}

/// Reschedules a booking and returns its successor.
pub(crate) fn reschedule(state: &CalcomState, uid: &str, request: &RescheduleRequest) -> Result<Value, ApiError> {
    let start_ms = schema::utc_timestamp("start", &request.start)?;
    let now_ms = state.clock.now_ms();
    let mut account = lock(&state.account);
    let old = active_booking(&account, uid, "reschedule")?.clone();
    let event_type = account.event_type(old.event_type_id)?.clone();
    if request.seat_uid.is_some() {
        return Err(ApiError::bad_request(
            "The sandbox reschedules all seats of a booking together: leave seatUid out.",
        ));
    }
    if start_ms < now_ms {
        return Err(ApiError::bad_request("Attempting to book a meeting in the past."));
    }
    let length_ms = old.range.end_ms - old.range.start_ms;
    let range = TimeRange::starting_at(start_ms, length_ms);
    let query = SlotQuery { event_type: &event_type, length_ms, now_ms, rescheduled_uid: Some(uid) };
    if account.check_bookable(query, range)?.is_some() {
        return Err(ApiError::slot_unavailable());
    }
    let is_host = request.rescheduled_by.as_ref() == Some(&account.me.email);
    let pending = event_type.needs_confirmation() && !is_host;
    let rescheduled_by = request.rescheduled_by.clone().or_else(|| old.first_attendee_email());
    let new = Booking {
        id: account.new_id(),
        uid: account.new_uid(),
        status: if pending { Status::Pending } else { Status::Accepted },
        range,
        created_ms: now_ms,
        updated_ms: now_ms,
        rescheduling_reason: request.rescheduling_reason.clone(),
        rescheduled_by,
        from_uid: Some(old.uid.clone()),
        to_uid: None,
        sequence: old.sequence + 1,
        ..old.clone()
    };
    let replaced = account.booking_mut(uid)?;
    replaced.status = Status::Cancelled;
    replaced.to_uid = Some(new.uid.clone());
    replaced.updated_ms = now_ms;
    let event = if pending { BookingEvent::Requested } else { BookingEvent::Rescheduled { from: &old } };
    webhooks::booking(state, &account, event, &new);
    let json = new.to_json(&account);
    account.bookings.insert(new.id, new);
    Ok(json)
}

/// Cancels a booking, or one seat of it.
pub(crate) fn cancel(state: &CalcomState, uid: &str, request: &CancelRequest) -> Result<Value, ApiError> {
    let mut account = lock(&state.account);
    active_booking(&account, uid, "cancel")?;
    let now_ms = state.clock.now_ms();
    let booking = account.booking_mut(uid)?;
    let cancelled_by = request.cancelled_by.clone().or_else(|| booking.first_attendee_email());
    let mut cancelled = booking.clone();
    if let Some(seat) = &request.seat_uid {
        let index = booking.attendees.iter().position(|attendee| attendee.seat_uid.as_ref() == Some(seat));
        let index =
            index.ok_or_else(|| ApiError::not_found(format!("Seat with uid={seat} was not found in the database")))?;
        cancelled.attendees = vec![booking.attendees.remove(index)];
    }
    if request.seat_uid.is_none() || booking.attendees.is_empty() {
        booking.status = Status::Cancelled;
        booking.cancellation_reason.clone_from(&request.cancellation_reason);
        booking.cancelled_by = cancelled_by.clone();
    }
    booking.updated_ms = now_ms;
    let booking = booking.clone();
    cancelled.status = Status::Cancelled;
    cancelled.cancellation_reason.clone_from(&request.cancellation_reason);
    cancelled.cancelled_by = cancelled_by;
    webhooks::booking(state, &account, BookingEvent::Cancelled, &cancelled);
    Ok(booking.to_json(&account))
}

/// Confirms a pending booking.
pub(crate) fn confirm(state: &CalcomState, uid: &str) -> Result<Value, ApiError> {
    resolve_pending(state, uid, "confirm", BookingEvent::Created, |booking| booking.status = Status::Accepted)
}

/// Declines a pending booking.
pub(crate) fn decline(state: &CalcomState, uid: &str, reason: Option<&str>) -> Result<Value, ApiError> {
    resolve_pending(state, uid, "decline", BookingEvent::Rejected, |booking| {
        booking.status = Status::Rejected;
        booking.rejection_reason = reason.map(str::to_owned);
    })
}

/// Records which attendees were absent.
pub(crate) fn mark_absent(state: &CalcomState, uid: &str, request: &MarkAbsentRequest) -> Result<Value, ApiError> {
    let mut account = lock(&state.account);
    let now_ms = state.clock.now_ms();
    let booking = account.booking_mut(uid)?;
    if booking.status != Status::Accepted {
        return Err(ApiError::bad_request(format!(
            "Booking with uid={uid} is not accepted, so attendees cannot be marked as absent."
        )));
    }
    let is_attendee = |email: &str| booking.attendees.iter().any(|attendee| attendee.email == email);
    if let Some(unknown) = request.attendees.iter().find(|absence| !is_attendee(&absence.email)) {
        return Err(ApiError::bad_request(format!("{} is not an attendee of booking with uid={uid}", unknown.email)));
    }
    booking.absent_host = request.host.unwrap_or(booking.absent_host);
    for absence in &request.attendees {
        booking
            .attendees
            .iter_mut()
            .filter(|attendee| attendee.email == absence.email)
            .for_each(|attendee| attendee.absent = absence.absent);
    }
    booking.updated_ms = now_ms;
    let booking = booking.clone();
    if !request.attendees.is_empty() {
        webhooks::no_show(state, &account, &booking, &request.attendees);
    }
    Ok(booking.to_json(&account))
}

fn resolve_pending(
    state: &CalcomState,
    uid: &str,
    action: &str,
    event: BookingEvent<'_>,
    change: impl FnOnce(&mut Booking),
) -> Result<Value, ApiError> {
    let mut account = lock(&state.account);
    if active_booking(&account, uid, action)?.status == Status::Accepted {
        let message = format!("Can't {action} booking with uid={uid} because it is already confirmed.");
        return Err(ApiError::bad_request(message));
    }
    let now_ms = state.clock.now_ms();
    let booking = account.booking_mut(uid)?;
    change(booking);
    booking.updated_ms = now_ms;
    let booking = booking.clone();
    webhooks::booking(state, &account, event, &booking);
    Ok(booking.to_json(&account))
}

/// Returns the booking if it is accepted or pending.
fn active_booking<'a>(account: &'a Account, uid: &str, action: &str) -> Result<&'a Booking, ApiError> {
    let booking = account.booking(uid)?;
    let reason = match booking.status {
        Status::Accepted | Status::Pending => return Ok(booking),
        Status::Cancelled => "it has been cancelled already",
        Status::Rejected => "it was already rejected",
    };
    Err(ApiError::bad_request(format!("Can't {action} booking with uid={uid} because {reason}.")))
}
