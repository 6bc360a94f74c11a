use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{DestinationCalendar, EventTypeId, Minutes, ScheduleId, UserId};

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
        /// What bookings are called, with placeholders.
        "customName" custom_name: Option<String>,
        /// Minutes after the full hour at which slots begin.
        "offsetStart" offset_start: Option<Minutes>,
        /// How many bookings it takes in a day, week, month or year.
        "bookingLimitsCount" booking_limits_count: Option<Value>,
        /// How many minutes of bookings it takes in a day, week, month or year.
        "bookingLimitsDuration" booking_limits_duration: Option<Value>,
        /// How many bookings a booker may have at a time.
        "bookerActiveBookingsLimit" booker_active_bookings_limit: Option<Value>,
        /// Whether a day shows its first free slot only.
        "onlyShowFirstAvailableSlot" only_show_first_available_slot: Option<bool>,
        /// Whether slots are set close to each other.
        "showOptimizedSlots" show_optimized_slots: Option<bool>,
        /// Whether bookers cannot invite further people.
        "disableGuests" disable_guests: Option<bool>,
        /// When a booking cannot be cancelled.
        "disableCancelling" disable_cancelling: Option<Value>,
        /// When a booking cannot be moved.
        "disableRescheduling" disable_rescheduling: Option<Value>,
        /// Whether bookings that are over can be moved.
        "allowReschedulingPastBookings" allow_rescheduling_past_bookings: Option<bool>,
        /// Whether moving a cancelled booking makes a new one.
        "allowReschedulingCancelledBookings" allow_rescheduling_cancelled_bookings: Option<bool>,
        /// Whether bookers confirm their e-mail address first.
        "requiresBookerEmailVerification" requires_booker_email_verification: Option<bool>,
        /// Whether it books at once and calls the hosts.
        "isInstantEvent" is_instant_event: Option<bool>,
        /// How many attendees share a slot.
        "seatsPerTimeSlot" seats_per_time_slot: Option<Value>,
        /// Whether bookers see how many seats are left.
        "seatsShowAvailabilityCount" seats_show_availability_count: Option<bool>,
        /// The calendar that its bookings are written to, if it is one's own.
        "destinationCalendar" destination_calendar: Option<DestinationCalendar>,
        /// Whether mails come from that calendar's address.
        "useDestinationCalendarEmail" use_destination_calendar_email: Option<bool>,
        /// Whether calendars lack its notes.
        "hideCalendarNotes" hide_calendar_notes: Option<bool>,
        /// Whether calendars lack its details.
        "hideCalendarEventDetails" hide_calendar_event_details: Option<bool>,
        /// Whether the host's e-mail address is not shown.
        "hideOrganizerEmail" hide_organizer_email: Option<bool>,
        /// Settings of Cal.com's own meetings.
        "calVideoSettings" cal_video_settings: Option<Value>,
        /// How its page is laid out.
        "bookerLayouts" booker_layouts: Option<Value>,
        /// The colours of its page.
        "color" color: Option<Value>,
        /// The language of its page.
        "interfaceLanguage" interface_language: Option<String>,
        /// Whether its page keeps to one time zone.
        "lockTimeZoneToggleOnBookingPage" lock_time_zone_toggle_on_booking_page: Option<bool>,
        /// Where bookers go after booking.
        "successRedirectUrl" success_redirect_url: Option<Value>,
        /// Whether the page's parameters go with them.
        "forwardParamsSuccessRedirect" forward_params_success_redirect: Option<Value>,
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

/// Where a new booking takes place. Which of them an event type allows is its own matter.
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

/// Where a booking takes place from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum NewLocation {
    /// At the host's: this address.
    Address(String),
    /// Behind this link.
    Link(String),
    /// By the host's phone: this number, in E.164.
    Phone(String),
    /// At the attendee's: this address.
    AttendeeAddress(String),
    /// Wherever the attendee says.
    AttendeeDefined(String),
    /// By the attendee's phone: this number, in E.164.
    AttendeePhone(String),
    /// In a meeting. Hosts of one's own may not know this one yet.
    Integration(Integration),
}

impl Serialize for NewLocation {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let wire = match self {
            Self::Address(address) => json!({"type": "address", "address": address}),
            Self::Link(link) => json!({"type": "link", "link": link}),
            Self::Phone(phone) => json!({"type": "phone", "phone": phone}),
            Self::AttendeeAddress(address) => json!({"type": "attendeeAddress", "address": address}),
            Self::AttendeeDefined(location) => json!({"type": "attendeeDefined", "location": location}),
            Self::AttendeePhone(phone) => json!({"type": "attendeePhone", "phone": phone}),
            Self::Integration(integration) => json!({"type": "integration", "integration": integration}),
        };
        wire.serialize(serializer)
    }
}
