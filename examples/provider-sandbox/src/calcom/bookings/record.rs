//! A booking as it is kept, and as answers show it.

use serde_json::{Map, Value, json};

use crate::calcom::account::Account;
use crate::calcom::availability::Span;
use crate::calcom::event_types::EventType;
use crate::clock::rfc3339;

/// How a booking stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    Accepted,
    Pending,
    Cancelled,
    Rejected,
}

impl Status {
    /// As answers write it; webhooks write it in upper case.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Pending => "pending",
            Self::Cancelled => "cancelled",
            Self::Rejected => "rejected",
        }
    }
}

/// Who comes.
#[derive(Debug, Clone)]
pub(crate) struct Guest {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) phone: Option<String>,
    pub(crate) time_zone: String,
    pub(crate) language: String,
    pub(crate) absent: bool,
    /// Of an event type with seats.
    pub(crate) seat_uid: Option<String>,
}

/// A booking. Times are epoch milliseconds.
#[derive(Debug, Clone)]
pub(crate) struct Booking {
    pub(crate) id: i64,
    pub(crate) uid: String,
    pub(crate) event_type_id: i64,
    pub(crate) slug: String,
    pub(crate) title: String,
    pub(crate) description: String,
    pub(crate) status: Status,
    pub(crate) span: Span,
    pub(crate) attendees: Vec<Guest>,
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
    /// How often it changed in calendars.
    pub(crate) sequence: i64,
}

impl Booking {
    /// Whether the host is taken then.
    pub(crate) fn takes_time(&self) -> bool {
        matches!(self.status, Status::Accepted | Status::Pending)
    }

    pub(crate) fn minutes(&self) -> i64 {
        (self.span.end_ms - self.span.start_ms) / 60_000
    }

    pub(crate) fn video_url(&self) -> String {
        format!("https://cal.example.com/video/{}", self.uid)
    }

    /// The shape of every answer.
    pub(crate) fn read(&self, account: &Account) -> Value {
        let seated = account.event_types.get(&self.event_type_id).is_some_and(|own| own.seats().is_some());
        let mut shown = json!({
            "id": self.id, "uid": self.uid, "title": self.title, "description": self.description, "hosts": [account.host()],
            "status": self.status.as_str(), "start": rfc3339(self.span.start_ms), "end": rfc3339(self.span.end_ms),
            "duration": self.minutes(), "eventTypeId": self.event_type_id, "eventType": {"id": self.event_type_id, "slug": self.slug},
            "location": self.location, "meetingUrl": self.video_url(), "absentHost": self.absent_host,
            "createdAt": rfc3339(self.created_ms), "updatedAt": rfc3339(self.updated_ms), "rating": null,
            "icsUid": format!("{}@Cal.com", self.uid), "guests": self.guests,
            "attendees": self.attendees.iter().map(|guest| self.attendee(guest, seated)).collect::<Vec<_>>(),
        });
        if !seated {
            shown["metadata"] = json!(self.metadata);
            shown["bookingFieldsResponses"] = json!(self.responses);
        }
        let told = [
            ("cancellationReason", &self.cancellation_reason),
            ("cancelledByEmail", &self.cancelled_by),
            ("reschedulingReason", &self.rescheduling_reason),
            ("rescheduledByEmail", &self.rescheduled_by),
            ("rescheduledFromUid", &self.from_uid),
            ("rescheduledToUid", &self.to_uid),
        ];
        for (name, value) in told.into_iter().filter(|(_, value)| value.is_some()) {
            shown[name] = json!(value);
        }
        shown
    }

    fn attendee(&self, guest: &Guest, seated: bool) -> Value {
        let mut shown = json!({
            "name": guest.name, "email": guest.email, "displayEmail": guest.email, "timeZone": guest.time_zone,
            "language": guest.language, "absent": guest.absent,
        });
        if let Some(phone) = &guest.phone {
            shown["phoneNumber"] = json!(phone);
        }
        if seated {
            shown["seatUid"] = json!(guest.seat_uid);
            shown["metadata"] = json!(self.metadata);
            shown["bookingFieldsResponses"] = json!(self.responses);
        }
        shown
    }
}

/// `Intro between Bo Host and Ann Example`.
pub(crate) fn title(event_type: &EventType, host: &str, guest: &str) -> String {
    format!("{} between {host} and {guest}", event_type.title)
}
