//! What both sides say of a meeting, and which of them is followed when they differ: pure functions.

use calcom_client::{model::BookingStatus, sync::ABSENT_ATTENDEES};
use ghl_client::model::{AppointmentStatus, WireTime};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sidecar_core::{
    Timestamp,
    record::{Doc, Origin, Record, SKEW},
};

/// A meeting, as far as both sides can say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Meeting {
    pub(super) start: Timestamp,
    pub(super) end: Timestamp,
    pub(super) stand: Stand,
}

impl Meeting {
    /// A booking's: one that is over was held, as far as nobody says otherwise.
    fn as_of(self, now: Timestamp) -> Self {
        let stand = if self.stand == Stand::Confirmed && self.end <= now { Stand::Showed } else { self.stand };
        Self { stand, ..self }
    }
}

/// How a meeting stands, in GHL's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Stand {
    New,
    Confirmed,
    Showed,
    NoShow,
    Cancelled,
}

impl Stand {
    pub(super) fn status(self) -> AppointmentStatus {
        match self {
            Self::New => AppointmentStatus::New,
            Self::Confirmed => AppointmentStatus::Confirmed,
            Self::Showed => AppointmentStatus::Showed,
            Self::NoShow => AppointmentStatus::NoShow,
            Self::Cancelled => AppointmentStatus::Cancelled,
        }
    }
}

/// A meeting on one side, and when it came to be so by that side's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Side {
    pub(super) meeting: Meeting,
    pub(super) at: Timestamp,
}

impl Side {
    /// A stored booking; none while its times are not known.
    pub(super) fn of_booking(record: &Record, now: Timestamp) -> Option<Self> {
        let (start, end) = (time(&record.doc, "start")?, time(&record.doc, "end")?);
        let absent = record.doc.get(ABSENT_ATTENDEES).and_then(Value::as_array).is_some_and(|all| !all.is_empty());
        let status =
            record.doc.get("status").and_then(Value::as_str).map_or(BookingStatus::Accepted, BookingStatus::from);
        let stand = match status {
            _ if record.deleted => Stand::Cancelled,
            BookingStatus::Cancelled | BookingStatus::Rejected => Stand::Cancelled,
            BookingStatus::Pending => Stand::New,
            _ if absent => Stand::NoShow,
            _ => Stand::Confirmed,
        };
        Some(Self { meeting: Meeting { start, end, stand }.as_of(now), at: record.version })
    }

    /// A stored appointment; `known` is what it was when its times are not told. When one went that was only found missing, nobody
    /// knows: it yields to whatever else happened, rather than to end a booking that somebody moved afterwards.
    pub(super) fn of_appointment(record: &Record, known: Meeting) -> Self {
        let start = ghl_time(&record.doc, "startTime").unwrap_or(known.start);
        let end = ghl_time(&record.doc, "endTime").unwrap_or(known.end);
        let stand = if record.deleted { Stand::Cancelled } else { stand_of(&record.doc).unwrap_or(known.stand) };
        let is_missed = record.deleted && record.origin == Origin::Fetched;
        let at = if is_missed { Timestamp::EPOCH } else { record.version };
        Self { meeting: Meeting { start, end, stand }, at }
    }
}

/// How an appointment's document says that it stands.
pub(super) fn stand_of(document: &Doc) -> Option<Stand> {
    let status = document.get("appointmentStatus").or_else(|| document.get("appoinmentStatus"))?.as_str()?;
    Some(Stand::from(&AppointmentStatus::from(status)))
}

impl From<&AppointmentStatus> for Stand {
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

fn time(document: &Doc, name: &str) -> Option<Timestamp> {
    document.get(name)?.as_str()?.parse().ok()
}

/// A time of one of GHL's documents.
pub(super) fn ghl_time(document: &Doc, name: &str) -> Option<Timestamp> {
    WireTime::deserialize(document.get(name)?).ok()?.timestamp()
}

/// Which side is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Followed {
    /// None: they agree, or nothing changed since they last did.
    Neither,
    Booking,
    Appointment,
}

/// What each side said when they were last made to agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Agreed {
    pub(super) booking: Meeting,
    pub(super) appointment: Meeting,
}

/// The side that changed since they agreed is followed; of two, the one that changed last, and within [`SKEW`] Cal.com's. That time
/// passed is no change: a booking that ended tells it to an appointment of which nobody has said anything since.
pub(super) fn followed(agreed: &Agreed, booking: &Side, appointment: &Side, now: Timestamp) -> Followed {
    if booking.meeting == appointment.meeting {
        return Followed::Neither;
    }
    let was = agreed.booking.as_of(now);
    let ended = was != agreed.booking && matches!(appointment.meeting.stand, Stand::New | Stand::Confirmed);
    match (booking.meeting != was, appointment.meeting != agreed.appointment) {
        (false, false) if ended => Followed::Booking,
        (false, false) => Followed::Neither,
        (true, false) => Followed::Booking,
        (false, true) => Followed::Appointment,
        (true, true) if appointment.at > booking.at + SKEW => Followed::Appointment,
        (true, true) => Followed::Booking,
    }
}

/// What following an appointment means at Cal.com.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AtCalcom {
    Cancel,
    Move(Timestamp),
    MarkAbsent,
    Confirm,
    /// Nothing that Cal.com would have a word for.
    Nothing,
    /// It cannot be: a cancelled booking does not come back and does not move, and how long one is says its event type. The
    /// appointment follows the booking instead.
    Impossible,
}

/// What has to be done at Cal.com for the booking to follow the appointment.
pub(super) fn at_calcom(booking: &Meeting, appointment: &Meeting) -> AtCalcom {
    match (booking.stand, appointment.stand) {
        (Stand::Cancelled, Stand::Cancelled) if booking.start == appointment.start => AtCalcom::Nothing,
        (Stand::Cancelled, _) => AtCalcom::Impossible,
        (_, Stand::Cancelled) => AtCalcom::Cancel,
        _ if booking.start != appointment.start => AtCalcom::Move(appointment.start),
        _ if booking.end != appointment.end => AtCalcom::Impossible,
        (Stand::NoShow, Stand::NoShow) => AtCalcom::Nothing,
        (_, Stand::NoShow) => AtCalcom::MarkAbsent,
        (Stand::New, Stand::Confirmed | Stand::Showed) => AtCalcom::Confirm,
        _ => AtCalcom::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use sidecar_core::record::RecordKey;

    use super::*;

    const HOUR: i64 = 3_600;
    /// When none of the meetings has begun.
    const BEFORE: Timestamp = Timestamp::from_secs(1_800_000_000);

    fn meeting(hour: i64, stand: Stand) -> Meeting {
        let start = Timestamp::from_secs(1_800_000_000 + hour * HOUR);
        Meeting { start, end: Timestamp::from_secs(start.as_secs() + HOUR / 2), stand }
    }

    fn side(meeting: Meeting, second: i64) -> Side {
        Side { meeting, at: Timestamp::from_secs(1_790_000_000 + second) }
    }

    fn agreed(meeting: Meeting) -> Agreed {
        Agreed { booking: meeting, appointment: meeting }
    }

    /// A stored booking of nine o'clock with these fields.
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
    fn a_booking_stands_as_its_status_its_attendees_and_the_time_say() {
        let (before, after) = ("2027-01-15T17:29:59Z".parse().unwrap(), "2027-01-15T17:30:00Z".parse().unwrap());
        let stand = |fields: Value, now| Side::of_booking(&booking(&fields), now).unwrap().meeting.stand;
        let accepted = serde_json::json!({"status": "accepted"});
        assert_eq!(stand(accepted.clone(), before), Stand::Confirmed);
        assert_eq!(stand(accepted, after), Stand::Showed, "what is over was held");
        let missed = serde_json::json!({"status": "accepted", "absentAttendees": ["ann@example.com"]});
        assert_eq!(stand(missed, after), Stand::NoShow);
        for (status, expected) in
            [("pending", Stand::New), ("cancelled", Stand::Cancelled), ("rejected", Stand::Cancelled)]
        {
            assert_eq!(stand(serde_json::json!({ "status": status }), after), expected);
        }
        assert_eq!(Side::of_booking(&booking(&serde_json::json!({"end": "soon"})), before), None);
    }

    #[test]
    fn nothing_is_followed_while_both_sides_are_as_they_agreed() {
        let was = meeting(9, Stand::Confirmed);
        assert_eq!(followed(&agreed(was), &side(was, 0), &side(was, 90), BEFORE), Followed::Neither);
        // The appointment has an end of its own since its creation.
        let longer = Meeting { end: Timestamp::from_secs(was.end.as_secs() + 60), ..was };
        let base = Agreed { booking: was, appointment: longer };
        assert_eq!(followed(&base, &side(was, 0), &side(longer, 90), BEFORE), Followed::Neither);
    }

    #[test]
    fn the_side_that_changed_is_followed_however_old_its_change_is() {
        let (was, now) = (meeting(9, Stand::Confirmed), meeting(10, Stand::Confirmed));
        assert_eq!(followed(&agreed(was), &side(now, 0), &side(was, 90), BEFORE), Followed::Booking);
        assert_eq!(followed(&agreed(was), &side(was, 90), &side(now, 0), BEFORE), Followed::Appointment);
    }

    #[test]
    fn of_two_changes_the_last_wins_and_within_five_seconds_calcoms() {
        let (was, here, there) =
            (meeting(9, Stand::Confirmed), meeting(10, Stand::Confirmed), meeting(11, Stand::Confirmed));
        assert_eq!(followed(&agreed(was), &side(here, 100), &side(there, 106), BEFORE), Followed::Appointment);
        assert_eq!(followed(&agreed(was), &side(here, 100), &side(there, 105), BEFORE), Followed::Booking);
        assert_eq!(followed(&agreed(was), &side(here, 100), &side(there, 20), BEFORE), Followed::Booking);
    }

    #[test]
    fn a_deletion_that_was_only_noticed_wins_alone_and_yields_to_a_change_at_calcom() {
        let (was, moved) = (meeting(9, Stand::Confirmed), side(meeting(10, Stand::Confirmed), 100));
        let gone = |origin| Record {
            version: Timestamp::from_secs(1_790_000_900),
            origin,
            deleted: true,
            doc: Doc::new().into(),
            ..booking(&serde_json::json!({}))
        };
        let (noticed, told) = (gone(Origin::Fetched), gone(Origin::Webhook));
        let (noticed, told) = (Side::of_appointment(&noticed, was), Side::of_appointment(&told, was));
        assert_eq!(noticed.meeting, meeting(9, Stand::Cancelled));
        assert_eq!(followed(&agreed(was), &side(was, 100), &noticed, BEFORE), Followed::Appointment);
        assert_eq!(followed(&agreed(was), &moved, &noticed, BEFORE), Followed::Booking);
        assert_eq!(followed(&agreed(was), &moved, &told, BEFORE), Followed::Appointment, "its event says when");
    }

    #[test]
    fn that_a_meeting_ended_is_told_and_is_no_change() {
        let was = meeting(9, Stand::Confirmed);
        let after = was.end;
        let held = side(Meeting { stand: Stand::Showed, ..was }, 0);
        assert_eq!(followed(&agreed(was), &held, &side(was, 0), after), Followed::Booking);
        for stand in [Stand::NoShow, Stand::Cancelled] {
            let said = Meeting { stand, ..was };
            assert_eq!(followed(&agreed(was), &held, &side(said, 0), after), Followed::Appointment, "{stand:?}");
            let known = Agreed { booking: was, appointment: said };
            assert_eq!(followed(&known, &held, &side(said, 0), after), Followed::Neither, "{stand:?}");
        }
        let moved = side(meeting(30, Stand::Confirmed), 0);
        assert_eq!(followed(&agreed(was), &moved, &side(was, 0), after), Followed::Booking);
    }

    #[test]
    fn the_same_change_on_both_sides_needs_nothing() {
        let (was, now) = (meeting(9, Stand::Confirmed), meeting(10, Stand::Confirmed));
        assert_eq!(followed(&agreed(was), &side(now, 0), &side(now, 90), BEFORE), Followed::Neither);
    }

    #[test]
    fn calcom_is_told_what_it_has_a_word_for() {
        let booking = meeting(9, Stand::Confirmed);
        let told = |appointment| at_calcom(&booking, &appointment);
        assert_eq!(told(meeting(9, Stand::Cancelled)), AtCalcom::Cancel);
        assert_eq!(told(meeting(11, Stand::Confirmed)), AtCalcom::Move(meeting(11, Stand::Confirmed).start));
        assert_eq!(told(meeting(9, Stand::NoShow)), AtCalcom::MarkAbsent);
        assert_eq!(told(meeting(9, Stand::Showed)), AtCalcom::Nothing);
        assert_eq!(at_calcom(&meeting(9, Stand::New), &booking), AtCalcom::Confirm);
        assert_eq!(at_calcom(&meeting(9, Stand::Cancelled), &booking), AtCalcom::Impossible);
        let longer = Meeting { end: meeting(10, Stand::Confirmed).end, ..booking };
        assert_eq!(told(longer), AtCalcom::Impossible);
    }
}
