//! Whom a booking is with, at GHL.

use ghl_client::{
    GhlClient,
    model::{ContactId, LocationId},
};
use serde_json::Value;
use sidecar_core::record::Doc;

use super::chain::text;
use crate::work::trouble::Trouble;

/// The name under which a booking's metadata tells its contact at GHL.
const CONTACT: &str = "ghlContactId";

/// The contact that the booking names, or else its attendee's.
pub(super) async fn of_booking(client: &GhlClient, location: &LocationId, booking: &Doc) -> Result<ContactId, Trouble> {
    match named(booking) {
        Some(id) => Ok(id.into()),
        None => of_attendee(client, location, booking).await,
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
) -> Result<ContactId, Trouble> {
    let attendee = booking.get("attendees").and_then(|all| all.get(0)).and_then(Value::as_object);
    let field = |name| attendee.and_then(|attendee| text(attendee, name));
    let (email, phone) = (field("email"), field("phoneNumber"));
    if email.is_none() && phone.is_none() {
        let why = "the booking's attendee has neither e-mail address nor phone number: no contact can be found for it";
        return Err(Trouble::Never(why.to_owned()));
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
