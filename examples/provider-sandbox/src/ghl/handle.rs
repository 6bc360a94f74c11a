//! The in-process handle: what a test reads and does "as somebody in the GHL user interface".

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::calendars::changes as appointment_changes;
use super::contacts::{changes as contact_changes, record::View};
use super::error::ApiError;
use super::limits::Usage;
use super::opportunities::changes as deal_changes;
use super::shape;
use super::state::{Site, World};
use super::tokens::{ConnectionCounts, Issued, Resource};
use super::webhooks;
use crate::deliveries::{Delivery, WebhookCounts, WebhookOrder};
use crate::lock;
use crate::sandbox::SandboxError;
use crate::tally::OperationCount;

/// Every scope the served operations ask for.
pub const SCOPES: &str = "contacts.readonly contacts.write locations.readonly locations/customFields.readonly locations/tags.readonly \
    calendars.readonly calendars.write calendars/events.readonly calendars/events.write opportunities.readonly \
    opportunities.write oauth.readonly oauth.write";

/// Tokens issued without the consent page.
#[derive(Debug, Clone)]
pub struct Token {
    /// The bearer token.
    pub access: String,
    /// The single-use refresh token.
    pub refresh: Option<String>,
    /// Lifetime of the access token in seconds.
    pub expires_in: i64,
}

/// What the stand-in counted.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Counts {
    /// By operation, `METHOD /template`.
    pub operations: BTreeMap<&'static str, OperationCount>,
    /// By company or location id.
    pub connections: BTreeMap<String, ConnectionCounts>,
    /// Requests let through and refused, by company or location id.
    pub limits: HashMap<String, Usage>,
    /// Events and deliveries.
    pub webhooks: WebhookCounts,
}

impl Counts {
    /// How often an operation was called, e.g. `POST /contacts/search`.
    #[must_use]
    pub fn calls(&self, operation: &str) -> u64 {
        self.operations.get(operation).map_or(0, |count| count.calls)
    }

    /// Requests answered 429, over all resources.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.limits.values().map(|usage| usage.refused).sum()
    }
}

/// The GHL stand-in, seen from inside the process. Clones share it.
#[derive(Debug, Clone)]
pub struct Ghl {
    pub(crate) world: Arc<World>,
}

impl Ghl {
    /// The agency's id.
    #[must_use]
    pub fn company_id(&self) -> &str {
        &self.world.identity.company_id
    }

    /// The app's id: the client id up to its first `-`.
    #[must_use]
    pub fn app_id(&self) -> &str {
        &self.world.identity.app_id
    }

    /// The app's client id.
    #[must_use]
    pub fn client_id(&self) -> &str {
        &self.world.identity.client_id
    }

    /// The app's client secret.
    #[must_use]
    pub fn client_secret(&self) -> &str {
        &self.world.identity.client_secret
    }

    /// The Ed25519 key webhooks are signed with, as PEM.
    #[must_use]
    pub fn public_key_pem(&self) -> String {
        self.world.identity.public_key_pem()
    }

    /// Ids of the locations, always in the same order.
    #[must_use]
    pub fn location_ids(&self) -> Vec<String> {
        self.world.sites.iter().map(|site| site.place.id.clone()).collect()
    }

    /// Ids of a location's calendars.
    #[must_use]
    pub fn calendar_ids(&self, location: &str) -> Vec<String> {
        let agenda = |site: &Site| lock(&site.agenda).calendars.iter().map(|calendar| calendar.id.clone()).collect();
        self.world.find_site(location).map(agenda).unwrap_or_default()
    }

    /// Installs the app on the company and all locations, without consent page and without INSTALL events.
    #[must_use]
    pub fn issue_company_token(&self, scopes: &str) -> Token {
        self.installed(&self.location_ids(), true);
        self.issue(Resource::Company(self.company_id().to_owned()), scopes)
    }

    /// Installs the app on one location with [`SCOPES`], without consent page and without INSTALL events.
    pub fn issue_location_token(&self, location: &str) -> Result<Token, SandboxError> {
        self.issue_location_token_with(location, SCOPES)
    }

    /// The same with chosen scopes.
    pub fn issue_location_token_with(&self, location: &str, scopes: &str) -> Result<Token, SandboxError> {
        self.site(location)?;
        self.installed(&[location.to_owned()], false);
        Ok(self.issue(Resource::Location(location.to_owned()), scopes))
    }

    /// A private integration token of a location or of the company, with [`SCOPES`].
    pub fn private_integration_token(&self, location_or_company: &str) -> Result<String, SandboxError> {
        let resource = match location_or_company == self.company_id() {
            true => Resource::Company(location_or_company.to_owned()),
            false => Resource::Location(self.site(location_or_company)?.place.id.clone()),
        };
        Ok(lock(&self.world.tokens).private(resource, SCOPES))
    }

    /// The contacts of a location as they truly are (not as the lagging search index shows them).
    #[must_use]
    pub fn contacts(&self, location: &str) -> Vec<Value> {
        let rows: Vec<_> = self
            .world
            .find_site(location)
            .map(|site| lock(&site.directory).all().cloned().collect())
            .unwrap_or_default();
        rows.iter().map(|row| json!(View::whole(row.contact()))).collect()
    }

    /// How many contacts a location has.
    #[must_use]
    pub fn contact_count(&self, location: &str) -> usize {
        self.world.find_site(location).map_or(0, |site| lock(&site.directory).len())
    }

    /// One contact as it truly is, of whichever location.
    #[must_use]
    pub fn contact(&self, id: &str) -> Option<Value> {
        let row = self.world.sites.iter().find_map(|site| lock(&site.directory).get(id).cloned())?;
        Some(json!(View::whole(row.contact())))
    }

    /// The appointments of a location.
    #[must_use]
    pub fn appointments(&self, location: &str) -> Vec<Value> {
        let read =
            |site: &Site| lock(&site.agenda).appointments.values().map(|event| event.read(&site.place)).collect();
        self.world.find_site(location).map(read).unwrap_or_default()
    }

    /// The opportunities of a location.
    #[must_use]
    pub fn opportunities(&self, location: &str) -> Vec<Value> {
        let read = |site: &Site| lock(&site.deals).deals.values().map(|deal| deal.read(&site.place)).collect();
        self.world.find_site(location).map(read).unwrap_or_default()
    }

    /// The pipelines of a location with their stages.
    #[must_use]
    pub fn pipelines(&self, location: &str) -> Vec<Value> {
        let read = |site: &Site| lock(&site.deals).pipelines.iter().map(|one| one.read(&site.place)).collect();
        self.world.find_site(location).map(read).unwrap_or_default()
    }

    /// Creates a contact. `fields` are those of `POST /contacts/` without `locationId`.
    pub fn create_contact(&self, location: &str, fields: &Value) -> Result<Value, SandboxError> {
        let site = self.site(location)?;
        let mut body = object(fields)?;
        body.insert("locationId".to_owned(), json!(location));
        contact_changes::check_create(&body)?;
        let contact = contact_changes::create(&self.world, site, &body)?;
        Ok(json!(View::whole(&contact)))
    }

    /// Changes a contact. `fields` are those of `PUT /contacts/{id}`.
    pub fn update_contact(&self, id: &str, fields: &Value) -> Result<Value, SandboxError> {
        let site = self.home_of_contact(id)?;
        let body = object(fields)?;
        contact_changes::check_update(&body)?;
        let contact = contact_changes::update(&self.world, site, id, &body)?;
        Ok(json!(View::whole(&contact)))
    }

    /// Removes a contact.
    pub fn delete_contact(&self, id: &str) -> Result<(), SandboxError> {
        let site = self.home_of_contact(id)?;
        Ok(contact_changes::delete(&self.world, site, id)?)
    }

    /// Books an appointment. `fields` are those of `POST /calendars/events/appointments` without `locationId`.
    pub fn create_appointment(&self, location: &str, fields: &Value) -> Result<Value, SandboxError> {
        let site = self.site(location)?;
        let mut body = object(fields)?;
        body.insert("locationId".to_owned(), json!(location));
        appointment_changes::check_create(&body)?;
        let appointment = appointment_changes::create(&self.world, site, &body)?;
        Ok(appointment.read(&site.place))
    }

    /// Changes an appointment. `fields` are those of `PUT /calendars/events/appointments/{id}`.
    pub fn update_appointment(&self, id: &str, fields: &Value) -> Result<Value, SandboxError> {
        let site = self.home_of_event(id)?;
        let body = object(fields)?;
        appointment_changes::check_update(&body)?;
        let appointment = appointment_changes::update(&self.world, site, id, &body)?;
        Ok(appointment.read(&site.place))
    }

    /// Removes an appointment.
    pub fn delete_appointment(&self, id: &str) -> Result<(), SandboxError> {
        let site = self.home_of_event(id)?;
        Ok(appointment_changes::delete(&self.world, site, id)?)
    }

    /// Opens a deal. `fields` are those of `POST /opportunities/` without `locationId`.
    pub fn create_opportunity(&self, location: &str, fields: &Value) -> Result<Value, SandboxError> {
        let site = self.site(location)?;
        let mut body = object(fields)?;
        body.insert("locationId".to_owned(), json!(location));
        shape::check(&body, &deal_changes::create_fields())?;
        Ok(deal_changes::create(&self.world, site, &body)?.read(&site.place))
    }

    /// Changes an opportunity. `fields` are those of `PUT /opportunities/{id}`.
    pub fn update_opportunity(&self, id: &str, fields: &Value) -> Result<Value, SandboxError> {
        let site = self.home_of_deal(id)?;
        let body = object(fields)?;
        shape::check(&body, deal_changes::UPDATE)?;
        Ok(deal_changes::update(&self.world, site, id, &body)?.read(&site.place))
    }

    /// Removes an opportunity.
    pub fn delete_opportunity(&self, id: &str) -> Result<(), SandboxError> {
        let site = self.home_of_deal(id)?;
        Ok(deal_changes::delete(&self.world, site, id)?)
    }

    /// Sends events to `url` from now on.
    pub fn webhook_url(&self, url: impl Into<String>) {
        self.world.mailer.order(&WebhookOrder { url: Some(url.into()), ..WebhookOrder::default() });
    }

    /// Any payload as a signed delivery: headers and raw body.
    #[must_use]
    pub fn signed(&self, payload: &Value) -> (HeaderMap, Bytes) {
        webhooks::signed(&self.world, payload)
    }

    /// Every event that was sent or tried.
    #[must_use]
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.world.mailer.deliveries()
    }

    /// What was counted so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let world = &self.world;
        Counts {
            operations: world.tally.all(),
            connections: lock(&world.tokens).counts().clone(),
            limits: lock(&world.limits).usage().clone(),
            webhooks: world.mailer.counts(),
        }
    }

    fn issue(&self, resource: Resource, scopes: &str) -> Token {
        let Issued { access, refresh, expires_in, .. } =
            lock(&self.world.tokens).start_family(resource, scopes, self.world.clock.now_ms());
        Token { access, refresh, expires_in }
    }

    fn installed(&self, locations: &[String], company: bool) {
        let now_ms = self.world.clock.now_ms();
        let mut installation = lock(&self.world.installation);
        installation.company |= company;
        for id in locations {
            installation.removed.remove(id);
            installation.locations.entry(id.clone()).or_insert(now_ms);
        }
    }

    pub(crate) fn site(&self, location: &str) -> Result<&Site, SandboxError> {
        self.world.find_site(location).ok_or_else(|| SandboxError::Unknown(format!("location {location}")))
    }

    fn home_of_contact(&self, id: &str) -> Result<&Site, SandboxError> {
        let home = self.world.sites.iter().find(|site| lock(&site.directory).get(id).is_some());
        home.ok_or_else(|| SandboxError::Unknown(format!("contact {id}")))
    }

    fn home_of_event(&self, id: &str) -> Result<&Site, SandboxError> {
        let home = self.world.sites.iter().find(|site| lock(&site.agenda).holds(id));
        home.ok_or_else(|| SandboxError::Unknown(format!("event {id}")))
    }

    fn home_of_deal(&self, id: &str) -> Result<&Site, SandboxError> {
        let home = self.world.sites.iter().find(|site| lock(&site.deals).deals.contains_key(id));
        home.ok_or_else(|| SandboxError::Unknown(format!("opportunity {id}")))
    }
}

fn object(fields: &Value) -> Result<Map<String, Value>, SandboxError> {
    fields.as_object().cloned().ok_or_else(|| SandboxError::Refused("the fields must be a JSON object".to_owned()))
}

impl From<ApiError> for SandboxError {
    fn from(error: ApiError) -> Self {
        Self::Refused(error.to_string())
    }
}
