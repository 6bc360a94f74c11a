//! The stored contact and its JSON. Reads by id omit empty fields; searches and the in-process API write them as `null`.

use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::clock::rfc3339;

/// The value of a custom field, as reads return it (without the key: highlevel-api-docs#177).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct CustomValue {
    pub(crate) id: String,
    pub(crate) value: Value,
}

/// A stored contact. Times are epoch milliseconds.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Contact {
    pub(crate) id: String,
    pub(crate) location_id: String,
    pub(crate) first_name: Option<String>,
    pub(crate) last_name: Option<String>,
    pub(crate) email: Option<String>,
    pub(crate) phone: Option<String>,
    pub(crate) company_name: Option<String>,
    pub(crate) address1: Option<String>,
    pub(crate) city: Option<String>,
    pub(crate) state: Option<String>,
    pub(crate) country: Option<String>,
    pub(crate) postal_code: Option<String>,
    pub(crate) website: Option<String>,
    pub(crate) timezone: Option<String>,
    pub(crate) source: Option<String>,
    pub(crate) gender: Option<String>,
    pub(crate) date_of_birth: Option<String>,
    pub(crate) assigned_to: Option<String>,
    pub(crate) dnd: bool,
    pub(crate) dnd_settings: Map<String, Value>,
    pub(crate) inbound_dnd_settings: Map<String, Value>,
    pub(crate) tags: Vec<String>,
    pub(crate) custom_fields: Vec<CustomValue>,
    pub(crate) date_added: i64,
    pub(crate) date_updated: i64,
}

impl Contact {
    /// Returns the first and last name, or `None` if both are missing.
    pub(crate) fn name(&self) -> Option<String> {
        let name =
            [self.first_name.as_deref(), self.last_name.as_deref()].into_iter().flatten().collect::<Vec<_>>().join(" ");
        (!name.is_empty()).then_some(name)
    }

    /// Returns a text field by its JSON name.
    pub(crate) fn text(&self, field: &str) -> Option<&str> {
        match field {
            "id" => Some(&self.id),
            "locationId" => Some(&self.location_id),
            "firstName" | "firstNameLowerCase" => self.first_name.as_deref(),
            "lastName" | "lastNameLowerCase" => self.last_name.as_deref(),
            "email" => self.email.as_deref(),
            "phone" => self.phone.as_deref(),
            "companyName" | "businessName" => self.company_name.as_deref(),
            "address" | "address1" => self.address1.as_deref(),
            "city" => self.city.as_deref(),
            "state" => self.state.as_deref(),
            "country" => self.country.as_deref(),
            "postalCode" => self.postal_code.as_deref(),
            "website" => self.website.as_deref(),
            "timezone" => self.timezone.as_deref(),
            "source" => self.source.as_deref(),
            "dateOfBirth" => self.date_of_birth.as_deref(),
            "assignedTo" => self.assigned_to.as_deref(),
            "type" => Some("lead"),
            _ => None,
        }
    }
}

/// The JSON of a contact.
#[derive(Debug)]
pub(crate) struct ContactJson<'a> {
    pub(crate) contact: &'a Contact,
    /// Writes empty fields as `null` instead of omitting them.
    pub(crate) nulls: bool,
    /// The contact's cursor in search results.
    pub(crate) search_after: Option<Vec<Value>>,
}

impl<'a> ContactJson<'a> {
    /// Omits empty fields, as reads by id do.
    pub(crate) fn without_nulls(contact: &'a Contact) -> Self {
        Self { contact, nulls: false, search_after: None }
    }

    /// Writes empty fields as `null`, as searches do.
    pub(crate) fn with_nulls(contact: &'a Contact) -> Self {
        Self { contact, nulls: true, search_after: None }
    }
}

#[rustfmt::skip]
const OPTIONAL_FIELDS: &[&str] = &[
    "firstName", "lastName", "email", "phone", "companyName", "address1", "city", "state", "country", "postalCode",
    "website", "timezone", "source", "dateOfBirth", "assignedTo",
];

/// Fields without a value in the sandbox.
const ALWAYS_EMPTY: &[&str] = &["businessId", "attributionSource", "lastAttributionSource", "visitorId"];

impl Serialize for ContactJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let contact = self.contact;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", &contact.id)?;
        map.serialize_entry("locationId", &contact.location_id)?;
        let name = contact.name();
        self.entry(&mut map, "name", name.as_deref())?;
        for field in OPTIONAL_FIELDS {
            self.entry(&mut map, field, contact.text(field))?;
        }
        self.lower_case_entry(&mut map, "firstNameLowerCase", contact.first_name.as_deref())?;
        self.lower_case_entry(&mut map, "lastNameLowerCase", contact.last_name.as_deref())?;
        self.lower_case_entry(&mut map, "fullNameLowerCase", name.as_deref())?;
        self.lower_case_entry(&mut map, "emailLowerCase", contact.email.as_deref())?;
        map.serialize_entry("type", "lead")?;
        map.serialize_entry("dnd", &contact.dnd)?;
        map.serialize_entry("dndSettings", &contact.dnd_settings)?;
        map.serialize_entry("tags", &contact.tags)?;
        map.serialize_entry("customFields", &contact.custom_fields)?;
        map.serialize_entry("additionalEmails", &[(); 0])?;
        map.serialize_entry("dateAdded", &rfc3339(contact.date_added))?;
        map.serialize_entry("dateUpdated", &rfc3339(contact.date_updated))?;
        for field in ALWAYS_EMPTY {
            self.entry(&mut map, field, None)?;
        }
        if let Some(cursor) = &self.search_after {
            map.serialize_entry("searchAfter", cursor)?;
        }
        map.end()
    }
}

impl ContactJson<'_> {
    fn entry<M: SerializeMap>(&self, map: &mut M, name: &str, value: Option<&str>) -> Result<(), M::Error> {
        if value.is_some() || self.nulls { map.serialize_entry(name, &value) } else { Ok(()) }
    }

    fn lower_case_entry<M: SerializeMap>(&self, map: &mut M, name: &str, value: Option<&str>) -> Result<(), M::Error> {
        let lower = value.map(str::to_lowercase);
        self.entry(map, name, lower.as_deref())
    }
}
