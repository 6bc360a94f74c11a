//! The bodies of GHL's events (DOCS, "webhook events"). `appId`, `versionId`, `webhookId` and `timestamp` are added
//! when an event is sent.

use serde_json::{Value, json};

use crate::clock::{rfc3339, rfc3339_at};
use crate::ghl::calendars::agenda::Appointment;
use crate::ghl::contacts::record::Contact;
use crate::ghl::opportunities::deals::Deal;
use crate::ghl::place::Place;
use crate::ghl::state::World;

/// Contact events are flat, their id is `id`, and they do not say when the contact changed.
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

/// Appointment events nest the appointment.
pub(crate) fn appointment(kind: &str, place: &Place, appointment: &Appointment) -> Value {
    let at = |ms| rfc3339_at(ms, place.offset_hours);
    json!({"type": kind, "locationId": place.id, "appointment": {
        "id": appointment.id, "address": appointment.address, "title": appointment.title, "calendarId": appointment.calendar_id,
        "contactId": appointment.contact_id, "groupId": place.group_id, "appointmentStatus": appointment.status,
        "assignedUserId": appointment.assigned_user_id, "users": [], "notes": appointment.notes, "source": appointment.source,
        "startTime": at(appointment.start_ms), "endTime": at(appointment.end_ms),
        "dateAdded": rfc3339(appointment.date_added), "dateUpdated": rfc3339(appointment.date_updated),
    }})
}

/// Opportunity events are flat; they say when the opportunity was made (`dateAdded`), not when it changed.
pub(crate) fn opportunity(kind: &str, place: &Place, deal: &Deal) -> Value {
    json!({
        "type": kind, "locationId": place.id, "id": deal.id, "assignedTo": deal.assigned_to, "contactId": deal.contact_id,
        "monetaryValue": deal.value, "name": deal.name, "pipelineId": deal.pipeline_id, "pipelineStageId": deal.stage_id,
        "source": "sandbox", "status": deal.status, "dateAdded": rfc3339(deal.created_at),
    })
}

pub(crate) fn install(world: &World, location: Option<&str>) -> Value {
    let identity = &world.identity;
    let mut event = json!({
        "type": "INSTALL", "appId": identity.app_id, "versionId": identity.version_id,
        "installType": if location.is_some() { "Location" } else { "Company" }, "companyId": identity.company_id,
        "userId": identity.user_id, "planId": identity.plan_id, "isWhitelabelCompany": false, "companyName": "Sandbox Agency",
    });
    if let Some(id) = location {
        event["locationId"] = json!(id);
    }
    event
}

/// UNINSTALL names a location, or the company when the whole app goes.
pub(crate) fn uninstall(world: &World, id: &str) -> Value {
    let name = if id == world.identity.company_id { "companyId" } else { "locationId" };
    json!({"type": "UNINSTALL", "appId": world.identity.app_id, name: id})
}
