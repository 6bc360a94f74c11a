use http::Method;
use serde::Deserialize;
use serde_json::{Map, Value};
use sidecar_core::{Error, ErrorKind, Result, http::Response};

use super::Contacts;
use crate::{
    client::{GhlClient, Operation, PlainRequest, RequestOptions, Resource, request},
    config::ApiVersion,
    model::{Appointment, Contact, ContactId, LocationId},
};

const GET: Operation = Operation::new("contacts.get", Method::GET, "/contacts/{contactId}", ApiVersion::V2021_07_28);
const DELETE: Operation =
    Operation::new("contacts.delete", Method::DELETE, "/contacts/{contactId}", ApiVersion::V2021_07_28);

const FIND: Operation =
    Operation::new("contacts.find", Method::GET, "/contacts/search/duplicate", ApiVersion::V2021_07_28);

static APPOINTMENTS: Operation =
    Operation::new("contacts.appointments", Method::GET, "/contacts/{contactId}/appointments", ApiVersion::V2021_07_28);

impl Contacts {
    /// Lists a contact's appointments.
    pub fn appointments(
        &self,
        location: impl Into<LocationId>,
        contact: impl Into<ContactId>,
    ) -> PlainRequest<Vec<Appointment>> {
        self.about(&APPOINTMENTS, location, contact).plain(|answer| answer.part(&["events"]))
    }
}

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
    options: RequestOptions,
}

request!(GetContact => Contact);

impl GetContact {
    pub(super) fn new(client: GhlClient, location: LocationId, contact: ContactId) -> Self {
        Self { client, location, contact, options: RequestOptions::default() }
    }

    /// The contact's whole document, as sent.
    pub(crate) async fn document(self) -> Result<Map<String, Value>> {
        Ok(self.answer().await?.json::<Enveloped<Map<String, Value>>>()?.contact)
    }

    async fn send(self) -> Result<Contact> {
        Ok(self.answer().await?.json::<Enveloped>()?.contact)
    }

    async fn answer(self) -> Result<Response> {
        let call = GET.call(&[self.contact.as_str()]);
        self.client.send(call, &Resource::Location(self.location), &GET, &self.options).await
    }
}

/// Deletes a contact. From [`Contacts::delete`](super::Contacts::delete).
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct DeleteContact {
    client: GhlClient,
    location: LocationId,
    contact: ContactId,
    options: RequestOptions,
}

request!(DeleteContact => ());

impl DeleteContact {
    pub(super) fn new(client: GhlClient, location: LocationId, contact: ContactId) -> Self {
        Self { client, location, contact, options: RequestOptions::default() }
    }

    async fn send(self) -> Result<()> {
        let call = DELETE.call(&[self.contact.as_str()]);
        self.client.send(call, &Resource::Location(self.location), &DELETE, &self.options).await?;
        Ok(())
    }
}

/// Looks for a contact by e-mail address or phone number. From [`Contacts::find`](super::Contacts::find).
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct FindContact {
    client: GhlClient,
    location: LocationId,
    email: Option<String>,
    phone: Option<String>,
    options: RequestOptions,
}

request!(FindContact => Option<Contact>);

impl FindContact {
    pub(super) fn new(client: GhlClient, location: LocationId) -> Self {
        Self { client, location, email: None, phone: None, options: RequestOptions::default() }
    }

    /// With this e-mail address.
    pub fn email(mut self, email: impl Into<String>) -> Self {
        self.email = Some(email.into());
        self
    }

    /// With this phone number, in E.164.
    pub fn phone(mut self, phone: impl Into<String>) -> Self {
        self.phone = Some(phone.into());
        self
    }

    async fn send(self) -> Result<Option<Contact>> {
        if self.email.is_none() && self.phone.is_none() {
            let why = "a contact is found by e-mail address or phone number: give one of them";
            return Err(Error::new(ErrorKind::InvalidInput, why).at("ghl", FIND.name));
        }
        let call = FIND
            .call(&[])
            .query("locationId", &self.location)
            .query_opt("number", self.phone)
            .query_opt("email", self.email);
        let answer = self.client.send(call, &Resource::Location(self.location), &FIND, &self.options).await?;
        Ok(answer.json::<Option<Enveloped<Option<Contact>>>>()?.and_then(|found| found.contact))
    }
}
