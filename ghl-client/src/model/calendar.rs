use serde_json::Value;

use super::{CalendarGroupId, CalendarId, LocationId};

sidecar_core::open_enum! {
    /// How a calendar gives out its slots.
    pub enum CalendarType {
        /// To its team members in turn.
        RoundRobin = "round_robin",
        /// To several contacts at one time, each with an appointment of their own.
        Event = "event",
        /// To a class: many contacts at one time.
        ClassBooking = "class_booking",
        /// With all team members at once.
        Collective = "collective",
        /// For services.
        ServiceBooking = "service_booking",
        /// One person's.
        Personal = "personal",
    }
}

sidecar_core::model! {
    /// A calendar. The rarer of its booking rules are in `extra`.
    pub struct Calendar {
        /// Its id.
        "id" id: CalendarId,
        /// Its location.
        "locationId" location_id: Option<LocationId>,
        /// Its group.
        "groupId" group_id: Option<CalendarGroupId>,
        /// Its name.
        "name" name: Option<String>,
        /// What it is for.
        "description" description: Option<String>,
        /// Its part of a booking link.
        "slug" slug: Option<String>,
        /// Its part of its own booking link, apart from its group's.
        "widgetSlug" widget_slug: Option<String>,
        /// How it gives out its slots.
        "calendarType" calendar_type: Option<CalendarType>,
        /// Whether it can be booked.
        "isActive" is_active: Option<bool>,
        /// What its appointments are called; may hold placeholders such as `{{contact.name}}`.
        "eventTitle" event_title: Option<String>,
        /// Its colour.
        "eventColor" event_color: Option<String>,
        /// Who holds its appointments: `userId`, `priority`, `isPrimary`.
        "teamMembers" team_members: Option<Vec<Value>>,
        /// How long a slot is, in `slotDurationUnit`.
        "slotDuration" slot_duration: Option<f64>,
        /// `mins` or `hours`.
        "slotDurationUnit" slot_duration_unit: Option<String>,
        /// From one slot's begin to the next one's, in `slotIntervalUnit`.
        "slotInterval" slot_interval: Option<f64>,
        /// `mins` or `hours`.
        "slotIntervalUnit" slot_interval_unit: Option<String>,
        /// How many may book one slot. Spelt so on the wire.
        "appoinmentPerSlot" appointments_per_slot: Option<f64>,
        /// How many may book in a day. Spelt so on the wire.
        "appoinmentPerDay" appointments_per_day: Option<f64>,
        /// When it can be booked: days of the week with hours.
        "openHours" open_hours: Option<Vec<Value>>,
        /// Whether a booking is confirmed by itself.
        "autoConfirm" auto_confirm: Option<bool>,
    }
}
