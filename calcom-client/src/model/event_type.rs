use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{EventTypeId, Minutes, ScheduleId, UserId};

sidecar_core::model! {
    /// An event type: what can be booked, and how.
    pub struct EventType {
        /// Its id.
        "id" id: EventTypeId,
        /// Its owner.
        "ownerId" owner_id: Option<UserId>,
        /// Title.
        "title" title: Option<String>,
        /// Its part of the booking link.
        "slug" slug: Option<String>,
        /// Description.
        "description" description: Option<String>,
        /// How long a booking is.
        "lengthInMinutes" length: Option<Minutes>,
        /// The lengths that a booker may choose from, if there is a choice.
        "lengthInMinutesOptions" length_options: Option<Vec<Minutes>>,
        /// Where it may take place.
        "locations" locations: Option<Vec<Value>>,
        /// What the booker fills in.
        "bookingFields" booking_fields: Option<Vec<Value>>,
        /// The distance of one slot's start from the next.
        "slotInterval" slot_interval: Option<Minutes>,
        /// How long before it begins it can last be booked.
        "minimumBookingNotice" minimum_booking_notice: Option<Minutes>,
        /// Kept free before a booking.
        "beforeEventBuffer" before_event_buffer: Option<Minutes>,
        /// Kept free after a booking.
        "afterEventBuffer" after_event_buffer: Option<Minutes>,
        /// Its schedule; `None` for the owner's default.
        "scheduleId" schedule_id: Option<ScheduleId>,
        /// Whether a booking makes a series, and how.
        "recurrence" recurrence: Option<Value>,
        /// Whether several attendees share a slot, and how many.
        "seats" seats: Option<Value>,
        /// Whether the host has to confirm a booking.
        "confirmationPolicy" confirmation_policy: Option<Value>,
        /// How far ahead it can be booked.
        "bookingWindow" booking_window: Option<Value>,
        /// Price in the currency's smallest unit.
        "price" price: Option<f64>,
        /// Currency, such as `usd`.
        "currency" currency: Option<String>,
        /// Whether it is not shown on the owner's page.
        "hidden" hidden: Option<bool>,
        /// Whether booking it needs credentials.
        "bookingRequiresAuthentication" booking_requires_authentication: Option<bool>,
        /// Where it is booked.
        "bookingUrl" booking_url: Option<String>,
        /// The caller's own values.
        "metadata" metadata: Option<Map<String, Value>>,
        /// Its hosts.
        "users" users: Option<Vec<Value>>,
    }
}

sidecar_core::open_enum! {
    /// A meeting's integration (<https://cal.com/docs/api-reference/v2/bookings/create-a-booking>).
    pub enum Integration {
        /// Cal.com's own.
        CalVideo = "cal-video",
        /// Google Meet.
        GoogleMeet = "google-meet",
        /// Zoom.
        Zoom = "zoom",
        /// Microsoft Teams.
        Office365Video = "office365-video",
        /// Webex.
        WebexVideo = "webex-video",
        /// Jitsi.
        Jitsi = "jitsi",
        /// WhatsApp.
        WhatsappVideo = "whatsapp-video",
    }
}

/// Where a booking takes place, in requests. Which of them an event type allows is its own matter.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Location {
    /// The host's address, as the event type has it.
    Address,
    /// The event type's link.
    Link,
    /// The host's phone, as the event type has it.
    Phone,
    /// Whatever the host uses by default.
    OrganizersDefaultApp,
    /// At the attendee's: this address.
    AttendeeAddress(String),
    /// Wherever the attendee says.
    AttendeeDefined(String),
    /// By the attendee's phone: this number, in E.164.
    AttendeePhone(String),
    /// In a meeting.
    Integration(Integration),
}

impl Serialize for Location {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let wire = match self {
            Self::Address => json!({"type": "address"}),
            Self::Link => json!({"type": "link"}),
            Self::Phone => json!({"type": "phone"}),
            Self::OrganizersDefaultApp => json!({"type": "organizersDefaultApp"}),
            Self::AttendeeAddress(address) => json!({"type": "attendeeAddress", "address": address}),
            Self::AttendeeDefined(location) => json!({"type": "attendeeDefined", "location": location}),
            Self::AttendeePhone(phone) => json!({"type": "attendeePhone", "phone": phone}),
            Self::Integration(integration) => json!({"type": "integration", "integration": integration}),
        };
        wire.serialize(serializer)
    }
}
