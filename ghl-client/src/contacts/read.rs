use http::Method;
use serde::Deserialize;
use serde_json::{Map, Value};
use sidecar_core::{Result, http::Answer};

use crate::{
    client::{GhlClient, Operation, Resource, Settings, request},
    config::ApiVersion,
    model::{Contact, ContactId, LocationId},
};

const GET: Operation = Operation::new("contacts.get", Method::GET, "/contacts/{contactId}", ApiVersion::V2021_07_28);
const DELETE: Operation =
    Operation::new("contacts.delete", Method::DELETE, "/contacts/{contactId}", ApiVersion::V2021_07_28);

/// An answer's `{"contact": …}`.
#[derive(Deserialize)]
pub(super) struct Enveloped<T = Contact> {
    pub(super) contact: T,
}

/// Reads a contact. From [`Contacts::get`](super::Contacts::get).
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct GetContact {
    client: GhlClient,
    location: LocationId,
    contact: ContactId,
    settings: Settings,
}

request!(GetContact => Contact);

impl GetContact {
    pub(super) fn new(client: GhlClient, location: LocationId, contact: ContactId) -> Self {
        Self { client, location, contact, settings: Settings::default() }
    }

    /// The contact's whole document, as sent.
    pub(crate) async fn document(self) -> Result<Map<String, Value>> {
        Ok(self.answer().await?.json::<Enveloped<Map<String, Value>>>()?.contact)
    }

    async fn send(self) -> Result<Contact> {
        Ok(self.answer().await?.json::<Enveloped>()?.contact)
    }

    async fn answer(self) -> Result<Answer> {
        let call = GET.call(&[self.contact.as_str()]);
        self.client.answer(call, &Resource::Location(self.location), GET.version, &self.settings).await
    }
}

/// Deletes a contact. From [`Contacts::delete`](super::Contacts::delete).
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct DeleteContact {
    client: GhlClient,
    location: LocationId,
    contact: ContactId,
    settings: Settings,
}

request!(DeleteContact => ());

impl DeleteContact {
    pub(super) fn new(client: GhlClient, location: LocationId, contact: ContactId) -> Self {
        Self { client, location, contact, settings: Settings::default() }
    }

    async fn send(self) -> Result<()> {
        let call = DELETE.call(&[self.contact.as_str()]);
        self.client.answer(call, &Resource::Location(self.location), DELETE.version, &self.settings).await?;
        Ok(())
    }
}
