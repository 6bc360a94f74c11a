//! Whom a booking is with, at GHL.

use ghl_client::{
    GhlClient,
    model::{ContactId, LocationId},
};
use serde_json::Value;
use sidecar_core::{ErrorKind, record::Doc};

use super::chain::text;
use crate::tasks::TaskError;

/// The name under which a booking's metadata tells its contact at GHL.
const CONTACT: &str = "ghlContactId";
/// The longest id that is looked for.
const LONGEST: usize = 100;

/// The contact that the booking names, or else its attendee's.
pub(super) async fn of_booking(
    client: &GhlClient,
    location: &LocationId,
    booking: &Doc,
) -> Result<ContactId, TaskError> {
    if let Some(id) = named(booking)
        && is_of(client, location, id).await?
    {
        return Ok(id.into());
    }
    of_attendee(client, location, booking).await
}

/// Whether the location has the contact. Anybody who books on a public page can write a name into a booking's metadata: it is taken
/// only for a contact that the location's own token shows, and that says that it is of that location.
async fn is_of(client: &GhlClient, location: &LocationId, id: &str) -> Result<bool, TaskError> {
    if id.len() > LONGEST || !id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_') {
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

/// The contact that whoever booked has named.
pub(super) fn named(booking: &Doc) -> Option<&str> {
    let named = booking.get("metadata").and_then(|metadata| metadata.get(CONTACT)).and_then(Value::as_str);
    named.filter(|id| !id.is_empty())
}

/// The contact with the attendee's e-mail address or phone number, or else a new one.
pub(super) async fn of_attendee(
    client: &GhlClient,
    location: &LocationId,
    booking: &Doc,
) -> Result<ContactId, TaskError> {
    let attendee = booking.get("attendees").and_then(|all| all.get(0)).and_then(Value::as_object);
    let field = |name| attendee.and_then(|attendee| text(attendee, name));
    let (email, phone) = (field("email"), field("phoneNumber"));
    if email.is_none() && phone.is_none() {
        let why = "the booking's attendee has neither e-mail address nor phone number: no contact can be found for it";
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
