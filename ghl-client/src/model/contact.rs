use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{ContactId, CustomFieldEntry, LocationId, UserId, WireTime};

/// Where a contact search goes on, as the last contact of a page named it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SearchAfter(pub Vec<Value>);

sidecar_core::model! {
    /// A contact as it is read. Search answers leave more fields null than reads by id.
    pub struct Contact {
        /// Its id.
        "id" id: ContactId,
        /// Its location.
        "locationId" location_id: Option<LocationId>,
        /// Whole name, where the provider sends one.
        "name" name: Option<String>,
        /// Whole name as search answers call it.
        "contactName" contact_name: Option<String>,
        /// Given name.
        "firstName" first_name: Option<String>,
        /// Family name.
        "lastName" last_name: Option<String>,
        /// E-mail address.
        "email" email: Option<String>,
        /// Phone number in E.164.
        "phone" phone: Option<String>,
        /// Company name.
        "companyName" company_name: Option<String>,
        /// `lead`, `customer` and the like.
        "type" kind: Option<String>,
        /// Where the contact came from.
        "source" source: Option<String>,
        /// The user it is assigned to.
        "assignedTo" assigned_to: Option<UserId>,
        /// Street and number.
        "address1" address1: Option<String>,
        /// City.
        "city" city: Option<String>,
        /// State or region.
        "state" state: Option<String>,
        /// Two-letter country code.
        "country" country: Option<String>,
        /// Postal code.
        "postalCode" postal_code: Option<String>,
        /// Website.
        "website" website: Option<String>,
        /// IANA time zone.
        "timezone" timezone: Option<String>,
        /// Date of birth.
        "dateOfBirth" date_of_birth: Option<WireTime>,
        /// Tags, in lower case.
        "tags" tags: Option<Vec<String>>,
        /// Whether no messages may be sent at all; per channel see `dndSettings` in `extra`.
        "dnd" dnd: Option<bool>,
        /// Custom fields, by id.
        "customFields" custom_fields: Option<Vec<CustomFieldEntry>>,
        /// When it was created.
        "dateAdded" date_added: Option<WireTime>,
        /// When it last changed.
        "dateUpdated" date_updated: Option<WireTime>,
        /// The cursor behind this contact; only in search answers.
        "searchAfter" search_after: Option<SearchAfter>,
    }
}

impl Contact {
    /// The name to show: the whole name if there is one, else given and family name, else the e-mail address.
    pub fn display_name(&self) -> Option<String> {
        let whole = [&self.name, &self.contact_name].into_iter().flatten().find(|name| !name.trim().is_empty());
        if let Some(name) = whole {
            return Some(name.clone());
        }
        let parts: Vec<&str> = [&self.first_name, &self.last_name].into_iter().flatten().map(String::as_str).collect();
        if parts.is_empty() { self.email.clone() } else { Some(parts.join(" ")) }
    }
}
