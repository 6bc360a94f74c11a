use serde_json::{Map, Value};

use crate::{
    bookings::Sort,
    client::request,
    model::{CalcomOrganizationId, EventType, Minutes, ScheduleId},
};

request! {
    /// Lists event types. From [`EventTypes::list`](super::EventTypes::list).
    ListEventTypes => Vec<EventType>, via data;
    query {
        /// This user's.
        "username" username: String,
        /// The user's one with this slug; with [`username`](Self::username).
        "eventSlug" slug: String,
        /// Those that these users have together.
        "usernames" usernames: Vec<String>,
        /// The users' organization, by its slug.
        "orgSlug" organization_slug: String,
        /// The users' organization.
        "orgId" organization: CalcomOrganizationId,
        /// Ordered by when they were made.
        "sortCreatedAt" sort_created: Sort,
    }
}

/// Declares a request that writes an event type: the fields of its own, then those that creating and changing share.
macro_rules! writes {
    ($(#[$doc:meta])* $name:ident { $($own:tt)* }) => {
        request! {
            $(#[$doc])*
            $name => EventType, via data;
            body {
                $($own)*
                /// Description.
                "description" description: String,
                /// The lengths that a booker may choose from.
                "lengthInMinutesOptions" length_options: Vec<Minutes>,
                /// The schedule it can be booked in; the owner's default unless set.
                "scheduleId" schedule: ScheduleId,
                /// The distance of one slot's start from the next; the length unless set.
                "slotInterval" slot_interval: Minutes,
                /// How long before it begins it can last be booked.
                "minimumBookingNotice" minimum_booking_notice: Minutes,
                /// Kept free before a booking.
                "beforeEventBuffer" before_event_buffer: Minutes,
                /// Kept free after a booking.
                "afterEventBuffer" after_event_buffer: Minutes,
                /// Not shown on the owner's page.
                "hidden" hidden: bool,
                /// Bookers cannot invite further people.
                "disableGuests" disable_guests: bool,
                /// Only who has credentials can book it.
                "bookingRequiresAuthentication" booking_requires_authentication: bool,
                /// Values of one's own.
                "metadata" metadata: Map<String, Value>,
            }
        }

        impl $name {
            /// Sets a field that has no setter here, by its wire name: `locations`, `bookingFields`, `recurrence`, `seats`,
            /// `confirmationPolicy`, …. Where it is an object, `{"disabled": true}` takes it away again
            /// (<https://cal.com/docs/api-reference/v2/event-types/create-an-event-type>).
            pub fn set(self, wire_name: &str, value: impl Into<Value>) -> Self {
                Self(self.0.set(wire_name, value.into()))
            }
        }
    };
}

writes! {
    /// Makes an event type. From [`EventTypes::create`](super::EventTypes::create).
    CreateEventType {}
}

writes! {
    /// Changes an event type. From [`EventTypes::update`](super::EventTypes::update).
    UpdateEventType {
        /// Title.
        "title" title: String,
        /// Its part of the booking link.
        "slug" slug: String,
        /// How long a booking is.
        "lengthInMinutes" length: Minutes,
    }
}
