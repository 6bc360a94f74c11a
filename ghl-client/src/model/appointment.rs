use serde_json::Value;

use super::{AppointmentId, CalendarGroupId, CalendarId, CalendarResourceId, ContactId, LocationId, UserId, WireTime};

sidecar_core::open_enum! {
    /// How an appointment stands.
    pub enum AppointmentStatus {
        /// Asked for, not yet confirmed.
        New = "new",
        /// Confirmed.
        Confirmed = "confirmed",
        /// Cancelled.
        Cancelled = "cancelled",
        /// The contact came.
        Showed = "showed",
        /// The contact did not come.
        NoShow = "noshow",
        /// Not a real appointment.
        Invalid = "invalid",
    }
}

sidecar_core::model! {
    /// An appointment, in listings, reads and the answers to writes. The answers to writes lack `dateAdded` and `dateUpdated`.
    pub struct Appointment {
        /// Its id.
        "id" id: AppointmentId,
        /// The description.
        "title" title: Option<String>,
        /// Its calendar.
        "calendarId" calendar_id: Option<CalendarId>,
        /// Its location.
        "locationId" location_id: Option<LocationId>,
        /// Whom it is with.
        "contactId" contact_id: Option<ContactId>,
        /// Its calendar's group.
        "groupId" group_id: Option<CalendarGroupId>,
        /// How it stands.
        "appointmentStatus" status: Option<AppointmentStatus>,
        /// The user who holds it.
        "assignedUserId" assigned_user_id: Option<UserId>,
        /// Every user who takes part.
        "users" users: Option<Vec<UserId>>,
        /// Where it takes place.
        "address" address: Option<String>,
        /// Notes.
        "notes" notes: Option<String>,
        /// Description.
        "description" description: Option<String>,
        /// Whether it is one of a series.
        "isRecurring" is_recurring: Option<bool>,
        /// The series' rule.
        "rrule" rrule: Option<String>,
        /// The series' first event.
        "masterEventId" master_event_id: Option<AppointmentId>,
        /// When it begins.
        "startTime" start_time: Option<WireTime>,
        /// When it ends.
        "endTime" end_time: Option<WireTime>,
        /// When it was made.
        "dateAdded" date_added: Option<WireTime>,
        /// When it last changed.
        "dateUpdated" date_updated: Option<WireTime>,
        /// The user who created it.
        "createdBy" created_by: Option<Value>,
        /// The rooms and equipments that are booked with it.
        "assignedResources" assigned_resources: Option<Vec<CalendarResourceId>>,
    }
}
