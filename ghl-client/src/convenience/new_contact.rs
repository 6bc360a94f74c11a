use std::collections::BTreeMap;

use serde_json::Value;
use sidecar_core::{Error, ErrorKind, Result};

use crate::{
    client::{GhlClient, RequestOptions, request},
    model::{Contact, CustomField, CustomFieldId, CustomFieldValue, LocationId},
};

/// A contact to create. GHL requires a name, an e-mail address or a phone number.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NewContact {
    /// Given name; left out when empty.
    pub first_name: String,
    /// Family name.
    pub last_name: Option<String>,
    /// E-mail address.
    pub email: Option<String>,
    /// Phone number in E.164.
    pub phone: Option<String>,
    /// Tags.
    pub tags: Vec<String>,
    /// Custom fields' values, by key (`course` or `contact.course`), by id or by name as the location shows it.
    pub custom_fields: BTreeMap<String, Value>,
}

/// Creates a contact. From [`GhlClient::create_contact`].
///
/// With custom fields it first lists the location's, to send the ids that the provider wants: one call more, which needs the
/// scope `locations/customFields.readonly`. A field that the location does not have is an error before anything is created.
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct CreateNewContact {
    client: GhlClient,
    location: LocationId,
    contact: NewContact,
    options: RequestOptions,
}

request!(CreateNewContact => Contact);

impl CreateNewContact {
    pub(super) fn new(client: GhlClient, location: LocationId, contact: NewContact) -> Self {
        Self { client, location, contact, options: RequestOptions::default() }
    }

    async fn send(self) -> Result<Contact> {
        let fields = self.custom_fields().await?;
        let NewContact { first_name, last_name, email, phone, tags, custom_fields: _ } = self.contact;
        let mut create = self.client.contacts().create(self.location).with_options(self.options);
        let texts = [("firstName", Some(first_name)), ("lastName", last_name), ("email", email), ("phone", phone)];
        for (name, text) in texts {
            if let Some(text) = text.filter(|text| !text.is_empty()) {
                create = create.set(name, text);
            }
        }
        if !tags.is_empty() {
            create = create.tags(tags);
        }
        for field in fields {
            create = create.custom_field(field);
        }
        create.await
    }

    async fn custom_fields(&self) -> Result<Vec<CustomFieldValue>> {
        if self.contact.custom_fields.is_empty() {
            return Ok(Vec::new());
        }
        let known = self
            .client
            .locations()
            .custom_fields(&self.location)
            .list()
            .of_contacts()
            .with_options(self.options.clone())
            .await?;
        let resolve = |(name, value): (&String, &Value)| match find(&known, name) {
            Some(id) => Ok(CustomFieldValue::by_id(id, value.clone())),
            None => Err(unknown(name, &known)),
        };
        self.contact.custom_fields.iter().map(resolve).collect()
    }
}

/// By id, else by key, else by name: a name may be anything, also another field's key.
fn find(known: &[CustomField], name: &str) -> Option<CustomFieldId> {
    let key = |field: &CustomField| {
        let key = field.field_key.as_deref()?;
        Some(key == name || key.strip_prefix("contact.") == Some(name))
    };
    let found = known
        .iter()
        .find(|field| field.id.as_str() == name)
        .or_else(|| known.iter().find(|field| key(field).unwrap_or_default()))
        .or_else(|| known.iter().find(|field| field.name.as_deref() == Some(name)));
    found.map(|field| field.id.clone())
}

fn unknown(name: &str, known: &[CustomField]) -> Error {
    let keys: Vec<_> = known.iter().filter_map(|field| field.field_key.as_deref()).collect();
    let why = format!(
        "the location has no custom field `{}`; it has: {}",
        name.escape_debug(),
        if keys.is_empty() { "none".to_owned() } else { keys.join(", ") }
    );
    Error::new(ErrorKind::InvalidInput, why).at("ghl", "contacts.create")
}
