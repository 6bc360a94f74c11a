//! The GHL contact of a booking.

use ghl_client::{
    GhlClient,
    model::{ContactId, LocationId},
};
use serde_json::Value;
use sidecar_core::{ErrorKind, record::Doc};

use super::bookings::text;
use crate::tasks::TaskError;

/// The field of a booking's metadata that names its contact at GHL.
const CONTACT_METADATA: &str = "ghlContactId";
const MAX_ID_CHARS: usize = 100;

/// Returns the contact that the booking names, or else that of its attendee.
pub(super) async fn of_booking(
    client: &GhlClient,
    location: &LocationId,
    booking: &Doc,
) -> Result<ContactId, TaskError> {
    if let Some(id) = named_contact(booking)
        && belongs_to(client, location, id).await?
    {
        return Ok(id.into());
    }
    of_attendee(client, location, booking).await
}

/// Returns whether the contact belongs to the location, as read with the location's own token. The id is not trusted: the booker can
/// put any id into a booking's metadata on a public page.
async fn belongs_to(client: &GhlClient, location: &LocationId, id: &str) -> Result<bool, TaskError> {
    if id.len() > MAX_ID_CHARS || !id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_') {
        return Ok(false);
    }
    match client.contacts().get(location.clone(), id).background().await {
        Ok(contact) => Ok(contact.id == ContactId::from(id) && contact.location_id.as_ref() == Some(location)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Rejected | ErrorKind::Forbidden) => {
            Ok(false)
        }
        Err(error) => Err(error.into()),
    }
}

/// Returns the contact id in the booking's metadata.
pub(super) fn named_contact(booking: &Doc) -> Option<&str> {
    let named = booking.get("metadata").and_then(|metadata| metadata.get(CONTACT_METADATA)).and_then(Value::as_str);
    named.filter(|id| !id.is_empty())
}

/// Returns the contact with the attendee's e-mail address or phone number, or creates it.
pub(super) async fn of_attendee(
    client: &GhlClient,
    location: &LocationId,
    booking: &Doc,
) -> Result<ContactId, TaskError> {
    let attendee = booking.get("attendees").and_then(|all| all.get(0)).and_then(Value::as_object);
    let field = |name| attendee.and_then(|attendee| text(attendee, name));
    let (email, phone) = (field("email"), field("phoneNumber"));
    if email.is_none() && phone.is_none() {
        let why = "the attendee of the booking has neither an e-mail address nor a phone number: add one at Cal.com";
        return Err(TaskError::Permanent(why.to_owned()));
    }
    let contacts = client.contacts();
    if let Some(email) = email
        && let Some(contact) = contacts.find(location.clone()).email(email).background().await?
    {
        return Ok(contact.id);
    }
    if let Some(phone) = phone
        && let Some(contact) = contacts.find(location.clone()).phone(phone).background().await?
    {
        return Ok(contact.id);
    }
    let mut upsert = contacts.upsert(location.clone()).source("Cal.com");
    for (name, value) in [("name", field("name")), ("email", email), ("phone", phone)] {
        if let Some(value) = value {
            upsert = upsert.set(name, value);
        }
    }
    Ok(upsert.background().await?.contact.id)
}
