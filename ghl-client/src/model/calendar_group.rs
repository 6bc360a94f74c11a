use super::{CalendarGroupId, LocationId};

sidecar_core::model! {
    /// A group of calendars.
    pub struct CalendarGroup {
        /// Its id.
        "id" id: CalendarGroupId,
        /// Its location.
        "locationId" location_id: Option<LocationId>,
        /// Its name.
        "name" name: Option<String>,
        /// The description.
        "description" description: Option<String>,
        /// Its part of a booking link.
        "slug" slug: Option<String>,
        /// Whether it can be booked.
        "isActive" is_active: Option<bool>,
    }
}
