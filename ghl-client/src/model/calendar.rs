use super::{CalendarGroupId, CalendarId, LocationId};

sidecar_core::model! {
    /// A calendar. Its many booking rules are in `extra`, in the wire's spelling (`appoinmentPerSlot`, …).
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
        /// `round_robin`, `event`, `class_booking`, `collective`, `service_booking` or `personal`.
        "calendarType" calendar_type: Option<String>,
        /// Whether it can be booked.
        "isActive" is_active: Option<bool>,
    }
}
