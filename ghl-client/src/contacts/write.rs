use http::{Method, StatusCode};
use serde_json::{Map, Value, json};
use sidecar_core::{Error, Result, SendState, retry::Replay};

use super::{fields::contact_fields, read::Enveloped};
use crate::{
    client::{GhlClient, Operation, RequestOptions, Resource, request},
    config::ApiVersion,
    model::{Contact, ContactId, LocationId},
};

const CREATE: Operation = Operation::new("contacts.create", Method::POST, "/contacts/", ApiVersion::V2021_07_28);
const UPDATE: Operation =
    Operation::new("contacts.update", Method::PUT, "/contacts/{contactId}", ApiVersion::V2021_07_28);
const UPSERT: Operation = Operation::new("contacts.upsert", Method::POST, "/contacts/upsert", ApiVersion::V2021_07_28);

/// Creates a contact. From [`Contacts::create`](super::Contacts::create).
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct CreateContact {
    pub(super) client: GhlClient,
    pub(super) location: LocationId,
    pub(super) body: Map<String, Value>,
    pub(super) options: RequestOptions,
}

request!(CreateContact => Contact);
contact_fields!(CreateContact);

impl CreateContact {
    pub(super) fn new(client: GhlClient, location: LocationId) -> Self {
        Self { client, location, body: Map::new(), options: RequestOptions::default() }
    }

    /// Company name.
    pub fn company_name(self, name: impl Into<String>) -> Self {
        self.set("companyName", name.into())
    }

    /// Gender.
    pub fn gender(self, gender: impl Into<String>) -> Self {
        self.set("gender", gender.into())
    }

    async fn send(mut self) -> Result<Contact> {
        self.body.insert("locationId".into(), json!(self.location));
        let call = CREATE.call(&[]).json(&self.body);
        let answer = self.client.send(call, &Resource::Location(self.location), &CREATE, &self.options).await;
        let answer = answer.map_err(perhaps_created)?;
        Ok(answer.json::<Enveloped>()?.contact)
    }
}

/// The provider has been seen to answer 422 for a contact that it had created
/// (<https://github.com/GoHighLevel/highlevel-api-docs/issues/64>).
fn perhaps_created(error: Error) -> Error {
    match error.status() {
        Some(StatusCode::UNPROCESSABLE_ENTITY) => error.with_send_state(SendState::Unknown),
        _ => error,
    }
}

/// Changes a contact. From [`Contacts::update`](super::Contacts::update).
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct UpdateContact {
    client: GhlClient,
    location: LocationId,
    contact: ContactId,
    body: Map<String, Value>,
    options: RequestOptions,
}

request!(UpdateContact => Contact);
contact_fields!(UpdateContact);

impl UpdateContact {
    pub(super) fn new(client: GhlClient, location: LocationId, contact: ContactId) -> Self {
        Self { client, location, contact, body: Map::new(), options: RequestOptions::default() }
    }

    async fn send(self) -> Result<Contact> {
        let call = UPDATE.call(&[self.contact.as_str()]).json(&self.body);
        let answer = self.client.send(call, &Resource::Location(self.location), &UPDATE, &self.options).await?;
        Ok(answer.json::<Enveloped>()?.contact)
    }
}

/// Changes or creates a contact. From [`Contacts::upsert`](super::Contacts::upsert).
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct UpsertContact {
    client: GhlClient,
    location: LocationId,
    body: Map<String, Value>,
    options: RequestOptions,
}

sidecar_core::model! {
    /// The result of an upsert.
    pub struct Upserted {
        /// Whether the contact is new.
        "new" created: bool,
        /// The contact as it is now.
        "contact" contact: Contact,
    }
}

request!(UpsertContact => Upserted);
contact_fields!(UpsertContact);

impl UpsertContact {
    pub(super) fn new(client: GhlClient, location: LocationId) -> Self {
        Self { client, location, body: Map::new(), options: RequestOptions::default() }
    }

    /// Company name.
    pub fn company_name(self, name: impl Into<String>) -> Self {
        self.set("companyName", name.into())
    }

    /// Gender.
    pub fn gender(self, gender: impl Into<String>) -> Self {
        self.set("gender", gender.into())
    }

    /// Creates a second contact where the location allows duplicates. Such an upsert is never repeated by itself.
    pub fn create_new_if_duplicate_allowed(self) -> Self {
        self.set("createNewIfDuplicateAllowed", true)
    }

    /// Whether a second sending would meet the contact of the first.
    fn replay(&self) -> Replay {
        let matched = ["email", "phone"].iter().any(|field| self.body.get(*field).is_some_and(Value::is_string));
        if matched && !self.body.contains_key("createNewIfDuplicateAllowed") {
            Replay::Safe
        } else {
            Replay::OnlyIfNotSent
        }
    }

    async fn send(mut self) -> Result<Upserted> {
        self.body.insert("locationId".into(), json!(self.location));
        let call = UPSERT.call(&[]).json(&self.body).replay(self.replay());
        self.client.send(call, &Resource::Location(self.location), &UPSERT, &self.options).await?.json()
    }
}
