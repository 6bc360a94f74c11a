//! Writes contacts, for API calls and the in-process API: validates, stores, updates the index and emits webhooks.

use serde_json::{Map, Value};

use super::contact_store::ContactStore;
use super::record::{Contact, CustomValue};
use crate::ghl::locations::profile::LocationProfile;
use crate::ghl::response::ApiError;
use crate::ghl::schema::{self, Field, FieldType, optional, required};
use crate::ghl::state::{GhlState, Location};
use crate::ghl::webhooks;
use crate::lock;

use FieldType::{Any, Bool, List, Object, Text, TextList, TextOrNull};

/// The fields of PUT; POST and upsert have more.
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
const CREATE_EXTRA: &[Field] =
    &[required("locationId", Text), optional("gender", Text), optional("companyName", TextOrNull)];
const UPSERT_EXTRA: &[Field] = &[optional("createNewIfDuplicateAllowed", Bool)];

const DND_CHANNELS: &[&str] = &["Call", "Email", "SMS", "WhatsApp", "GMB", "FB"];

/// Validates the body of `POST /contacts/`.
pub(crate) fn validate_create(body: &Map<String, Value>) -> Result<(), ApiError> {
    schema::validate(body, &[UPDATE, CREATE_EXTRA].concat())
}

/// Validates the body of `POST /contacts/upsert`.
pub(crate) fn validate_upsert(body: &Map<String, Value>) -> Result<(), ApiError> {
    schema::validate(body, &[UPDATE, CREATE_EXTRA, UPSERT_EXTRA].concat())
}

/// Validates the body of `PUT /contacts/{id}`.
pub(crate) fn validate_update(body: &Map<String, Value>) -> Result<(), ApiError> {
    schema::validate(body, UPDATE)
}

/// Creates a contact. Fails if it is a duplicate and the location does not allow duplicates.
pub(crate) fn create(state: &GhlState, location: &Location, body: &Map<String, Value>) -> Result<Contact, ApiError> {
    let now_ms = state.clock.now_ms();
    let mut contact = Contact {
        location_id: location.profile.id.clone(),
        date_added: now_ms,
        date_updated: now_ms,
        ..Contact::default()
    };
    apply(&mut contact, body, &location.profile)?;
    {
        let mut contact_store = lock(&location.contact_store);
        check_duplicate(&contact_store, &contact, None)?;
        contact.id = contact_store.new_id();
        contact_store.put(contact.clone(), state.index_visible_at_ms());
    }
    webhooks::contact(state, "ContactCreate", &contact);
    Ok(contact)
}

/// Updates the fields of a contact that the body contains; tags are replaced.
pub(crate) fn update(
    state: &GhlState,
    location: &Location,
    id: &str,
    body: &Map<String, Value>,
) -> Result<Contact, ApiError> {
    change(state, location, id, |contact| apply(contact, body, &location.profile))
}

/// Updates a contact with `edit`.
pub(crate) fn change(
    state: &GhlState,
    location: &Location,
    id: &str,
    edit: impl FnOnce(&mut Contact) -> Result<(), ApiError>,
) -> Result<Contact, ApiError> {
    let (before, after) = {
        let mut contact_store = lock(&location.contact_store);
        let before = contact_store.get(id).map(|row| row.contact().clone()).ok_or_else(|| not_found(id))?;
        let mut after = before.clone();
        edit(&mut after)?;
        after.date_updated = state.clock.now_ms();
        if (&before.email, &before.phone) != (&after.email, &after.phone) {
            check_duplicate(&contact_store, &after, Some(id))?;
        }
        contact_store.put(after.clone(), state.index_visible_at_ms());
        (before, after)
    };
    webhooks::contact_updated(state, &before, &after);
    Ok(after)
}

/// Deletes a contact.
pub(crate) fn delete(state: &GhlState, location: &Location, id: &str) -> Result<(), ApiError> {
    let row = lock(&location.contact_store).remove(id, state.index_visible_at_ms()).ok_or_else(|| not_found(id))?;
    webhooks::contact(state, "ContactDelete", row.contact());
    Ok(())
}

/// Creates a contact, or updates the one with the same e-mail or phone. Returns true if it was created.
pub(crate) fn upsert(
    state: &GhlState,
    location: &Location,
    body: &Map<String, Value>,
) -> Result<(bool, Contact), ApiError> {
    let mut requested = Contact::default();
    apply(&mut requested, body, &location.profile)?;
    let (existing, allowed) = {
        let contact_store = lock(&location.contact_store);
        let existing = contact_store
            .duplicate(requested.email.as_deref(), requested.phone.as_deref(), None)
            .map(|(row, _)| row.id.to_string());
        (existing, contact_store.allow_duplicates)
    };
    let creates_duplicate =
        allowed && body.get("createNewIfDuplicateAllowed").and_then(Value::as_bool).unwrap_or(false);
    match existing.filter(|_| !creates_duplicate) {
        Some(id) => Ok((false, update(state, location, &id, body)?)),
        None => Ok((true, create(state, location, body)?)),
    }
}

/// Returns the 400 for an unknown contact id.
pub(crate) fn not_found(id: &str) -> ApiError {
    ApiError::bad_request(format!("Contact with id {id} not found"))
}

fn check_duplicate(contact_store: &ContactStore, contact: &Contact, except: Option<&str>) -> Result<(), ApiError> {
    if contact_store.allow_duplicates {
        return Ok(());
    }
    match contact_store.duplicate(contact.email.as_deref(), contact.phone.as_deref(), except) {
        Some((row, field)) => {
            Err(ApiError::duplicate_contact(&row.id, &row.contact().name().unwrap_or_default(), field))
        }
        None => Ok(()),
    }
}

/// Applies the fields of a body to a contact. `name` sets the first and last name unless the body contains them.
fn apply(contact: &mut Contact, body: &Map<String, Value>, profile: &LocationProfile) -> Result<(), ApiError> {
    let mut errors = Vec::new();
    if let Some(name) = body.get("name").and_then(Value::as_str) {
        let (first, last) = name.trim().split_once(' ').map_or((name, None), |(first, last)| (first, Some(last)));
        contact.first_name = non_empty(first);
        contact.last_name = last.and_then(non_empty);
    }
    for (name, value) in body {
        let text = || value.as_str().and_then(non_empty);
        match name.as_str() {
            "firstName" => contact.first_name = text(),
            "lastName" => contact.last_name = text(),
            "email" => match text() {
                Some(email) if !looks_like_email(&email) => errors.push("email must be an email".to_owned()),
                email => contact.email = email.map(|email| email.to_lowercase()),
            },
            "phone" => match text().map(|phone| e164(&phone)) {
                Some(None) => errors.push("phone must be a valid phone number".to_owned()),
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
            "dndSettings" => contact.dnd_settings = dnd_settings(value, DND_CHANNELS, &mut errors),
            "inboundDndSettings" => contact.inbound_dnd_settings = dnd_settings(value, &["all"], &mut errors),
            "tags" => contact.tags = tags(value),
            "customFields" => custom_fields(contact, value, profile, &mut errors),
            _ => {}
        }
    }
    if errors.is_empty() { Ok(()) } else { Err(ApiError::unprocessable(errors)) }
}

/// Returns tags as GHL stores them: in lower case, without repetitions.
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

/// Applies `[{id, key?, field_value}]`; a null or empty value clears the field.
fn custom_fields(contact: &mut Contact, value: &Value, profile: &LocationProfile, errors: &mut Vec<String>) {
    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
        let Some(item) = item.as_object() else {
            errors.push(format!("customFields.{index} must be an object"));
            continue;
        };
        let unknown = item.keys().filter(|key| !["id", "key", "field_value"].contains(&key.as_str()));
        errors.extend(unknown.map(|key| format!("customFields.{index}.property {key} should not exist")));
        let name = item.get("id").or_else(|| item.get("key")).and_then(Value::as_str).unwrap_or_default();
        let Some(field) = profile.custom_field(name) else {
            errors.push(format!("customFields.{index}.id must be a custom field of the location"));
            continue;
        };
        contact.custom_fields.retain(|current| current.id != field.id);
        match item.get("field_value") {
            None | Some(Value::Null) => {}
            Some(Value::String(text)) if text.is_empty() => {}
            Some(value) => contact.custom_fields.push(CustomValue { id: field.id.clone(), value: value.clone() }),
        }
    }
}

fn dnd_settings(value: &Value, channels: &[&str], errors: &mut Vec<String>) -> Map<String, Value> {
    let map = value.as_object().cloned().unwrap_or_default();
    for (channel, setting) in &map {
        if !channels.contains(&channel.as_str()) {
            errors.push(format!("property {channel} should not exist"));
        } else if !["active", "inactive", "permanent"].contains(&setting["status"].as_str().unwrap_or_default()) {
            errors.push(format!("{channel}.status must be one of the following values: active, inactive, permanent"));
        }
    }
    map
}

fn non_empty(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

fn looks_like_email(text: &str) -> bool {
    text.split_once('@')
        .is_some_and(|(local, domain)| !local.is_empty() && domain.contains('.') && !text.contains(char::is_whitespace))
}

/// Returns a phone number as `+` and digits. Ten digits without `+` get the prefix `+1`, as GHL does for US accounts.
pub(crate) fn e164(text: &str) -> Option<String> {
    let is_invalid = |letter: char| !(letter.is_ascii_digit() || "+-(). ".contains(letter));
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    match digits.len() {
        _ if text.contains(is_invalid) => None,
        10 if !text.trim_start().starts_with('+') => Some(format!("+1{digits}")),
        7..=15 => Some(format!("+{digits}")),
        _ => None,
    }
}
