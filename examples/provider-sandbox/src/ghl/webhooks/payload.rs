//! The payloads of GHL's events (DOCS, "webhook events"). `signed_event` adds `appId`, `versionId`, `webhookId` and `timestamp`.

use serde_json::{Value, json};

use crate::clock::{rfc3339, rfc3339_at};
use crate::ghl::calendars::appointment_store::Appointment;
use crate::ghl::contacts::record::Contact;
use crate::ghl::locations::profile::LocationProfile;
use crate::ghl::opportunities::opportunity_store::Opportunity;
use crate::ghl::state::GhlState;

/// Returns a contact event. It is flat, its id is `id`, and it has no time of the change.
pub(crate) fn contact(kind: &str, contact: &Contact) -> Value {
    let mut event = json!({
        "type": kind, "locationId": contact.location_id, "id": contact.id, "address1": contact.address1, "city": contact.city,
        "state": contact.state, "companyName": contact.company_name, "country": contact.country, "source": contact.source,
        "dateAdded": rfc3339(contact.date_added), "dateOfBirth": contact.date_of_birth, "dnd": contact.dnd, "email": contact.email,
        "name": contact.name(), "firstName": contact.first_name, "lastName": contact.last_name, "phone": contact.phone,
        "postalCode": contact.postal_code, "tags": contact.tags, "website": contact.website, "attachments": [],
        "assignedTo": contact.assigned_to, "customFields": contact.custom_fields,
    });
    if kind == "ContactDndUpdate" {
        event["dndSettings"] = json!(contact.dnd_settings);
    }
    event
}

/// Returns an appointment event, which contains the appointment as an object.
pub(crate) fn appointment(kind: &str, profile: &LocationProfile, appointment: &Appointment) -> Value {
    let local = |ms| rfc3339_at(ms, profile.offset_hours);
    json!({"type": kind, "locationId": profile.id, "appointment": {
        "id": appointment.id, "address": appointment.address, "title": appointment.title, "calendarId": appointment.calendar_id,
        "contactId": appointment.contact_id, "groupId": profile.group_id, "appointmentStatus": appointment.status,
        "assignedUserId": appointment.assigned_user_id, "users": [], "notes": appointment.notes, "source": appointment.source,
        "startTime": local(appointment.start_ms), "endTime": local(appointment.end_ms),
        "dateAdded": rfc3339(appointment.date_added), "dateUpdated": rfc3339(appointment.date_updated),
    }})
}

/// Returns an opportunity event. It is flat, and it has the time of creation (`dateAdded`) but not of the change.
pub(crate) fn opportunity(kind: &str, profile: &LocationProfile, opportunity: &Opportunity) -> Value {
    json!({
        "type": kind, "locationId": profile.id, "id": opportunity.id, "assignedTo": opportunity.assigned_to, "contactId": opportunity.contact_id,
        "monetaryValue": opportunity.value, "name": opportunity.name, "pipelineId": opportunity.pipeline_id, "pipelineStageId": opportunity.stage_id,
        "source": "sandbox", "status": opportunity.status, "dateAdded": rfc3339(opportunity.created_at),
    })
}

pub(crate) fn install(state: &GhlState, location_id: Option<&str>) -> Value {
    let identity = &state.identity;
    let mut event = json!({
        "type": "INSTALL", "appId": identity.app_id, "versionId": identity.version_id,
        "installType": if location_id.is_some() { "Location" } else { "Company" }, "companyId": identity.company_id,
        "userId": identity.user_id, "planId": identity.plan_id, "isWhitelabelCompany": false, "companyName": "Sandbox Agency",
    });
    if let Some(id) = location_id {
        event["locationId"] = json!(id);
    }
    event
}

/// Returns UNINSTALL, which names the location, or the company if the app is uninstalled from all locations.
pub(crate) fn uninstall(state: &GhlState, id: &str) -> Value {
    let name = if id == state.identity.company_id { "companyId" } else { "locationId" };
    json!({"type": "UNINSTALL", "appId": state.identity.app_id, name: id})
}
