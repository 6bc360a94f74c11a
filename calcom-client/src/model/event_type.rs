use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{DestinationCalendar, EventTypeId, Minutes, ScheduleId, UserId};

sidecar_core::model! {
    /// An event type: a kind of booking, with its duration, locations, hosts and rules.
    pub struct EventType {
        /// Id.
        "id" id: EventTypeId,
        /// Owner.
        "ownerId" owner_id: Option<UserId>,
        /// Title.
        "title" title: Option<String>,
        /// Slug in the booking URL.
        "slug" slug: Option<String>,
        /// Description.
        "description" description: Option<String>,
        /// Duration of a booking.
        "lengthInMinutes" length: Option<Minutes>,
        /// Durations that the booker may choose from, if there are several.
        "lengthInMinutesOptions" length_options: Option<Vec<Minutes>>,
        /// Allowed locations.
        "locations" locations: Option<Vec<Value>>,
        /// Fields that the booker fills in.
        "bookingFields" booking_fields: Option<Vec<Value>>,
        /// Interval between the starts of slots.
        "slotInterval" slot_interval: Option<Minutes>,
        /// Minimum time between booking and start.
        "minimumBookingNotice" minimum_booking_notice: Option<Minutes>,
        /// Buffer before a booking.
        "beforeEventBuffer" before_event_buffer: Option<Minutes>,
        /// Buffer after a booking.
        "afterEventBuffer" after_event_buffer: Option<Minutes>,
        /// Schedule; `None` for the owner's default.
        "scheduleId" schedule_id: Option<ScheduleId>,
        /// Recurrence, if a booking creates a series.
        "recurrence" recurrence: Option<Value>,
        /// Seats, if several attendees share a slot.
        "seats" seats: Option<Value>,
        /// Whether the host must confirm a booking.
        "confirmationPolicy" confirmation_policy: Option<Value>,
        /// How far in advance it can be booked.
        "bookingWindow" booking_window: Option<Value>,
        /// Price in the currency's smallest unit.
        "price" price: Option<f64>,
        /// Currency, such as `usd`.
        "currency" currency: Option<String>,
        /// Whether it is hidden on the owner's page.
        "hidden" hidden: Option<bool>,
        /// Whether booking it requires credentials.
        "bookingRequiresAuthentication" booking_requires_authentication: Option<bool>,
        /// URL of the booking page.
        "bookingUrl" booking_url: Option<String>,
        /// The caller's own values.
        "metadata" metadata: Option<Map<String, Value>>,
        /// Hosts.
        "users" users: Option<Vec<Value>>,
        /// Template of the bookings' titles.
        "customName" custom_name: Option<String>,
        /// Offset of the slots from the full hour.
        "offsetStart" offset_start: Option<Minutes>,
        /// Maximum number of bookings a day, week, month or year.
        "bookingLimitsCount" booking_limits_count: Option<Value>,
        /// Maximum booked minutes a day, week, month or year.
        "bookingLimitsDuration" booking_limits_duration: Option<Value>,
        /// Maximum number of active bookings of one booker.
        "bookerActiveBookingsLimit" booker_active_bookings_limit: Option<Value>,
        /// Whether only the first free slot of a day is shown.
        "onlyShowFirstAvailableSlot" only_show_first_available_slot: Option<bool>,
        /// Whether slots are arranged to leave few gaps.
        "showOptimizedSlots" show_optimized_slots: Option<bool>,
        /// Whether bookers cannot add guests.
        "disableGuests" disable_guests: Option<bool>,
        /// When a booking cannot be cancelled.
        "disableCancelling" disable_cancelling: Option<Value>,
        /// When a booking cannot be rescheduled.
        "disableRescheduling" disable_rescheduling: Option<Value>,
        /// Whether past bookings can be rescheduled.
        "allowReschedulingPastBookings" allow_rescheduling_past_bookings: Option<bool>,
        /// Whether rescheduling a cancelled booking creates a new one.
        "allowReschedulingCancelledBookings" allow_rescheduling_cancelled_bookings: Option<bool>,
        /// Whether bookers must verify their e-mail address.
        "requiresBookerEmailVerification" requires_booker_email_verification: Option<bool>,
        /// Whether it is for instant meetings: the booking starts immediately and the hosts are called.
        "isInstantEvent" is_instant_event: Option<bool>,
        /// Seats per slot.
        "seatsPerTimeSlot" seats_per_time_slot: Option<Value>,
        /// Whether bookers see the number of free seats.
        "seatsShowAvailabilityCount" seats_show_availability_count: Option<bool>,
        /// The calendar that its bookings are written to, if not the owner's.
        "destinationCalendar" destination_calendar: Option<DestinationCalendar>,
        /// Whether e-mails are sent from that calendar's address.
        "useDestinationCalendarEmail" use_destination_calendar_email: Option<bool>,
        /// Whether notes are hidden in calendars.
        "hideCalendarNotes" hide_calendar_notes: Option<bool>,
        /// Whether details are hidden in calendars.
        "hideCalendarEventDetails" hide_calendar_event_details: Option<bool>,
        /// Whether the host's e-mail address is hidden.
        "hideOrganizerEmail" hide_organizer_email: Option<bool>,
        /// Settings of Cal Video.
        "calVideoSettings" cal_video_settings: Option<Value>,
        /// Layouts of its page.
        "bookerLayouts" booker_layouts: Option<Value>,
        /// Colours of its page.
        "color" color: Option<Value>,
        /// Language of its page.
        "interfaceLanguage" interface_language: Option<String>,
        /// Whether the time zone of its page is locked.
        "lockTimeZoneToggleOnBookingPage" lock_time_zone_toggle_on_booking_page: Option<bool>,
        /// URL that bookers are redirected to after booking.
        "successRedirectUrl" success_redirect_url: Option<Value>,
        /// Whether the page's query parameters are forwarded to that URL.
        "forwardParamsSuccessRedirect" forward_params_success_redirect: Option<Value>,
    }
}

sidecar_core::open_enum! {
    /// A video integration (<https://cal.com/docs/api-reference/v2/bookings/create-a-booking>).
    pub enum Integration {
        /// Cal Video, Cal.com's integration.
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

/// The location of a new booking. The event type limits the allowed ones.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Location {
    /// The host's address, from the event type.
    Address,
    /// The link of the event type.
    Link,
    /// The host's phone number, from the event type.
    Phone,
    /// The host's default app.
    OrganizersDefaultApp,
    /// This address of the attendee.
    AttendeeAddress(String),
    /// A location that the attendee describes.
    AttendeeDefined(String),
    /// The attendee's phone number, in E.164.
    AttendeePhone(String),
    /// A video meeting.
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

/// The new location of a booking.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum NewLocation {
    /// This address of the host.
    Address(String),
    /// This link.
    Link(String),
    /// The host's phone number, in E.164.
    Phone(String),
    /// This address of the attendee.
    AttendeeAddress(String),
    /// A location that the attendee describes.
    AttendeeDefined(String),
    /// The attendee's phone number, in E.164.
    AttendeePhone(String),
    /// A video meeting. A self-hosted instance may not support this yet.
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
