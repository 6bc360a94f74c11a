//! Whose a delivery is: the organization that connected its location, or else its company.
//!
//! Invariant: what the desk remembers only labels a delivery; what a delivery changes is settled by asking the store anew.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use ghl_client::GhlEvent;
use sidecar_core::{OrganizationId, StoreError, time::timeout};
use sidecar_store::Store;

use crate::{app::App, ghl::events::SOURCE};

/// How long the desk remembers an owner.
const REMEMBERED: Duration = Duration::from_secs(5);
/// How long an acknowledgement waits for the store to name the owner.
const PATIENCE: Duration = Duration::from_millis(100);
/// The most owners that the desk remembers.
const MOST: usize = 10_000;

/// The owners that were asked for lately, each with the monotonic time of the answer.
#[derive(Debug, Default)]
pub struct OwnerDesk(Mutex<HashMap<Names, (Duration, Option<OrganizationId>)>>);

/// Location and company, as an event names them.
type Names = (Option<String>, Option<String>);

impl OwnerDesk {
    /// The owner as far as it can be told at once: for the label of a delivery, so that it is found when it is given up.
    pub(crate) async fn label(&self, app: &App, event: &GhlEvent) -> Option<OrganizationId> {
        let names = names(event);
        if names == (None, None) {
            return None;
        }
        let now = app.clock.monotonic();
        if let Some((at, owner)) = self.known().get(&names)
            && now.saturating_sub(*at) < REMEMBERED
        {
            return owner.clone();
        }
        let mut owners = Owners::new(&*app.store);
        let owner = timeout(&*app.clock, PATIENCE, owners.of(event)).await.ok()?.ok()?;
        let mut known = self.known();
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(names, (now, owner.clone()));
        owner
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<Names, (Duration, Option<OrganizationId>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn names(event: &GhlEvent) -> Names {
    (event.location_id().map(|id| id.to_string()), event.company_id().map(|id| id.to_string()))
}

/// Whose locations and companies are, each asked once: for one lot of deliveries.
#[derive(Debug)]
pub(crate) struct Owners<'a> {
    store: &'a dyn Store,
    known: HashMap<(&'static str, String), Option<OrganizationId>>,
}

impl<'a> Owners<'a> {
    pub(crate) fn new(store: &'a dyn Store) -> Self {
        Self { store, known: HashMap::new() }
    }

    /// The organization that connected the event's location, or else its company.
    pub(crate) async fn of(&mut self, event: &GhlEvent) -> Result<Option<OrganizationId>, StoreError> {
        if let Some(location) = event.location_id()
            && let Some(owner) = self.ask("location", location.as_str()).await?
        {
            return Ok(Some(owner));
        }
        match event.company_id() {
            Some(company) => self.ask("company", company.as_str()).await,
            None => Ok(None),
        }
    }

    async fn ask(&mut self, what: &'static str, id: &str) -> Result<Option<OrganizationId>, StoreError> {
        let key = (what, id.to_owned());
        if let Some(known) = self.known.get(&key) {
            return Ok(known.clone());
        }
        let owner = match what {
            "company" => self.store.organization_of_company(SOURCE, id).await?,
            _ => self.store.organization_of_location(SOURCE, id).await?,
        };
        self.known.insert(key, owner.clone());
        Ok(owner)
    }
}
