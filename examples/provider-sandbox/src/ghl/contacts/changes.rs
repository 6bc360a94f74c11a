//! Changing contacts, the same way for an API call and for "somebody in the GHL user interface": checked, stored,
//! shown to the index later, and told by webhook.

use serde_json::{Map, Value};

use super::record::{Contact, CustomValue};
use crate::ghl::error::ApiError;
use crate::ghl::place::Place;
use crate::ghl::shape::{self, Field, Kind, optional, required};
use crate::ghl::state::{Site, World};
use crate::ghl::webhooks;
use crate::lock;

use Kind::{Any, Bool, List, Object, Text, TextList, TextOrNull};

/// What PUT takes; POST and upsert take more.
const UPDATE: &[Field] = &[
    optional("firstName", TextOrNull),
    optional("lastName", TextOrNull),
    optional("name", TextOrNull),
    optional("email", TextOrNull),
    optional("phone", TextOrNull),
    optional("address1", TextOrNull),
    optional("city", TextOrNull),
    optional("state", TextOrNull),
    optional("country", TextOrNull),
    optional("postalCode", Text),
    optional("website", TextOrNull),
    optional("timezone", TextOrNull),
    optional("dnd", Bool),
    optional("dndSettings", Object),
    optional("inboundDndSettings", Object),
    optional("tags", TextList),
    optional("customFields", List),
    optional("source", TextOrNull),
    optional("dateOfBirth", Any),
    optional("assignedTo", TextOrNull),
];
const CREATE_TOO: &[Field] =
    &[required("locationId", Text), optional("gender", Text), optional("companyName", TextOrNull)];
const UPSERT_TOO: &[Field] = &[optional("createNewIfDuplicateAllowed", Bool)];

const DND_CHANNELS: &[&str] = &["Call", "Email", "SMS", "WhatsApp", "GMB", "FB"];

/// Checks the body of `POST /contacts/`.
pub(crate) fn check_create(body: &Map<String, Value>) -> Result<(), ApiError> {
    shape::check(body, &[UPDATE, CREATE_TOO].concat())
}

/// Checks the body of `POST /contacts/upsert`.
pub(crate) fn check_upsert(body: &Map<String, Value>) -> Result<(), ApiError> {
    shape::check(body, &[UPDATE, CREATE_TOO, UPSERT_TOO].concat())
}

/// Checks the body of `PUT /contacts/{id}`.
pub(crate) fn check_update(body: &Map<String, Value>) -> Result<(), ApiError> {
    shape::check(body, UPDATE)
}

/// Creates a contact; refused when the location forbids duplicates and there is one.
pub(crate) fn create(world: &World, site: &Site, body: &Map<String, Value>) -> Result<Contact, ApiError> {
    let now_ms = world.clock.now_ms();
    let mut contact =
        Contact { location_id: site.place.id.clone(), date_added: now_ms, date_updated: now_ms, ..Contact::default() };
    apply(&mut contact, body, &site.place)?;
    {
        let mut directory = lock(&site.directory);
        refuse_duplicate(&directory, &contact, None)?;
        contact.id = directory.new_id();
        directory.put(contact.clone(), world.visible_ms());
    }
    webhooks::contact(world, "ContactCreate", &contact);
    Ok(contact)
}

/// Changes a contact's given fields; tags are replaced.
pub(crate) fn update(world: &World, site: &Site, id: &str, body: &Map<String, Value>) -> Result<Contact, ApiError> {
    change(world, site, id, |contact| apply(contact, body, &site.place))
}

/// Changes a contact by `edit`, with all that follows from a change.
pub(crate) fn change(
    world: &World,
    site: &Site,
    id: &str,
    edit: impl FnOnce(&mut Contact) -> Result<(), ApiError>,
) -> Result<Contact, ApiError> {
    let (before, after) = {
        let mut directory = lock(&site.directory);
        let before = directory.get(id).map(|row| row.contact().clone()).ok_or_else(|| unknown(id))?;
        let mut after = before.clone();
        edit(&mut after)?;
        after.date_updated = world.clock.now_ms();
        if (&before.email, &before.phone) != (&after.email, &after.phone) {
            refuse_duplicate(&directory, &after, Some(id))?;
        }
        directory.put(after.clone(), world.visible_ms());
        (before, after)
    };
    webhooks::contact_changed(world, &before, &after);
    Ok(after)
}

/// Removes a contact.
pub(crate) fn delete(world: &World, site: &Site, id: &str) -> Result<(), ApiError> {
    let row = lock(&site.directory).remove(id, world.visible_ms()).ok_or_else(|| unknown(id))?;
    webhooks::contact(world, "ContactDelete", row.contact());
    Ok(())
}

/// Creates a contact or changes the one with the same e-mail or phone. True = it is new.
pub(crate) fn upsert(world: &World, site: &Site, body: &Map<String, Value>) -> Result<(bool, Contact), ApiError> {
    let mut wanted = Contact::default();
    apply(&mut wanted, body, &site.place)?;
    let (existing, allowed) = {
        let directory = lock(&site.directory);
        let existing = directory
            .duplicate(wanted.email.as_deref(), wanted.phone.as_deref(), None)
            .map(|(row, _)| row.id.to_string());
        (existing, directory.allow_duplicates)
    };
    let wants_new = allowed && body.get("createNewIfDuplicateAllowed").and_then(Value::as_bool).unwrap_or(false);
    match existing.filter(|_| !wants_new) {
        Some(id) => Ok((false, update(world, site, &id, body)?)),
        None => Ok((true, create(world, site, body)?)),
    }
}

/// The 400 for an id that is not there.
pub(crate) fn unknown(id: &str) -> ApiError {
    ApiError::bad_request(format!("Contact with id {id} not found"))
}

fn refuse_duplicate(
    directory: &super::directory::Directory,
    contact: &Contact,
    except: Option<&str>,
) -> Result<(), ApiError> {
    if directory.allow_duplicates {
        return Ok(());
    }
    match directory.duplicate(contact.email.as_deref(), contact.phone.as_deref(), except) {
        Some((row, field)) => {
            Err(ApiError::duplicate_contact(&row.id, &row.contact().name().unwrap_or_default(), field))
        }
        None => Ok(()),
    }
}

/// Writes a body's fields onto a contact. `name` fills first and last name where they are not given.
fn apply(contact: &mut Contact, body: &Map<String, Value>, place: &Place) -> Result<(), ApiError> {
    let mut wrong = Vec::new();
    if let Some(name) = body.get("name").and_then(Value::as_str) {
        let (first, last) = name.trim().split_once(' ').map_or((name, None), |(first, last)| (first, Some(last)));
        contact.first_name = filled(first);
        contact.last_name = last.and_then(filled);
    }
    for (name, value) in body {
        let text = || value.as_str().and_then(filled);
        match name.as_str() {
            "firstName" => contact.first_name = text(),
            "lastName" => contact.last_name = text(),
            "email" => match text() {
                Some(email) if !looks_like_email(&email) => wrong.push("email must be an email".to_owned()),
                email => contact.email = email.map(|email| email.to_lowercase()),
            },
            "phone" => match text().map(|phone| e164(&phone)) {
                Some(None) => wrong.push("phone must be a valid phone number".to_owned()),
                phone => contact.phone = phone.flatten(),
            },
            "companyName" => contact.company_name = text(),
            "address1" => contact.address1 = text(),
            "city" => contact.city = text(),
            "state" => contact.state = text(),
            "country" => contact.country = text(),
            "postalCode" => contact.postal_code = text(),
            "website" => contact.website = text(),
            "timezone" => contact.timezone = text(),
            "source" => contact.source = text(),
            "gender" => contact.gender = text(),
            "dateOfBirth" => contact.date_of_birth = text(),
            "assignedTo" => contact.assigned_to = text(),
            "dnd" => contact.dnd = value.as_bool().unwrap_or(false),
            "dndSettings" => contact.dnd_settings = settings(value, DND_CHANNELS, &mut wrong),
            "inboundDndSettings" => contact.inbound_dnd_settings = settings(value, &["all"], &mut wrong),
            "tags" => contact.tags = tags(value),
            "customFields" => custom_fields(contact, value, place, &mut wrong),
            _ => {}
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(ApiError::unprocessable(wrong)) }
}

/// Lower-case tags without repetition, as GHL keeps them.
pub(crate) fn tags(value: &Value) -> Vec<String> {
    let mut tags: Vec<String> = Vec::new();
    for tag in value.as_array().into_iter().flatten().filter_map(Value::as_str) {
        let tag = tag.trim().to_lowercase();
        if !tag.is_empty() && !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    tags
}

/// Writes `[{id, key?, field_value}]`; a null or empty value clears the field.
fn custom_fields(contact: &mut Contact, value: &Value, place: &Place, wrong: &mut Vec<String>) {
    for (at, item) in value.as_array().into_iter().flatten().enumerate() {
        let Some(item) = item.as_object() else {
            wrong.push(format!("customFields.{at} must be an object"));
            continue;
        };
        let stray = item.keys().filter(|key| !["id", "key", "field_value"].contains(&key.as_str()));
        wrong.extend(stray.map(|key| format!("customFields.{at}.property {key} should not exist")));
        let name = item.get("id").or_else(|| item.get("key")).and_then(Value::as_str).unwrap_or_default();
        let Some(field) = place.custom_field(name) else {
            wrong.push(format!("customFields.{at}.id must be a custom field of the location"));
            continue;
        };
        contact.custom_fields.retain(|held| held.id != field.id);
        match item.get("field_value") {
            None | Some(Value::Null) => {}
            Some(Value::String(text)) if text.is_empty() => {}
            Some(value) => contact.custom_fields.push(CustomValue { id: field.id.clone(), value: value.clone() }),
        }
    }
}

fn settings(value: &Value, channels: &[&str], wrong: &mut Vec<String>) -> Map<String, Value> {
    let map = value.as_object().cloned().unwrap_or_default();
    for (channel, setting) in &map {
        if !channels.contains(&channel.as_str()) {
            wrong.push(format!("property {channel} should not exist"));
        } else if !["active", "inactive", "permanent"].contains(&setting["status"].as_str().unwrap_or_default()) {
            wrong.push(format!("{channel}.status must be one of the following values: active, inactive, permanent"));
        }
    }
    map
}

fn filled(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

fn looks_like_email(text: &str) -> bool {
    text.split_once('@')
        .is_some_and(|(local, domain)| !local.is_empty() && domain.contains('.') && !text.contains(char::is_whitespace))
}

/// `+` and digits; ten digits without a country get `+1`, as GHL does for US accounts.
pub(crate) fn e164(text: &str) -> Option<String> {
    let stray = |letter: char| !(letter.is_ascii_digit() || "+-(). ".contains(letter));
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    match digits.len() {
        _ if text.contains(stray) => None,
        10 if !text.trim_start().starts_with('+') => Some(format!("+1{digits}")),
        7..=15 => Some(format!("+{digits}")),
        _ => None,
    }
}
