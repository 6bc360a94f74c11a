use serde_json::{Map, Value};
use sidecar_core::{Error, ErrorKind, Result, Timestamp};

use crate::{
    bookings::NewAttendee,
    client::{CalcomClient, Settings, WithSettings, settings},
    model::{Booked, EventType, EventTypeId, Minutes},
};

/// The metadata key that says that a booking was made by this software and for what, so that its events are told from people's.
pub const ORIGIN: &str = "sidecar_origin";

/// The metadata key of why a time is blocked.
pub(super) const REASON: &str = "sidecar_reason";

const MINUTE: i64 = 60_000_000;

/// What is booked.
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

/// Books from a start to an end. From [`CalcomClient::create_booking`].
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct CreateNewBooking {
    client: CalcomClient,
    booking: NewBooking,
    settings: Settings,
}

impl CreateNewBooking {
    pub(super) fn new(client: CalcomClient, booking: NewBooking) -> Self {
        Self { client, booking, settings: Settings::default() }
    }

    settings!(Self, self => self.settings);

    async fn send(self) -> Result<Booked> {
        let Self { client, booking, settings } = self;
        let asked = length(&booking)?;
        let event_type = client.event_types().get(booking.event_type).with(settings.clone()).await?;
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
        create.with(settings).await
    }
}

impl IntoFuture for CreateNewBooking {
    type Output = Result<Booked>;
    type IntoFuture = futures_util::future::BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}

fn refused(why: String) -> Error {
    Error::new(ErrorKind::Config, why).at("calcom", "create_booking")
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
