//! The in-process API: tests read GHL's data and change it as a user would in GHL's web app.
//! These calls do not count against the rate limits.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::calendars::changes as appointment_changes;
use super::contacts::{changes as contact_changes, record::ContactJson};
use super::limits::Usage;
use super::opportunities::changes as opportunity_changes;
use super::response::ApiError;
use super::schema;
use super::state::{GhlState, Location};
use super::tokens::{ConnectionCounts, IssuedTokens, Resource};
use super::webhooks;
use crate::deliveries::{Delivery, WebhookCommand, WebhookCounts};
use crate::lock;
use crate::provider::OperationCount;
use crate::sandbox::SandboxError;

/// The scopes of all served operations.
pub const SCOPES: &str = "contacts.readonly contacts.write locations.readonly locations/customFields.readonly locations/tags.readonly \
    calendars.readonly calendars.write calendars/events.readonly calendars/events.write opportunities.readonly \
    opportunities.write oauth.readonly oauth.write";

/// OAuth tokens issued without the consent page.
#[derive(Debug, Clone)]
pub struct Token {
    /// The access token.
    pub access: String,
    /// The single-use refresh token.
    pub refresh: Option<String>,
    /// Lifetime of the access token in seconds.
    pub expires_in: i64,
}

/// Counts of the GHL sandbox.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Counts {
    /// Calls by operation, `METHOD /template`.
    pub operations: BTreeMap<&'static str, OperationCount>,
    /// Token counts by company or location id.
    pub connections: BTreeMap<String, ConnectionCounts>,
    /// Accepted and rejected requests by company or location id.
    pub limits: HashMap<String, Usage>,
    /// Events and deliveries.
    pub webhooks: WebhookCounts,
}

impl Counts {
    /// Returns the number of calls to an operation, e.g. `POST /contacts/search`.
    #[must_use]
    pub fn calls(&self, operation: &str) -> u64 {
        self.operations.get(operation).map_or(0, |count| count.calls)
    }

    /// Returns the number of requests rejected with 429.
    #[must_use]
    pub fn rejected(&self) -> u64 {
        self.limits.values().map(|usage| usage.rejected).sum()
    }
}

/// The in-process API of the GHL sandbox. Clones share the sandbox.
#[derive(Debug, Clone)]
pub struct Ghl {
    pub(crate) state: Arc<GhlState>,
}

impl Ghl {
    /// Returns the company's id.
    #[must_use]
    pub fn company_id(&self) -> &str {
        &self.state.identity.company_id
    }

    /// Returns the app's id: the client id up to its first `-`.
    #[must_use]
    pub fn app_id(&self) -> &str {
        &self.state.identity.app_id
    }

    /// Returns the app's client id.
    #[must_use]
    pub fn client_id(&self) -> &str {
        &self.state.identity.client_id
    }

    /// Returns the app's client secret.
    #[must_use]
    pub fn client_secret(&self) -> &str {
        &self.state.identity.client_secret
    }

    /// Returns the Ed25519 public key of webhook signatures as PEM.
    #[must_use]
    pub fn public_key_pem(&self) -> String {
        self.state.identity.public_key_pem()
    }

    /// Returns the ids of the locations, always in the same order.
    #[must_use]
    pub fn location_ids(&self) -> Vec<String> {
        self.state.locations.iter().map(|location| location.profile.id.clone()).collect()
    }

    /// Returns the ids of a location's calendars.
    #[must_use]
    pub fn calendar_ids(&self, location_id: &str) -> Vec<String> {
        let ids = |location: &Location| {
            lock(&location.appointment_store).calendars.iter().map(|calendar| calendar.id.clone()).collect()
        };
        self.state.find_location(location_id).map(ids).unwrap_or_default()
    }

    /// Installs the app on the company and all locations and issues a company token, without the consent page and INSTALL events.
    #[must_use]
    pub fn issue_company_token(&self, scopes: &str) -> Token {
        self.record_installation(&self.location_ids(), true);
        self.issue(Resource::Company(self.company_id().to_owned()), scopes)
    }

    /// Installs the app on a location and issues a location token with [`SCOPES`], without the consent page and INSTALL events.
    pub fn issue_location_token(&self, location_id: &str) -> Result<Token, SandboxError> {
        self.issue_location_token_with(location_id, SCOPES)
    }

    /// Does the same as [`Ghl::issue_location_token`], with these scopes.
    pub fn issue_location_token_with(&self, location_id: &str, scopes: &str) -> Result<Token, SandboxError> {
        self.location(location_id)?;
        self.record_installation(&[location_id.to_owned()], false);
        Ok(self.issue(Resource::Location(location_id.to_owned()), scopes))
    }

    /// Issues a private integration token of a location or the company, with [`SCOPES`].
    pub fn private_integration_token(&self, location_or_company: &str) -> Result<String, SandboxError> {
        let resource = match location_or_company == self.company_id() {
            true => Resource::Company(location_or_company.to_owned()),
            false => Resource::Location(self.location(location_or_company)?.profile.id.clone()),
        };
        Ok(lock(&self.state.tokens).issue_private(resource, SCOPES))
    }

    /// Returns the current contacts of a location, without the lag of the search index.
    #[must_use]
    pub fn contacts(&self, location_id: &str) -> Vec<Value> {
        let rows: Vec<_> = self
            .state
            .find_location(location_id)
            .map(|location| lock(&location.contact_store).all().cloned().collect())
            .unwrap_or_default();
        rows.iter().map(|row| json!(ContactJson::with_nulls(row.contact()))).collect()
    }

    /// Returns the number of a location's contacts.
    #[must_use]
    pub fn contact_count(&self, location_id: &str) -> usize {
        self.state.find_location(location_id).map_or(0, |location| lock(&location.contact_store).len())
    }

    /// Returns a contact of any location, without the lag of the search index.
    #[must_use]
    pub fn contact(&self, id: &str) -> Option<Value> {
        let row = self.state.locations.iter().find_map(|location| lock(&location.contact_store).get(id).cloned())?;
        Some(json!(ContactJson::with_nulls(row.contact())))
    }

    /// Returns the appointments of a location.
    #[must_use]
    pub fn appointments(&self, location_id: &str) -> Vec<Value> {
        let to_json = |location: &Location| {
            lock(&location.appointment_store)
                .appointments
                .values()
                .map(|event| event.to_json(&location.profile))
                .collect()
        };
        self.state.find_location(location_id).map(to_json).unwrap_or_default()
    }

    /// Returns the opportunities of a location.
    #[must_use]
    pub fn opportunities(&self, location_id: &str) -> Vec<Value> {
        let to_json = |location: &Location| {
            lock(&location.opportunity_store)
                .opportunities
                .values()
                .map(|opportunity| opportunity.to_json(&location.profile))
                .collect()
        };
        self.state.find_location(location_id).map(to_json).unwrap_or_default()
    }

    /// Returns the pipelines of a location with their stages.
    #[must_use]
    pub fn pipelines(&self, location_id: &str) -> Vec<Value> {
        let to_json = |location: &Location| {
            lock(&location.opportunity_store)
                .pipelines
                .iter()
                .map(|pipeline| pipeline.to_json(&location.profile))
                .collect()
        };
        self.state.find_location(location_id).map(to_json).unwrap_or_default()
    }

    /// Creates a contact. `fields` are those of `POST /contacts/` without `locationId`.
    pub fn create_contact(&self, location_id: &str, fields: &Value) -> Result<Value, SandboxError> {
        let location = self.location(location_id)?;
        let body = create_body(location_id, fields)?;
        contact_changes::validate_create(&body)?;
        let contact = contact_changes::create(&self.state, location, &body)?;
        Ok(json!(ContactJson::with_nulls(&contact)))
    }

    /// Updates a contact. `fields` are those of `PUT /contacts/{id}`.
    pub fn update_contact(&self, id: &str, fields: &Value) -> Result<Value, SandboxError> {
        let location = self.contact_location(id)?;
        let body = object(fields)?;
        contact_changes::validate_update(&body)?;
        let contact = contact_changes::update(&self.state, location, id, &body)?;
        Ok(json!(ContactJson::with_nulls(&contact)))
    }

    /// Deletes a contact.
    pub fn delete_contact(&self, id: &str) -> Result<(), SandboxError> {
        let location = self.contact_location(id)?;
        Ok(contact_changes::delete(&self.state, location, id)?)
    }

    /// Creates an appointment. `fields` are those of `POST /calendars/events/appointments` without `locationId`.
    pub fn create_appointment(&self, location_id: &str, fields: &Value) -> Result<Value, SandboxError> {
        let location = self.location(location_id)?;
        let body = create_body(location_id, fields)?;
        appointment_changes::validate_create(&body)?;
        let appointment = appointment_changes::create(&self.state, location, &body)?;
        Ok(appointment.to_json(&location.profile))
    }

    /// Updates an appointment. `fields` are those of `PUT /calendars/events/appointments/{id}`.
    pub fn update_appointment(&self, id: &str, fields: &Value) -> Result<Value, SandboxError> {
        let location = self.event_location(id)?;
        let body = object(fields)?;
        appointment_changes::validate_update(&body)?;
        let appointment = appointment_changes::update(&self.state, location, id, &body)?;
        Ok(appointment.to_json(&location.profile))
    }

    /// Deletes an appointment.
    pub fn delete_appointment(&self, id: &str) -> Result<(), SandboxError> {
        let location = self.event_location(id)?;
        Ok(appointment_changes::delete(&self.state, location, id)?)
    }

    /// Creates an opportunity. `fields` are those of `POST /opportunities/` without `locationId`.
    pub fn create_opportunity(&self, location_id: &str, fields: &Value) -> Result<Value, SandboxError> {
        let location = self.location(location_id)?;
        let body = create_body(location_id, fields)?;
        schema::validate(&body, &opportunity_changes::create_fields())?;
        Ok(opportunity_changes::create(&self.state, location, &body)?.to_json(&location.profile))
    }

    /// Updates an opportunity. `fields` are those of `PUT /opportunities/{id}`.
    pub fn update_opportunity(&self, id: &str, fields: &Value) -> Result<Value, SandboxError> {
        let location = self.opportunity_location(id)?;
        let body = object(fields)?;
        schema::validate(&body, opportunity_changes::UPDATE)?;
        Ok(opportunity_changes::update(&self.state, location, id, &body)?.to_json(&location.profile))
    }

    /// Deletes an opportunity.
    pub fn delete_opportunity(&self, id: &str) -> Result<(), SandboxError> {
        let location = self.opportunity_location(id)?;
        Ok(opportunity_changes::delete(&self.state, location, id)?)
    }

    /// Sets the URL that receives all events.
    pub fn set_webhook_url(&self, url: impl Into<String>) {
        self.state.shared.dispatcher.apply(&WebhookCommand { url: Some(url.into()), ..WebhookCommand::default() });
    }

    /// Returns the headers and the body of a signed delivery of `payload`.
    #[must_use]
    pub fn sign_delivery(&self, payload: &Value) -> (HeaderMap, Bytes) {
        webhooks::sign_delivery(&self.state, payload)
    }

    /// Returns the delivery of every event that was queued.
    #[must_use]
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.state.shared.dispatcher.deliveries()
    }

    /// Returns the counts so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let state = &self.state;
        Counts {
            operations: state.shared.counters.all(),
            connections: lock(&state.tokens).counts().clone(),
            limits: lock(&state.limits).usage().clone(),
            webhooks: state.shared.dispatcher.counts(),
        }
    }

    fn issue(&self, resource: Resource, scopes: &str) -> Token {
        let IssuedTokens { access, refresh, expires_in, .. } =
            lock(&self.state.tokens).start_family(resource, scopes, self.state.clock.now_ms());
        Token { access, refresh, expires_in }
    }

    fn record_installation(&self, locations: &[String], company: bool) {
        let now_ms = self.state.clock.now_ms();
        let mut installation = lock(&self.state.installation);
        installation.company |= company;
        for id in locations {
            installation.removed.remove(id);
            installation.locations.entry(id.clone()).or_insert(now_ms);
        }
    }

    pub(crate) fn location(&self, location_id: &str) -> Result<&Location, SandboxError> {
        self.state.find_location(location_id).ok_or_else(|| SandboxError::NotFound(format!("location {location_id}")))
    }

    fn contact_location(&self, id: &str) -> Result<&Location, SandboxError> {
        self.state.find_contact_location(id).ok_or_else(|| SandboxError::NotFound(format!("contact {id}")))
    }

    fn event_location(&self, id: &str) -> Result<&Location, SandboxError> {
        self.state.find_event_location(id).ok_or_else(|| SandboxError::NotFound(format!("event {id}")))
    }

    fn opportunity_location(&self, id: &str) -> Result<&Location, SandboxError> {
        self.state.find_opportunity_location(id).ok_or_else(|| SandboxError::NotFound(format!("opportunity {id}")))
    }
}

/// Returns the body of a create request in a location.
fn create_body(location_id: &str, fields: &Value) -> Result<Map<String, Value>, SandboxError> {
    let mut body = object(fields)?;
    body.insert("locationId".to_owned(), json!(location_id));
    Ok(body)
}

fn object(fields: &Value) -> Result<Map<String, Value>, SandboxError> {
    fields.as_object().cloned().ok_or_else(|| SandboxError::Rejected("the fields must be a JSON object".to_owned()))
}

impl From<ApiError> for SandboxError {
    fn from(error: ApiError) -> Self {
        Self::Rejected(error.to_string())
    }
}
