//! Typed ids. Bookings have a uid, which is text; most other resources have a number.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sidecar_core::Id;

/// Marker types of the text ids; they have no values.
pub mod kind {
    /// The kind of a [`BookingUid`](super::BookingUid).
    #[derive(Debug)]
    pub enum Booking {}
    /// The kind of a [`SeatUid`](super::SeatUid).
    #[derive(Debug)]
    pub enum Seat {}
    /// The kind of a [`ReservationUid`](super::ReservationUid).
    #[derive(Debug)]
    pub enum Reservation {}
}

/// The uid of a booking; a rescheduled booking has a new one.
pub type BookingUid = Id<kind::Booking>;
/// The uid of an attendee's seat in a booking with seats.
pub type SeatUid = Id<kind::Seat>;
/// The uid of a slot's reservation.
pub type ReservationUid = Id<kind::Reservation>;

/// The id of a webhook: a UUID, though the published specification calls it a number.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct WebhookId(Arc<str>);

impl WebhookId {
    /// Returns the id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for WebhookId {
    fn from(id: &str) -> Self {
        Self(id.into())
    }
}

impl From<String> for WebhookId {
    fn from(id: String) -> Self {
        Self(id.into())
    }
}

impl From<&WebhookId> for WebhookId {
    fn from(id: &WebhookId) -> Self {
        id.clone()
    }
}

impl fmt::Display for WebhookId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for WebhookId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextOrNumber;
        impl de::Visitor<'_> for TextOrNumber {
            type Value = WebhookId;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an id, text or number")
            }
            fn visit_str<E>(self, text: &str) -> Result<WebhookId, E> {
                Ok(text.into())
            }
            fn visit_u64<E>(self, number: u64) -> Result<WebhookId, E> {
                Ok(number.to_string().into())
            }
            fn visit_i64<E>(self, number: i64) -> Result<WebhookId, E> {
                Ok(number.to_string().into())
            }
        }
        deserializer.deserialize_any(TextOrNumber)
    }
}

/// A whole number on the wire, which some responses have as text or with a fraction of zero.
pub(super) struct Whole(pub(super) i64);

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct WholeNumber;
        impl de::Visitor<'_> for WholeNumber {
            type Value = Whole;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number")
            }
            fn visit_i64<E>(self, number: i64) -> Result<Whole, E> {
                Ok(Whole(number))
            }
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Whole, E> {
                i64::try_from(number).map(Whole).map_err(|_| E::invalid_value(de::Unexpected::Unsigned(number), &self))
            }
            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Whole, E> {
                #[expect(clippy::cast_possible_truncation, reason = "checked: whole and within the range of an i64")]
                if number.fract() == 0.0 && number.abs() < 9e15 {
                    return Ok(Whole(number as i64));
                }
                Err(E::invalid_value(de::Unexpected::Float(number), &self))
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Whole, E> {
                text.parse().map(Whole).map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }
        deserializer.deserialize_any(WholeNumber)
    }
}

macro_rules! numbers {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        $($(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(i64);

        impl $name {
            /// Returns the number.
            pub const fn get(self) -> i64 {
                self.0
            }
        }

        impl From<i64> for $name {
            fn from(number: i64) -> Self {
                Self(number)
            }
        }

        impl From<&$name> for $name {
            fn from(number: &$name) -> Self {
                *number
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_i64(self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Whole::deserialize(deserializer).map(|Whole(number)| Self(number))
            }
        })*
    };
}

numbers! {
    /// The id of a booking. Operations take its [`BookingUid`].
    BookingId,
    /// The id of an attendee of a booking.
    AttendeeId,
    /// The id of an event type.
    EventTypeId,
    /// The id of a schedule.
    ScheduleId,
    /// The id of a user.
    UserId,
    /// The id of a team.
    TeamId,
    /// The id of an organization.
    CalcomOrganizationId,
    /// The id of an out-of-office entry.
    OooId,
    /// The id of the credential through which a calendar is connected.
    CredentialId,
    /// A duration in whole minutes.
    Minutes,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_are_parsed_in_every_known_format() {
        for wire in ["7", "7.0", "\"7\""] {
            assert_eq!(serde_json::from_str::<EventTypeId>(wire).unwrap(), EventTypeId(7), "{wire}");
        }
        for wire in ["7.5", "\"x\"", "1e300", "null", "18446744073709551615", "[7]"] {
            assert!(serde_json::from_str::<EventTypeId>(wire).is_err(), "{wire}");
        }
        assert_eq!(serde_json::to_string(&EventTypeId(7)).unwrap(), "7");
    }

    #[test]
    fn a_webhooks_id_is_text_or_number() {
        for wire in ["\"7\"", "7"] {
            assert_eq!(serde_json::from_str::<WebhookId>(wire).unwrap().as_str(), "7");
        }
    }
}
