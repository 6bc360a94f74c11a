use serde::{
    Deserialize, Serialize,
    de::{DeserializeOwned, Error as _},
};
use serde_json::{Map, Value};
use sidecar_core::model::{Extra, Unknown};

use super::{AttendeeId, BookingId, BookingUid, EventTypeId, Minutes, SeatUid, UserId, WireTime};

sidecar_core::open_enum! {
    /// The status of a booking. Webhooks have it in upper case ([`WebhookStatus`](crate::events::WebhookStatus)).
    pub enum BookingStatus {
        /// Confirmed.
        Accepted = "accepted",
        /// Waiting for the host's confirmation.
        Pending = "pending",
        /// Cancelled, or rescheduled: then `rescheduled_to_uid` is the new booking.
        Cancelled = "cancelled",
        /// Rejected by the host.
        Rejected = "rejected",
    }
}

sidecar_core::model! {
    /// A booking: a single one, one of a recurring series, or one with seats.
    ///
    /// The published specification marks most fields as required and not null; real responses lack some of them.
    pub struct Booking {
        /// Numeric id.
        "id" id: Option<BookingId>,
        /// Uid, which operations take.
        "uid" uid: BookingUid,
        /// Title.
        "title" title: Option<String>,
        /// Description.
        "description" description: Option<String>,
        /// Hosts.
        "hosts" hosts: Option<Vec<Host>>,
        /// Status.
        "status" status: Option<BookingStatus>,
        /// Start.
        "start" start: Option<WireTime>,
        /// End.
        "end" end: Option<WireTime>,
        /// Duration.
        "duration" duration: Option<Minutes>,
        /// Event type id; also in `event_type`.
        "eventTypeId" event_type_id: Option<EventTypeId>,
        /// Event type.
        "eventType" event_type: Option<EventTypeRef>,
        /// Location: an address, a link or the name of an integration.
        "location" location: Option<String>,
        /// URL of the meeting.
        "meetingUrl" meeting_url: Option<String>,
        /// Whether the host was absent.
        "absentHost" absent_host: Option<bool>,
        /// When it was created.
        "createdAt" created_at: Option<WireTime>,
        /// When it was last changed.
        "updatedAt" updated_at: Option<WireTime>,
        /// The caller's own values, and some of the provider's.
        "metadata" metadata: Option<Map<String, Value>>,
        /// The attendee's rating.
        "rating" rating: Option<f64>,
        /// iCalendar UID.
        "icsUid" ics_uid: Option<String>,
        /// Attendees.
        "attendees" attendees: Option<Vec<Attendee>>,
        /// E-mail addresses of further guests.
        "guests" guests: Option<Vec<String>>,
        /// The attendee's responses to the booking fields, by the field's slug.
        "bookingFieldsResponses" responses: Option<Map<String, Value>>,
        /// Reason of the cancellation.
        "cancellationReason" cancellation_reason: Option<String>,
        /// E-mail address of the person who cancelled it.
        "cancelledByEmail" cancelled_by_email: Option<String>,
        /// Reason of the rescheduling.
        "reschedulingReason" rescheduling_reason: Option<String>,
        /// E-mail address of the person who rescheduled it.
        "rescheduledByEmail" rescheduled_by_email: Option<String>,
        /// The booking that this one replaces.
        "rescheduledFromUid" rescheduled_from_uid: Option<BookingUid>,
        /// The booking that replaces this one.
        "rescheduledToUid" rescheduled_to_uid: Option<BookingUid>,
        /// Uid of the series of a recurring booking.
        "recurringBookingUid" recurring_booking_uid: Option<BookingUid>,
        /// The seat that the request booked.
        "seatUid" seat_uid: Option<SeatUid>,
    }
}

impl Booking {
    /// Returns a text of the metadata.
    pub fn metadata_text(&self, key: &str) -> Option<&str> {
        self.metadata.as_ref()?.get(key)?.as_str()
    }

    /// Parses a booking leniently: a field of an unexpected type is put into `extra` as it was sent, so that it does not fail the booking.
    ///
    /// # Errors
    /// The value is not an object, or its `uid` is not a text.
    pub(crate) fn parse(value: Value) -> Result<Self, serde_json::Error> {
        Self::deserialize(&value).or_else(|error| Self::parse_valid_fields(value).ok_or(error))
    }

    fn parse_valid_fields(value: Value) -> Option<Self> {
        let Value::Object(fields) = value else { return None };
        let hosts = fields.get("hosts").and_then(|hosts| parse_list(hosts, |host: &mut Host| &mut host.extra));
        let attendees = fields
            .get("attendees")
            .and_then(|attendees| parse_list(attendees, |attendee: &mut Attendee| &mut attendee.extra));
        let uid = Map::from_iter([("uid".to_owned(), fields.get("uid")?.clone())]);
        let mut booking = parse_lenient(fields, &uid, |booking: &mut Self| &mut booking.extra)?;
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

    /// Returns whether the booking is neither cancelled nor rejected.
    pub fn is_active(&self) -> bool {
        !matches!(self.status, Some(BookingStatus::Cancelled | BookingStatus::Rejected))
    }
}

/// Parses a model from the fields that have the expected type, and puts the others into `extra`.
fn parse_lenient<T: DeserializeOwned>(
    fields: Map<String, Value>,
    required: &Map<String, Value>,
    extra: fn(&mut T) -> &mut Extra,
) -> Option<T> {
    let is_valid = |(name, value): &(String, Value)| {
        let mut object = required.clone();
        object.insert(name.clone(), value.clone());
        serde_json::from_value::<T>(Value::Object(object)).is_ok()
    };
    let (valid, invalid): (Map<_, _>, Map<_, _>) = fields.into_iter().partition(is_valid);
    let mut model = serde_json::from_value(Value::Object(valid)).ok()?;
    extra(&mut model).extend(invalid);
    Some(model)
}

fn parse_list<T: DeserializeOwned>(list: &Value, extra: fn(&mut T) -> &mut Extra) -> Option<Vec<T>> {
    list.as_array()?.iter().map(|item| parse_lenient(item.as_object()?.clone(), &Map::new(), extra)).collect()
}

sidecar_core::model! {
    /// A host of a booking. For a booking without a user Cal.com returns one host with `unknown` in every field. Its id is then in
    /// `extra`, because it is not a number.
    pub struct Host {
        /// User id.
        "id" id: Option<UserId>,
        /// Name.
        "name" name: Option<String>,
        /// E-mail address.
        "email" email: Option<String>,
        /// E-mail address that attendees see.
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
        /// Id.
        "id" id: Option<EventTypeId>,
        /// Slug.
        "slug" slug: Option<String>,
    }
}

sidecar_core::model! {
    /// An attendee of a booking.
    pub struct Attendee {
        /// Id; in the list of attendees only.
        "id" id: Option<AttendeeId>,
        /// Booking id; in the list of attendees only.
        "bookingId" booking_id: Option<BookingId>,
        /// Name.
        "name" name: Option<String>,
        /// E-mail address.
        "email" email: Option<String>,
        /// E-mail address that others see.
        "displayEmail" display_email: Option<String>,
        /// IANA time zone.
        "timeZone" time_zone: Option<String>,
        /// Language, such as `en`.
        "language" language: Option<String>,
        /// Whether the attendee was absent.
        "absent" absent: Option<bool>,
        /// Phone number.
        "phoneNumber" phone_number: Option<String>,
        /// Seat, in a booking with seats.
        "seatUid" seat_uid: Option<SeatUid>,
        /// This attendee's responses to the booking fields, in a booking with seats.
        "bookingFieldsResponses" responses: Option<Map<String, Value>>,
        /// This seat's metadata, in a booking with seats.
        "metadata" metadata: Option<Map<String, Value>>,
    }
}

/// A single booking, parsed by [`Booking::parse`].
pub(crate) struct Single(pub(crate) Booking);

impl<'de> Deserialize<'de> for Single {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Booking::parse(Value::deserialize(deserializer)?).map(Self).map_err(D::Error::custom)
    }
}

/// One booking, or all bookings of a recurring series, depending on the event type.
#[derive(Debug, Clone, PartialEq)]
pub enum Booked {
    /// A single booking.
    One(Box<Booking>),
    /// A recurring series.
    Series(Vec<Booking>),
}

impl Booked {
    /// Returns the bookings.
    pub fn as_slice(&self) -> &[Booking] {
        match self {
            Self::One(booking) => std::slice::from_ref(booking),
            Self::Series(bookings) => bookings,
        }
    }

    /// Returns the bookings, owned.
    pub fn into_vec(self) -> Vec<Booking> {
        match self {
            Self::One(booking) => vec![*booking],
            Self::Series(bookings) => bookings,
        }
    }

    /// Returns the single booking, or the first of the series; `None` for an empty series.
    pub fn first(&self) -> Option<&Booking> {
        self.as_slice().first()
    }
}

impl<'de> Deserialize<'de> for Booked {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Array(bookings) => {
                bookings.into_iter().map(Booking::parse).collect::<Result<_, _>>().map(Self::Series)
            }
            one => Booking::parse(one).map(|booking| Self::One(Box::new(booking))),
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
    /// A booking in another system: an event in a calendar or a meeting.
    pub struct BookingReference {
        /// Numeric id.
        "id" id: Option<i64>,
        /// Type of the system, such as `google_calendar`.
        "type" kind: Option<String>,
        /// Id in that system.
        "eventUid" event_uid: Option<String>,
        /// Calendar in that system.
        "destinationCalendarId" destination_calendar_id: Option<String>,
    }
}

sidecar_core::model! {
    /// A link that adds a booking to a calendar.
    pub struct CalendarLink {
        /// Name of the calendar, such as `Google Calendar`.
        "label" label: Option<String>,
        /// URL.
        "link" link: Option<String>,
    }
}

sidecar_core::model! {
    /// A recording of a booking's meeting.
    pub struct Recording {
        /// Id.
        "id" id: Option<String>,
        /// Name of the meeting's room.
        "roomName" room_name: Option<String>,
        /// Start, in seconds since 1970.
        "startTs" start_ts: Option<f64>,
        /// Status, such as `finished`.
        "status" status: Option<String>,
        /// Maximum number of simultaneous participants.
        "maxParticipants" max_participants: Option<f64>,
        /// Duration in seconds.
        "duration" duration: Option<f64>,
        /// Token of the shared link.
        "shareToken" share_token: Option<String>,
        /// Download URL, valid for some hours.
        "downloadLink" download_link: Option<String>,
        /// Reason why there is no recording.
        "error" error: Option<String>,
    }
}

sidecar_core::model! {
    /// One session of a booking's meeting.
    pub struct ConferencingSession {
        /// Id.
        "id" id: Option<String>,
        /// Name of the meeting's room.
        "room" room: Option<String>,
        /// Start, in seconds since 1970.
        "startTime" start_time: Option<f64>,
        /// Duration in seconds.
        "duration" duration: Option<f64>,
        /// Whether it is still running.
        "ongoing" ongoing: Option<bool>,
        /// Maximum number of simultaneous participants.
        "maxParticipants" max_participants: Option<f64>,
        /// Participants.
        "participants" participants: Option<Vec<Participant>>,
    }
}

sidecar_core::model! {
    /// A participant of a session.
    pub struct Participant {
        /// User id; `None` for a guest.
        "userId" user_id: Option<String>,
        /// Name.
        "userName" user_name: Option<String>,
        /// When the participant joined, in seconds since 1970.
        "joinTime" join_time: Option<f64>,
        /// Duration of the participation, in seconds.
        "duration" duration: Option<f64>,
    }
}
