//! The stored booking and its JSON.

use serde_json::{Map, Value, json};

use crate::calcom::account::Account;
use crate::calcom::availability::TimeRange;
use crate::calcom::event_types::EventType;
use crate::clock::rfc3339;

/// The status of a booking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    Accepted,
    Pending,
    Cancelled,
    Rejected,
}

impl Status {
    /// Returns the status as the API writes it; webhooks use upper case.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Pending => "pending",
            Self::Cancelled => "cancelled",
            Self::Rejected => "rejected",
        }
    }
}

/// An attendee of a booking.
#[derive(Debug, Clone)]
pub(crate) struct BookingAttendee {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) phone: Option<String>,
    pub(crate) time_zone: String,
    pub(crate) language: String,
    pub(crate) absent: bool,
    /// Set if the event type has seats.
    pub(crate) seat_uid: Option<String>,
}

/// A stored booking. Times are epoch milliseconds.
#[derive(Debug, Clone)]
pub(crate) struct Booking {
    pub(crate) id: i64,
    pub(crate) uid: String,
    pub(crate) event_type_id: i64,
    pub(crate) slug: String,
    pub(crate) title: String,
    pub(crate) description: String,
    pub(crate) status: Status,
    pub(crate) range: TimeRange,
    pub(crate) attendees: Vec<BookingAttendee>,
    pub(crate) guests: Vec<String>,
    pub(crate) metadata: Map<String, Value>,
    pub(crate) responses: Map<String, Value>,
    pub(crate) location: String,
    pub(crate) created_ms: i64,
    pub(crate) updated_ms: i64,
    pub(crate) absent_host: bool,
    pub(crate) cancellation_reason: Option<String>,
    pub(crate) cancelled_by: Option<String>,
    pub(crate) rejection_reason: Option<String>,
    pub(crate) rescheduling_reason: Option<String>,
    pub(crate) rescheduled_by: Option<String>,
    pub(crate) from_uid: Option<String>,
    pub(crate) to_uid: Option<String>,
    /// The iCalendar sequence number.
    pub(crate) sequence: i64,
}

impl Booking {
    /// Returns whether the booking occupies the host's time.
    pub(crate) fn is_active(&self) -> bool {
        matches!(self.status, Status::Accepted | Status::Pending)
    }

    pub(crate) fn minutes(&self) -> i64 {
        (self.range.end_ms - self.range.start_ms) / 60_000
    }

    pub(crate) fn first_attendee_email(&self) -> Option<String> {
        self.attendees.first().map(|attendee| attendee.email.clone())
    }

    pub(crate) fn video_url(&self) -> String {
        format!("https://cal.example.com/video/{}", self.uid)
    }

    /// Returns the booking as the API writes it.
    pub(crate) fn to_json(&self, account: &Account) -> Value {
        let event_type = account.event_types.get(&self.event_type_id);
        let has_seats = event_type.is_some_and(|event_type| event_type.seats().is_some());
        let mut json = json!({
            "id": self.id, "uid": self.uid, "title": self.title, "description": self.description, "hosts": [account.host()],
            "status": self.status.as_str(), "start": rfc3339(self.range.start_ms), "end": rfc3339(self.range.end_ms),
            "duration": self.minutes(), "eventTypeId": self.event_type_id, "eventType": {"id": self.event_type_id, "slug": self.slug},
            "location": self.location, "meetingUrl": self.video_url(), "absentHost": self.absent_host,
            "createdAt": rfc3339(self.created_ms), "updatedAt": rfc3339(self.updated_ms), "rating": null,
            "icsUid": format!("{}@Cal.com", self.uid), "guests": self.guests,
            "attendees": self.attendees.iter().map(|attendee| self.attendee_json(attendee, has_seats)).collect::<Vec<_>>(),
        });
        if !has_seats {
            json["metadata"] = json!(self.metadata);
            json["bookingFieldsResponses"] = json!(self.responses);
        }
        let optional = [
            ("cancellationReason", &self.cancellation_reason),
            ("cancelledByEmail", &self.cancelled_by),
            ("reschedulingReason", &self.rescheduling_reason),
            ("rescheduledByEmail", &self.rescheduled_by),
            ("rescheduledFromUid", &self.from_uid),
            ("rescheduledToUid", &self.to_uid),
        ];
        for (name, value) in optional.into_iter().filter(|(_, value)| value.is_some()) {
            json[name] = json!(value);
        }
        json
    }

    fn attendee_json(&self, attendee: &BookingAttendee, has_seats: bool) -> Value {
        let mut json = json!({
            "name": attendee.name, "email": attendee.email, "displayEmail": attendee.email, "timeZone": attendee.time_zone,
            "language": attendee.language, "absent": attendee.absent,
        });
        if let Some(phone) = &attendee.phone {
            json["phoneNumber"] = json!(phone);
        }
        if has_seats {
            json["seatUid"] = json!(attendee.seat_uid);
            json["metadata"] = json!(self.metadata);
            json["bookingFieldsResponses"] = json!(self.responses);
        }
        json
    }
}

/// Returns a title like `Intro between Bo Host and Ann Example`.
pub(crate) fn title(event_type: &EventType, host: &str, attendee: &str) -> String {
    format!("{} between {host} and {attendee}", event_type.title)
}
