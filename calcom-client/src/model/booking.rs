use serde::{
    Deserialize, Serialize,
    de::{DeserializeOwned, Error as _},
};
use serde_json::{Map, Value};
use sidecar_core::model::{Extra, Unknown};

use super::{AttendeeId, BookingId, BookingUid, EventTypeId, Minutes, SeatUid, UserId, WireTime};

sidecar_core::open_enum! {
    /// How a booking stands. Webhooks write it in upper case ([`WebhookStatus`](crate::webhook::WebhookStatus)).
    pub enum BookingStatus {
        /// It takes place.
        Accepted = "accepted",
        /// It waits for the host's word.
        Pending = "pending",
        /// Called off, or moved: then `rescheduled_to_uid` names its successor.
        Cancelled = "cancelled",
        /// The host refused it.
        Rejected = "rejected",
    }
}

sidecar_core::model! {
    /// A booking: a single one, one of a recurring series, or one with seats.
    ///
    /// The published specification marks most fields as always there and never null; real answers lack some of them.
    pub struct Booking {
        /// Its number.
        "id" id: Option<BookingId>,
        /// Its uid, by which operations know it.
        "uid" uid: BookingUid,
        /// What it is about.
        "title" title: Option<String>,
        /// Description.
        "description" description: Option<String>,
        /// Who holds it.
        "hosts" hosts: Option<Vec<Host>>,
        /// How it stands.
        "status" status: Option<BookingStatus>,
        /// When it begins.
        "start" start: Option<WireTime>,
        /// When it ends.
        "end" end: Option<WireTime>,
        /// How long it is.
        "duration" duration: Option<Minutes>,
        /// Its event type; also in `event_type`.
        "eventTypeId" event_type_id: Option<EventTypeId>,
        /// Its event type.
        "eventType" event_type: Option<EventTypeRef>,
        /// Where: an address, a link or a name of an integration.
        "location" location: Option<String>,
        /// The meeting's link.
        "meetingUrl" meeting_url: Option<String>,
        /// Whether the host did not come.
        "absentHost" absent_host: Option<bool>,
        /// When it was made.
        "createdAt" created_at: Option<WireTime>,
        /// When it last changed.
        "updatedAt" updated_at: Option<WireTime>,
        /// The caller's own values, and some of the provider's.
        "metadata" metadata: Option<Map<String, Value>>,
        /// The attendee's rating.
        "rating" rating: Option<f64>,
        /// Its uid in calendars.
        "icsUid" ics_uid: Option<String>,
        /// Who comes.
        "attendees" attendees: Option<Vec<Attendee>>,
        /// Further e-mail addresses.
        "guests" guests: Option<Vec<String>>,
        /// What the attendee filled in, by the field's slug.
        "bookingFieldsResponses" responses: Option<Map<String, Value>>,
        /// Why it was cancelled.
        "cancellationReason" cancellation_reason: Option<String>,
        /// Who cancelled it.
        "cancelledByEmail" cancelled_by_email: Option<String>,
        /// Why it was moved.
        "reschedulingReason" rescheduling_reason: Option<String>,
        /// Who moved it.
        "rescheduledByEmail" rescheduled_by_email: Option<String>,
        /// The booking that this one took the place of.
        "rescheduledFromUid" rescheduled_from_uid: Option<BookingUid>,
        /// The booking that took this one's place.
        "rescheduledToUid" rescheduled_to_uid: Option<BookingUid>,
        /// The uid of the series, of a recurring booking.
        "recurringBookingUid" recurring_booking_uid: Option<BookingUid>,
        /// The seat that was just booked.
        "seatUid" seat_uid: Option<SeatUid>,
    }
}

impl Booking {
    /// A text of its metadata.
    pub fn metadata_text(&self, key: &str) -> Option<&str> {
        self.metadata.as_ref()?.get(key)?.as_str()
    }

    /// The booking in an answer. A field that is not of its type stays as it was sent, in `extra`, so that a surprise in one field
    /// hides no booking.
    ///
    /// # Errors
    /// It is no object, or its `uid` is no text.
    pub(crate) fn read(answer: Value) -> Result<Self, serde_json::Error> {
        Self::deserialize(&answer).or_else(|error| Self::as_far_as_readable(answer).ok_or(error))
    }

    fn as_far_as_readable(answer: Value) -> Option<Self> {
        let Value::Object(fields) = answer else { return None };
        let hosts = fields.get("hosts").and_then(|hosts| each(hosts, |host: &mut Host| &mut host.extra));
        let attendees = fields.get("attendees").and_then(|people| each(people, |one: &mut Attendee| &mut one.extra));
        let uid = Map::from_iter([("uid".to_owned(), fields.get("uid")?.clone())]);
        let mut booking = partly(fields, &uid, |booking: &mut Self| &mut booking.extra)?;
        if hosts.is_some() {
            booking.extra.remove("hosts");
            booking.hosts = hosts;
        }
        if attendees.is_some() {
            booking.extra.remove("attendees");
            booking.attendees = attendees;
        }
        Some(booking)
    }

    /// Whether it still stands or may come to stand.
    pub fn is_active(&self) -> bool {
        !matches!(self.status, Some(BookingStatus::Cancelled | BookingStatus::Rejected))
    }
}

/// A model by those of its fields that are of their type; the others stand where unknown ones do.
fn partly<T: DeserializeOwned>(
    fields: Map<String, Value>,
    required: &Map<String, Value>,
    extra: fn(&mut T) -> &mut Extra,
) -> Option<T> {
    let fits = |(name, value): &(String, Value)| {
        let mut alone = required.clone();
        alone.insert(name.clone(), value.clone());
        serde_json::from_value::<T>(Value::Object(alone)).is_ok()
    };
    let (fitting, odd): (Map<_, _>, Map<_, _>) = fields.into_iter().partition(fits);
    let mut model = serde_json::from_value(Value::Object(fitting)).ok()?;
    extra(&mut model).extend(odd);
    Some(model)
}

fn each<T: DeserializeOwned>(list: &Value, extra: fn(&mut T) -> &mut Extra) -> Option<Vec<T>> {
    list.as_array()?.iter().map(|one| partly(one.as_object()?.clone(), &Map::new(), extra)).collect()
}

sidecar_core::model! {
    /// Who holds a booking. Of a booking without a user Cal.com answers one host who is `unknown` in every field, the id too: that
    /// one is in `extra` then.
    pub struct Host {
        /// The user.
        "id" id: Option<UserId>,
        /// Name.
        "name" name: Option<String>,
        /// E-mail address.
        "email" email: Option<String>,
        /// The address that attendees see.
        "displayEmail" display_email: Option<String>,
        /// User name.
        "username" username: Option<String>,
        /// IANA time zone.
        "timeZone" time_zone: Option<String>,
    }
}

sidecar_core::model! {
    /// The event type of a booking.
    pub struct EventTypeRef {
        /// Its id.
        "id" id: Option<EventTypeId>,
        /// Its slug.
        "slug" slug: Option<String>,
    }
}

sidecar_core::model! {
    /// Who comes to a booking.
    pub struct Attendee {
        /// Its id; in the listing of attendees.
        "id" id: Option<AttendeeId>,
        /// The booking; in the listing of attendees.
        "bookingId" booking_id: Option<BookingId>,
        /// Name.
        "name" name: Option<String>,
        /// E-mail address.
        "email" email: Option<String>,
        /// The address that others see.
        "displayEmail" display_email: Option<String>,
        /// IANA time zone.
        "timeZone" time_zone: Option<String>,
        /// Language, such as `en`.
        "language" language: Option<String>,
        /// Whether the attendee did not come.
        "absent" absent: Option<bool>,
        /// Phone number.
        "phoneNumber" phone_number: Option<String>,
        /// The seat, in a booking with seats.
        "seatUid" seat_uid: Option<SeatUid>,
        /// What this attendee filled in, in a booking with seats.
        "bookingFieldsResponses" responses: Option<Map<String, Value>>,
        /// This seat's metadata, in a booking with seats.
        "metadata" metadata: Option<Map<String, Value>>,
    }
}

/// A single booking, read as [`Booking::read`] does.
pub(crate) struct Single(pub(crate) Booking);

impl<'de> Deserialize<'de> for Single {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Booking::read(Value::deserialize(deserializer)?).map(Self).map_err(D::Error::custom)
    }
}

/// One booking, or all of a recurring series: which of the two depends on the event type.
#[derive(Debug, Clone, PartialEq)]
pub enum Booked {
    /// A single booking.
    One(Box<Booking>),
    /// A recurring series.
    Series(Vec<Booking>),
}

impl Booked {
    /// The bookings.
    pub fn as_slice(&self) -> &[Booking] {
        match self {
            Self::One(booking) => std::slice::from_ref(booking),
            Self::Series(bookings) => bookings,
        }
    }

    /// The bookings, owned.
    pub fn into_vec(self) -> Vec<Booking> {
        match self {
            Self::One(booking) => vec![*booking],
            Self::Series(bookings) => bookings,
        }
    }

    /// The single booking, or the first of the series; `None` of an empty series.
    pub fn first(&self) -> Option<&Booking> {
        self.as_slice().first()
    }
}

impl<'de> Deserialize<'de> for Booked {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Array(bookings) => {
                bookings.into_iter().map(Booking::read).collect::<Result<_, _>>().map(Self::Series)
            }
            one => Booking::read(one).map(|booking| Self::One(Box::new(booking))),
        }
        .map_err(D::Error::custom)
    }
}

impl Serialize for Booked {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::One(booking) => booking.serialize(serializer),
            Self::Series(bookings) => bookings.serialize(serializer),
        }
    }
}

impl Unknown for Booked {
    fn unknown(&self, path: &str, found: &mut Vec<String>) {
        self.as_slice().iter().for_each(|booking| booking.unknown(path, found));
    }
}

sidecar_core::model! {
    /// A booking in another system: a calendar's event or a meeting.
    pub struct BookingReference {
        /// Its number.
        "id" id: Option<i64>,
        /// The system, such as `google_calendar`.
        "type" kind: Option<String>,
        /// The id there.
        "eventUid" event_uid: Option<String>,
        /// The calendar there.
        "destinationCalendarId" destination_calendar_id: Option<String>,
    }
}

sidecar_core::model! {
    /// A link that adds a booking to a calendar.
    pub struct CalendarLink {
        /// The calendar's name, such as `Google Calendar`.
        "label" label: Option<String>,
        /// The link.
        "link" link: Option<String>,
    }
}

sidecar_core::model! {
    /// A recording of a booking's meeting.
    pub struct Recording {
        /// Its id.
        "id" id: Option<String>,
        /// The meeting's room.
        "roomName" room_name: Option<String>,
        /// When it began, in seconds since 1970.
        "startTs" start_ts: Option<f64>,
        /// How far it is, such as `finished`.
        "status" status: Option<String>,
        /// The most people at a time.
        "maxParticipants" max_participants: Option<f64>,
        /// Length in seconds.
        "duration" duration: Option<f64>,
        /// What shares it.
        "shareToken" share_token: Option<String>,
        /// Where to get it, for some hours.
        "downloadLink" download_link: Option<String>,
        /// Why there is none.
        "error" error: Option<String>,
    }
}

sidecar_core::model! {
    /// One session of a booking's meeting.
    pub struct ConferencingSession {
        /// Its id.
        "id" id: Option<String>,
        /// The meeting's room.
        "room" room: Option<String>,
        /// When it began, in seconds since 1970.
        "startTime" start_time: Option<f64>,
        /// Length in seconds.
        "duration" duration: Option<f64>,
        /// Whether it still goes on.
        "ongoing" ongoing: Option<bool>,
        /// The most people at a time.
        "maxParticipants" max_participants: Option<f64>,
        /// Who took part.
        "participants" participants: Option<Vec<Participant>>,
    }
}

sidecar_core::model! {
    /// Who took part in a session.
    pub struct Participant {
        /// The user; `None` of a guest.
        "userId" user_id: Option<String>,
        /// Name.
        "userName" user_name: Option<String>,
        /// When they came, in seconds since 1970.
        "joinTime" join_time: Option<f64>,
        /// How long they stayed, in seconds.
        "duration" duration: Option<f64>,
    }
}
