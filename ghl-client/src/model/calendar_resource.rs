use serde_json::Value;

use super::{CalendarId, CalendarResourceId, LocationId};

sidecar_core::open_enum! {
    /// A room or a piece of equipment that calendars book.
    pub enum ResourceType {
        /// Things.
        Equipments = "equipments",
        /// Rooms.
        Rooms = "rooms",
    }
}

sidecar_core::model! {
    /// A room or an equipment that is booked with appointments.
    pub struct CalendarResource {
        /// Its location.
        "locationId" location_id: Option<LocationId>,
        /// Its name.
        "name" name: String,
        /// The kind.
        "resourceType" resource_type: Option<ResourceType>,
        /// Whether it can be booked.
        "isActive" is_active: Option<bool>,
        /// The description.
        "description" description: Option<String>,
        /// How many there are.
        "quantity" quantity: Option<f64>,
        /// How many of them are out of service.
        "outOfService" out_of_service: Option<f64>,
        /// How many people it is for.
        "capacity" capacity: Option<f64>,
        /// The calendars that book it.
        "calendarIds" calendar_ids: Option<Vec<CalendarId>>,
    }
}

impl CalendarResource {
    /// Its id, which the published specification leaves out of the answers: what is sent as `_id` or `id`.
    pub fn id(&self) -> Option<CalendarResourceId> {
        ["_id", "id"].iter().find_map(|name| self.extra.get(*name).and_then(Value::as_str)).map(Into::into)
    }
}
