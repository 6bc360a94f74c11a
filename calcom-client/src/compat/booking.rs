use serde_json::{Map, Value};
use sidecar_core::{Error, ErrorKind, Result, SendState, Timestamp};

use crate::{
    bookings::{CreateBooking, CreatedOrFound, NewAttendee},
    client::{CalcomClient, RequestOptions, request},
    model::{Booked, EventType, EventTypeId, Location, Minutes},
};

/// The metadata key that says that a booking was made by this software and for what, so that its events are told from people's.
pub const ORIGIN: &str = "sidecar_origin";

/// The metadata key of why a time is blocked.
pub(super) const REASON: &str = "sidecar_reason";

const MINUTE: i64 = 60_000_000;

/// What is booked. [`NewBooking::new`] takes what every booking needs.
#[derive(Debug, Clone, PartialEq)]
pub struct NewBooking {
    /// The event type.
    pub event_type: EventTypeId,
    /// When it begins.
    pub start: Timestamp,
    /// When it ends: the event type's length after the start, or one of its options.
    pub end: Timestamp,
    /// Who comes.
    pub attendee_name: String,
    /// Their e-mail address.
    pub attendee_email: String,
    /// Their phone number in E.164.
    pub attendee_phone: Option<String>,
    /// Their IANA time zone, in which mails tell the time; `UTC` when in doubt.
    pub time_zone: String,
    /// Values of one's own. What is no text is sent as JSON text, because the provider keeps texts only.
    pub metadata: Map<String, Value>,
}

impl NewBooking {
    /// A booking for somebody of this name and e-mail address, whose time zone is `UTC` until it is set. Times are
    /// `"2026-12-01T09:00:00Z".parse()?`, with any offset.
    pub fn new(
        event_type: impl Into<EventTypeId>,
        start: Timestamp,
        end: Timestamp,
        attendee_name: impl Into<String>,
        attendee_email: impl Into<String>,
    ) -> Self {
        Self {
            event_type: event_type.into(),
            start,
            end,
            attendee_name: attendee_name.into(),
            attendee_email: attendee_email.into(),
            attendee_phone: None,
            time_zone: "UTC".to_owned(),
            metadata: Map::new(),
        }
    }

    /// The attendee's IANA time zone, such as `Europe/Berlin`, in which mails tell the time.
    #[must_use]
    pub fn time_zone(mut self, time_zone: impl Into<String>) -> Self {
        self.time_zone = time_zone.into();
        self
    }

    /// The attendee's phone number in E.164; needed where reminders go out by text message.
    #[must_use]
    pub fn phone(mut self, phone: impl Into<String>) -> Self {
        self.attendee_phone = Some(phone.into());
        self
    }

    /// A value of one's own, as in [`CreateBooking::metadata`]; what is no text is sent as JSON text.
    #[must_use]
    pub fn metadata(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.metadata.insert(key.into(), value.into());
        self
    }
}

/// Books from a start to an end. From [`CalcomClient::create_booking`].
///
/// The create is never sent a second time by itself. End it with [`create_or_find`](Self::create_or_find) in place of `.await` to
/// learn what became of one whose answer was lost.
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct CreateNewBooking {
    client: CalcomClient,
    booking: NewBooking,
    guests: Vec<String>,
    location: Option<Location>,
    reference: Option<String>,
    options: RequestOptions,
}

impl CreateNewBooking {
    pub(super) fn new(client: CalcomClient, booking: NewBooking) -> Self {
        Self {
            client,
            booking,
            guests: Vec::new(),
            location: None,
            reference: None,
            options: RequestOptions::default(),
        }
    }

    /// Further e-mail addresses that are invited.
    pub fn guests<S: Into<String>>(mut self, guests: impl IntoIterator<Item = S>) -> Self {
        self.guests = guests.into_iter().map(Into::into).collect();
        self
    }

    /// Where it takes place; the event type's first place unless set.
    pub fn location(mut self, location: impl Into<Location>) -> Self {
        self.location = Some(location.into());
        self
    }

    /// A name of one's own by which the booking is found again, as in [`CreateBooking::reference`].
    pub fn reference(mut self, reference: impl Into<String>) -> Self {
        self.reference = Some(reference.into());
        self
    }

    /// Books, and when it is unclear whether that happened, looks for the booking. A job that is carried out again should look first
    /// ([`Bookings::find`](crate::bookings::Bookings::find)).
    ///
    /// # Errors
    /// As awaiting it, and as [`CreateBooking::create_or_find`]: it needs a [`reference`](Self::reference).
    pub async fn create_or_find(self) -> Result<CreatedOrFound> {
        self.create().await?.create_or_find().await
    }

    /// The create with the length that the event type asks for.
    async fn create(self) -> Result<CreateBooking> {
        let Self { client, booking, guests, location, reference, options } = self;
        let asked = length(&booking)?;
        let event_type = client.event_types().get(booking.event_type).with_options(options.clone()).await;
        // Whatever became of the read, the booking was not sent.
        let event_type = event_type.map_err(|error| error.with_send_state(SendState::NotSent))?;
        let chosen = chosen_length(&event_type, asked)?;
        let mut attendee = NewAttendee::new(booking.attendee_name, booking.attendee_email, booking.time_zone);
        if let Some(phone) = booking.attendee_phone {
            attendee = attendee.phone(phone);
        }
        let mut create = client.bookings().create(booking.event_type, booking.start, &attendee);
        if let Some(length) = chosen {
            create = create.length(length);
        }
        for (key, value) in booking.metadata {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            create = create.metadata(key, text);
        }
        if let Some(reference) = reference {
            create = create.reference(reference);
        }
        if !guests.is_empty() {
            create = create.guests(guests);
        }
        if let Some(location) = location {
            create = create.location(location);
        }
        Ok(create.with_options(options))
    }

    async fn send(self) -> Result<Booked> {
        self.create().await?.await
    }
}

request!(CreateNewBooking => Booked, options);

fn refused(why: String) -> Error {
    Error::new(ErrorKind::InvalidInput, why).at("calcom", "create_booking")
}

fn length(booking: &NewBooking) -> Result<Minutes> {
    let micros = booking.end.as_micros().saturating_sub(booking.start.as_micros());
    match (micros > 0, micros % MINUTE) {
        (true, 0) => Ok(Minutes::from(micros / MINUTE)),
        _ => Err(refused("a booking ends a whole number of minutes after it begins".to_owned())),
    }
}

/// The length to send, if it is not the event type's only one.
fn chosen_length(event_type: &EventType, asked: Minutes) -> Result<Option<Minutes>> {
    let options = event_type.length_options.as_deref().unwrap_or_default();
    match event_type.length {
        _ if options.contains(&asked) => Ok(Some(asked)),
        Some(length) if length == asked => Ok(None),
        None => Ok(Some(asked)),
        Some(length) => {
            let mut allowed: Vec<_> = std::iter::once(&length).chain(options).map(Minutes::to_string).collect();
            allowed.dedup();
            Err(refused(format!(
                "bookings of event type {} are {} minutes long, not {asked}: correct the end, or give the event type \
                 `lengthInMinutesOptions`",
                event_type.id,
                allowed.join(" or ")
            )))
        }
    }
}
