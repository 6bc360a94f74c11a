//! The organization that owns a delivery: the one that connected its location, or else its company.
//!
//! Invariant: a cached owner only labels a delivery; the organization that a delivery changes is read from the store.

use std::{collections::HashMap, time::Duration};

use sidecar_core::{Clock, OrganizationId, StoreError, time::timeout};
use sidecar_store::Store;

use super::cache::Cache;

/// How long an owner is cached.
const OWNER_TTL: Duration = Duration::from_secs(5);
/// How long the acknowledgement of a delivery waits for the store to name the owner.
const LOOKUP_TIMEOUT: Duration = Duration::from_millis(100);
/// The most owners that are cached.
const MAX_CACHED_OWNERS: usize = 10_000;

/// What a delivery names: ids at its provider.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct OwnerKey {
    /// The provider, as in the inbox.
    pub(crate) source: &'static str,
    pub(crate) location: Option<String>,
    pub(crate) company: Option<String>,
}

/// Owners that were looked up lately.
#[derive(Debug)]
pub struct OwnerCache(Cache<OwnerKey, Option<OrganizationId>>);

impl Default for OwnerCache {
    fn default() -> Self {
        Self(Cache::new(MAX_CACHED_OWNERS))
    }
}

impl OwnerCache {
    /// Returns the owner if it can be named at once. A hint: it makes a delivery findable for its organization.
    pub(crate) async fn tenant_hint(
        &self,
        store: &dyn Store,
        clock: &dyn Clock,
        key: OwnerKey,
    ) -> Option<OrganizationId> {
        if key.location.is_none() && key.company.is_none() {
            return None;
        }
        let now = clock.monotonic();
        if let Some(owner) = self.0.get(&key, now, OWNER_TTL) {
            return owner;
        }
        let owner = timeout(clock, LOOKUP_TIMEOUT, OwnerLookup::new(store).owner_of(&key)).await.ok()?.ok()?;
        self.0.insert(key, now, owner.clone());
        owner
    }
}

/// Looks up each location and company once: for one batch of deliveries.
#[derive(Debug)]
pub(crate) struct OwnerLookup<'a> {
    store: &'a dyn Store,
    found: HashMap<(&'static str, bool, String), Option<OrganizationId>>,
}

impl<'a> OwnerLookup<'a> {
    pub(crate) fn new(store: &'a dyn Store) -> Self {
        Self { store, found: HashMap::new() }
    }

    /// Returns the organization that connected the location, or else the company.
    pub(crate) async fn owner_of(&mut self, key: &OwnerKey) -> Result<Option<OrganizationId>, StoreError> {
        if let Some(location) = &key.location
            && let Some(owner) = self.find(key.source, true, location).await?
        {
            return Ok(Some(owner));
        }
        match &key.company {
            Some(company) => self.find(key.source, false, company).await,
            None => Ok(None),
        }
    }

    async fn find(
        &mut self,
        source: &'static str,
        is_location: bool,
        id: &str,
    ) -> Result<Option<OrganizationId>, StoreError> {
        let key = (source, is_location, id.to_owned());
        if let Some(found) = self.found.get(&key) {
            return Ok(found.clone());
        }
        let owner = if is_location {
            self.store.organization_of_location(source, id).await?
        } else {
            self.store.organization_of_company(source, id).await?
        };
        self.found.insert(key, owner.clone());
        Ok(owner)
    }
}
