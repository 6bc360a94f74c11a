use serde_json::{Map, Value};
use sidecar_core::{Error, ErrorKind, Result, SendState, Timestamp};

use crate::{
    bookings::{CreateBooking, CreatedOrFound, NewAttendee},
    client::{CalcomClient, RequestOptions, request},
    model::{Booked, EventType, EventTypeId, Location, Minutes},
};

/// The metadata key of bookings that this software created; the value is the purpose. It distinguishes their events from others.
pub const ORIGIN: &str = "sidecar_origin";

/// The metadata key of the reason of a blocked time.
pub(crate) const REASON: &str = "sidecar_reason";

const MINUTE: i64 = 60_000_000;

/// A booking to create. [`NewBooking::new`] has the required fields.
#[derive(Debug, Clone, PartialEq)]
pub struct NewBooking {
    /// The event type.
    pub event_type: EventTypeId,
    /// The start.
    pub start: Timestamp,
    /// The end: the length of the event type after the start, or one of its length options.
    pub end: Timestamp,
    /// The attendee's name.
    pub attendee_name: String,
    /// The attendee's e-mail address.
    pub attendee_email: String,
    /// The attendee's phone number in E.164.
    pub attendee_phone: Option<String>,
    /// The attendee's IANA time zone, which mails use; `UTC` by default.
    pub time_zone: String,
    /// The caller's metadata. A value that is not a text is sent as JSON text, because Cal.com stores only texts.
    pub metadata: Map<String, Value>,
}

impl NewBooking {
    /// Returns a booking for an attendee in the time zone `UTC`. Times are `"2026-12-01T09:00:00Z".parse()?`, with any offset.
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

    /// Sets the attendee's IANA time zone, such as `Europe/Berlin`, which mails use.
    #[must_use]
    pub fn time_zone(mut self, time_zone: impl Into<String>) -> Self {
        self.time_zone = time_zone.into();
        self
    }

    /// Sets the attendee's phone number in E.164; required if reminders are sent by text message.
    #[must_use]
    pub fn phone(mut self, phone: impl Into<String>) -> Self {
        self.attendee_phone = Some(phone.into());
        self
    }

    /// Adds metadata, as [`CreateBooking::metadata`]; a value that is not a text is sent as JSON text.
    #[must_use]
    pub fn metadata(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.metadata.insert(key.into(), value.into());
        self
    }
}

/// Books the time from a start to an end. From [`CalcomClient::create_booking`].
///
/// The request is never retried automatically. Use [`create_or_find`](Self::create_or_find) instead of `.await` to find the booking
/// after a lost response.
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

    /// Sets the e-mail addresses of guests.
    pub fn guests<S: Into<String>>(mut self, guests: impl IntoIterator<Item = S>) -> Self {
        self.guests = guests.into_iter().map(Into::into).collect();
        self
    }

    /// Sets the location; by default the first one of the event type.
    pub fn location(mut self, location: impl Into<Location>) -> Self {
        self.location = Some(location.into());
        self
    }

    /// Sets the reference by which the booking is found, as [`CreateBooking::reference`].
    pub fn reference(mut self, reference: impl Into<String>) -> Self {
        self.reference = Some(reference.into());
        self
    }

    /// Books the time, and searches for the booking if the response was lost. A job that is retried should search first
    /// ([`Bookings::find`](crate::bookings::Bookings::find)).
    ///
    /// # Errors
    /// Those of the request and of [`CreateBooking::create_or_find`], which needs a [`reference`](Self::reference).
    pub async fn create_or_find(self) -> Result<CreatedOrFound> {
        self.create().await?.create_or_find().await
    }

    /// Returns the request with the length that the event type requires.
    async fn create(self) -> Result<CreateBooking> {
        let Self { client, booking, guests, location, reference, options } = self;
        let requested = length(&booking)?;
        let event_type = client.event_types().get(booking.event_type).with_options(options.clone()).await;
        // Only the event type was requested; the booking was not sent.
        let event_type = event_type.map_err(|error| error.with_send_state(SendState::NotSent))?;
        let chosen = chosen_length(&event_type, requested)?;
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

fn invalid(why: String) -> Error {
    Error::new(ErrorKind::InvalidInput, why).at("calcom", "create_booking")
}

fn length(booking: &NewBooking) -> Result<Minutes> {
    let micros = booking.end.as_micros().saturating_sub(booking.start.as_micros());
    match (micros > 0, micros % MINUTE) {
        (true, 0) => Ok(Minutes::from(micros / MINUTE)),
        _ => Err(invalid("the booking must end a whole number of minutes after its start".to_owned())),
    }
}

/// Returns the length to send; `None` if it is the only one of the event type.
fn chosen_length(event_type: &EventType, requested: Minutes) -> Result<Option<Minutes>> {
    let options = event_type.length_options.as_deref().unwrap_or_default();
    match event_type.length {
        _ if options.contains(&requested) => Ok(Some(requested)),
        Some(length) if length == requested => Ok(None),
        None => Ok(Some(requested)),
        Some(length) => {
            let mut allowed: Vec<_> = std::iter::once(&length).chain(options).map(Minutes::to_string).collect();
            allowed.dedup();
            Err(invalid(format!(
                "bookings of event type {} are {} minutes long, not {requested}: correct the end, or give the event type \
                 `lengthInMinutesOptions`",
                event_type.id,
                allowed.join(" or ")
            )))
        }
    }
}
