//! The three-way merge of a booking and its appointment: pure functions.
//!
//! The base is [`LastSynced`], ours is the appointment, theirs the booking. [`resolve_conflict`] decides which side wins, and
//! [`plan_booking_action`] what Cal.com has to do when the appointment wins.

use calcom_client::{CalcomErrorExt, CalcomErrorReason, model::BookingStatus, sync::ABSENT_ATTENDEES};
use ghl_client::model::AppointmentStatus;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sidecar_core::{
    Error, ErrorKind, Timestamp,
    record::{Doc, Origin, Record, SKEW},
};

use crate::{calcom, ghl::appointment_fields};

/// What both sides have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct AppointmentState {
    pub(super) start: Timestamp,
    pub(super) end: Timestamp,
    pub(super) status: Status,
}

impl AppointmentState {
    /// Returns the state of a booking at `now`: a confirmed booking counts as attended after its end.
    fn at(self, now: Timestamp) -> Self {
        let status = if self.status == Status::Confirmed && self.end <= now { Status::Showed } else { self.status };
        Self { status, ..self }
    }
}

/// The status, in GHL's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Status {
    New,
    Confirmed,
    Showed,
    NoShow,
    Cancelled,
}

impl From<Status> for AppointmentStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::New => Self::New,
            Status::Confirmed => Self::Confirmed,
            Status::Showed => Self::Showed,
            Status::NoShow => Self::NoShow,
            Status::Cancelled => Self::Cancelled,
        }
    }
}

impl From<&AppointmentStatus> for Status {
    fn from(status: &AppointmentStatus) -> Self {
        match status {
            AppointmentStatus::New => Self::New,
            AppointmentStatus::Showed => Self::Showed,
            AppointmentStatus::NoShow => Self::NoShow,
            AppointmentStatus::Cancelled | AppointmentStatus::Invalid => Self::Cancelled,
            _ => Self::Confirmed,
        }
    }
}

/// The state of one side, and when it changed by that provider's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Observed {
    pub(super) state: AppointmentState,
    pub(super) changed_at: Timestamp,
}

impl Observed {
    /// Returns the state of a stored booking; `None` if its times are unknown.
    pub(super) fn of_booking(record: &Record, now: Timestamp) -> Option<Self> {
        let (start, end) = (time(&record.doc, "start")?, time(&record.doc, "end")?);
        let absent = record.doc.get(ABSENT_ATTENDEES).and_then(Value::as_array).is_some_and(|all| !all.is_empty());
        let status =
            record.doc.get("status").and_then(Value::as_str).map_or(BookingStatus::Accepted, BookingStatus::from);
        let status = match status {
            _ if record.deleted => Status::Cancelled,
            BookingStatus::Cancelled | BookingStatus::Rejected => Status::Cancelled,
            BookingStatus::Pending => Status::New,
            _ if absent => Status::NoShow,
            _ => Status::Confirmed,
        };
        Some(Self { state: AppointmentState { start, end, status }.at(now), changed_at: record.version })
    }

    /// Returns the state of a stored appointment; fields that it lacks are taken from `last`.
    pub(super) fn of_appointment(record: &Record, last: AppointmentState) -> Self {
        let start = appointment_fields::time(&record.doc, "startTime").unwrap_or(last.start);
        let end = appointment_fields::time(&record.doc, "endTime").unwrap_or(last.end);
        let status = match appointment_fields::status(&record.doc) {
            _ if record.deleted => Status::Cancelled,
            status => status.as_ref().map_or(last.status, Status::from),
        };
        // A deletion found by a sync has no timestamp, so it loses to any dated change.
        let has_no_time = record.deleted && record.origin == Origin::Fetched;
        let changed_at = if has_no_time { Timestamp::EPOCH } else { record.version };
        Self { state: AppointmentState { start, end, status }, changed_at }
    }
}

fn time(document: &Doc, name: &str) -> Option<Timestamp> {
    document.get(name)?.as_str()?.parse().ok()
}

/// The base of the merge: the states of both sides after they were last synchronized. They differ where Cal.com cannot express the
/// appointment's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LastSynced {
    pub(super) booking: AppointmentState,
    pub(super) appointment: AppointmentState,
}

/// Which side the other one has to adopt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Winner {
    /// The sides are equal, or neither changed.
    Neither,
    Booking,
    Appointment,
}

/// Merges: the side that changed since the base wins; if both did, the later change, and Cal.com's within [`SKEW`]. The end of a
/// booking is not a change: it is written only to an appointment that has not changed since.
pub(super) fn resolve_conflict(
    base: &LastSynced,
    booking: &Observed,
    appointment: &Observed,
    now: Timestamp,
) -> Winner {
    if booking.state == appointment.state {
        return Winner::Neither;
    }
    let base_booking = base.booking.at(now);
    let has_ended = base_booking != base.booking && matches!(appointment.state.status, Status::New | Status::Confirmed);
    match (booking.state != base_booking, appointment.state != base.appointment) {
        (false, false) if has_ended => Winner::Booking,
        (false, false) => Winner::Neither,
        (true, false) => Winner::Booking,
        (false, true) => Winner::Appointment,
        (true, true) if appointment.changed_at > booking.changed_at + SKEW => Winner::Appointment,
        (true, true) => Winner::Booking,
    }
}

/// The request that makes a booking adopt its appointment's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BookingAction {
    Cancel,
    Reschedule(Timestamp),
    MarkAbsent,
    Confirm,
    /// Cal.com has no such state.
    None,
    /// Cal.com does not allow the change: the appointment has to adopt the booking's state instead. A cancelled booking stays
    /// cancelled and does not move, and the event type determines the duration.
    Unsupported,
}

/// Returns the request that makes the booking adopt the appointment's state.
pub(super) fn plan_booking_action(booking: &AppointmentState, appointment: &AppointmentState) -> BookingAction {
    match (booking.status, appointment.status) {
        (Status::Cancelled, Status::Cancelled) if booking.start == appointment.start => BookingAction::None,
        (Status::Cancelled, _) => BookingAction::Unsupported,
        (_, Status::Cancelled) => BookingAction::Cancel,
        _ if booking.start != appointment.start => BookingAction::Reschedule(appointment.start),
        _ if booking.end != appointment.end => BookingAction::Unsupported,
        (Status::NoShow, Status::NoShow) => BookingAction::None,
        (_, Status::NoShow) => BookingAction::MarkAbsent,
        (Status::New, Status::Confirmed | Status::Showed) => BookingAction::Confirm,
        _ => BookingAction::None,
    }
}

/// Returns whether the provider rejected a request for good: nothing was written, and the same request would be rejected again.
pub(super) fn is_definitive_rejection(error: &Error) -> bool {
    let is_calcom = error.provider() == calcom::SOURCE;
    let is_rejection = match error.kind() {
        ErrorKind::Rejected | ErrorKind::NotFound => true,
        ErrorKind::Conflict => is_calcom,
        // Cal.com's own word, such as "only another host may": its other reasons end when the account is connected again.
        ErrorKind::Forbidden if is_calcom => {
            matches!(CalcomErrorExt::problem(error), Some(CalcomErrorReason::Forbidden))
        }
        ErrorKind::Forbidden => true,
        _ => false,
    };
    is_rejection && !error.may_have_taken_effect()
}

#[cfg(test)]
mod tests {
    use sidecar_core::record::RecordKey;

    use super::*;

    const HOUR: i64 = 3_600;
    /// Before all start times.
    const BEFORE: Timestamp = Timestamp::from_secs(1_800_000_000);

    fn state(hour: i64, status: Status) -> AppointmentState {
        let start = Timestamp::from_secs(1_800_000_000 + hour * HOUR);
        AppointmentState { start, end: Timestamp::from_secs(start.as_secs() + HOUR / 2), status }
    }

    fn observed(state: AppointmentState, second: i64) -> Observed {
        Observed { state, changed_at: Timestamp::from_secs(1_790_000_000 + second) }
    }

    fn in_sync(state: AppointmentState) -> LastSynced {
        LastSynced { booking: state, appointment: state }
    }

    /// A stored booking at 17:00 UTC with these fields.
    fn booking(fields: &Value) -> Record {
        let mut doc = Doc::clone(
            serde_json::json!({"start": "2027-01-15T17:00:00Z", "end": "2027-01-15T17:30:00Z"}).as_object().unwrap(),
        );
        doc.extend(fields.as_object().unwrap().clone());
        Record {
            key: RecordKey { organization: "org".into(), kind: "booking".into(), id: "uid".into() },
            location: None,
            version: Timestamp::EPOCH,
            origin: Origin::Webhook,
            position: Timestamp::EPOCH,
            search: String::new(),
            doc: doc.into(),
            revision: 1,
            deleted: false,
        }
    }

    #[test]
    fn the_status_of_a_booking_follows_status_attendees_and_time() {
        let (before, after) = ("2027-01-15T17:29:59Z".parse().unwrap(), "2027-01-15T17:30:00Z".parse().unwrap());
        let status_of = |fields: Value, now| Observed::of_booking(&booking(&fields), now).unwrap().state.status;
        let accepted = serde_json::json!({"status": "accepted"});
        assert_eq!(status_of(accepted.clone(), before), Status::Confirmed);
        assert_eq!(status_of(accepted, after), Status::Showed, "a booking that is over counts as attended");
        let missed = serde_json::json!({"status": "accepted", "absentAttendees": ["ann@example.com"]});
        assert_eq!(status_of(missed, after), Status::NoShow);
        for (status, expected) in
            [("pending", Status::New), ("cancelled", Status::Cancelled), ("rejected", Status::Cancelled)]
        {
            assert_eq!(status_of(serde_json::json!({ "status": status }), after), expected);
        }
        assert_eq!(Observed::of_booking(&booking(&serde_json::json!({"end": "soon"})), before), None);
    }

    #[test]
    fn no_side_wins_while_neither_changed() {
        let was = state(9, Status::Confirmed);
        assert_eq!(resolve_conflict(&in_sync(was), &observed(was, 0), &observed(was, 90), BEFORE), Winner::Neither);
        // GHL gave the appointment another end when it was created.
        let longer = AppointmentState { end: Timestamp::from_secs(was.end.as_secs() + 60), ..was };
        let base = LastSynced { booking: was, appointment: longer };
        assert_eq!(resolve_conflict(&base, &observed(was, 0), &observed(longer, 90), BEFORE), Winner::Neither);
    }

    #[test]
    fn the_side_that_changed_wins_however_old_its_change_is() {
        let (was, now) = (state(9, Status::Confirmed), state(10, Status::Confirmed));
        assert_eq!(resolve_conflict(&in_sync(was), &observed(now, 0), &observed(was, 90), BEFORE), Winner::Booking);
        assert_eq!(resolve_conflict(&in_sync(was), &observed(was, 90), &observed(now, 0), BEFORE), Winner::Appointment);
    }

    #[test]
    fn the_later_change_wins_and_within_five_seconds_calcoms() {
        let (was, here, there) =
            (state(9, Status::Confirmed), state(10, Status::Confirmed), state(11, Status::Confirmed));
        assert_eq!(
            resolve_conflict(&in_sync(was), &observed(here, 100), &observed(there, 106), BEFORE),
            Winner::Appointment
        );
        assert_eq!(
            resolve_conflict(&in_sync(was), &observed(here, 100), &observed(there, 105), BEFORE),
            Winner::Booking
        );
        assert_eq!(
            resolve_conflict(&in_sync(was), &observed(here, 100), &observed(there, 20), BEFORE),
            Winner::Booking
        );
    }

    #[test]
    fn a_deletion_without_a_time_loses_to_a_change_at_calcom() {
        let (was, moved) = (state(9, Status::Confirmed), observed(state(10, Status::Confirmed), 100));
        let gone = |origin| Record {
            version: Timestamp::from_secs(1_790_000_900),
            origin,
            deleted: true,
            doc: Doc::new().into(),
            ..booking(&serde_json::json!({}))
        };
        let (undated, dated) = (gone(Origin::Fetched), gone(Origin::Webhook));
        let (undated, dated) = (Observed::of_appointment(&undated, was), Observed::of_appointment(&dated, was));
        assert_eq!(undated.state, state(9, Status::Cancelled));
        assert_eq!(resolve_conflict(&in_sync(was), &observed(was, 100), &undated, BEFORE), Winner::Appointment);
        assert_eq!(resolve_conflict(&in_sync(was), &moved, &undated, BEFORE), Winner::Booking);
        assert_eq!(
            resolve_conflict(&in_sync(was), &moved, &dated, BEFORE),
            Winner::Appointment,
            "its event has a time"
        );
    }

    #[test]
    fn the_end_of_a_booking_is_written_but_is_not_a_change() {
        let was = state(9, Status::Confirmed);
        let after = was.end;
        let attended = observed(AppointmentState { status: Status::Showed, ..was }, 0);
        assert_eq!(resolve_conflict(&in_sync(was), &attended, &observed(was, 0), after), Winner::Booking);
        for status in [Status::NoShow, Status::Cancelled] {
            let changed = AppointmentState { status, ..was };
            assert_eq!(
                resolve_conflict(&in_sync(was), &attended, &observed(changed, 0), after),
                Winner::Appointment,
                "{status:?}"
            );
            let known = LastSynced { booking: was, appointment: changed };
            assert_eq!(
                resolve_conflict(&known, &attended, &observed(changed, 0), after),
                Winner::Neither,
                "{status:?}"
            );
        }
        let moved = observed(state(30, Status::Confirmed), 0);
        assert_eq!(resolve_conflict(&in_sync(was), &moved, &observed(was, 0), after), Winner::Booking);
    }

    #[test]
    fn the_same_change_on_both_sides_needs_no_write() {
        let (was, now) = (state(9, Status::Confirmed), state(10, Status::Confirmed));
        assert_eq!(resolve_conflict(&in_sync(was), &observed(now, 0), &observed(now, 90), BEFORE), Winner::Neither);
    }

    #[test]
    fn an_action_is_planned_for_what_calcom_can_express() {
        let booking = state(9, Status::Confirmed);
        let action = |appointment| plan_booking_action(&booking, &appointment);
        assert_eq!(action(state(9, Status::Cancelled)), BookingAction::Cancel);
        assert_eq!(action(state(11, Status::Confirmed)), BookingAction::Reschedule(state(11, Status::Confirmed).start));
        assert_eq!(action(state(9, Status::NoShow)), BookingAction::MarkAbsent);
        assert_eq!(action(state(9, Status::Showed)), BookingAction::None);
        assert_eq!(plan_booking_action(&state(9, Status::New), &booking), BookingAction::Confirm);
        assert_eq!(plan_booking_action(&state(9, Status::Cancelled), &booking), BookingAction::Unsupported);
        let longer = AppointmentState { end: state(10, Status::Confirmed).end, ..booking };
        assert_eq!(action(longer), BookingAction::Unsupported);
    }
}
