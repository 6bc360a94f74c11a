use serde::Serialize;

use crate::{
    client::{RequestBuilder, request},
    config::MAX_GUESTS_PER_CALL,
    model::{Attendee, Booked},
};

request! {
    /// Adds an attendee. From [`Bookings::add_attendee`](super::Bookings::add_attendee).
    AddAttendee => Attendee, via data;
    body {
        /// Phone number in E.164.
        "phoneNumber" phone: String,
        /// Language, such as `en`.
        "language" language: String,
    }
}

/// A guest of a booking, who gets a mail.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Guest {
    /// E-mail address.
    pub email: String,
    /// Name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// IANA time zone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// Phone number in E.164.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone_number: Option<String>,
    /// Language, such as `en`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
}

impl Guest {
    /// Known by an e-mail address only.
    pub fn new(email: impl Into<String>) -> Self {
        Self { email: email.into(), ..Self::default() }
    }
}

request! {
    /// Adds guests. From [`Bookings::add_guests`](super::Bookings::add_guests).
    AddGuests => Booked, via data;
}

impl AddGuests {
    pub(super) fn new(builder: RequestBuilder, guests: Vec<Guest>) -> Self {
        let some = (1..=MAX_GUESTS_PER_CALL).contains(&guests.len());
        Self(builder.set("guests", guests).require(some, "1 to 10 guests can be added in one call: divide them"))
    }
}
