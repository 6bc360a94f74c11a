//! The provider connections of an organization, read from its stored tokens.

use std::collections::BTreeMap;

use ghl_client::{
    model::{CompanyId, LocationId},
    oauth::{company_of, minted_from},
};
use sidecar_core::{OrganizationId, StoreError, Timestamp, token::TokenStore};

use crate::config::CalcomConfig;

/// The resource of an organization's connection to Cal.com; its bookings are synced under this name in place of a location's.
pub(crate) const CALCOM_ACCOUNT: &str = "calcom:account";

/// The connected GHL companies and locations of an organization, and whether it has a Cal.com account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OrganizationConnections {
    /// Each with the time its tokens were issued.
    companies: BTreeMap<CompanyId, Option<Timestamp>>,
    locations: BTreeMap<LocationId, LocationConnection>,
    has_calcom: bool,
}

/// What the tokens of a location say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct LocationConnection {
    /// The company that it belongs to, if the tokens name it.
    company: Option<CompanyId>,
    /// The company whose token it was minted from; `None` when the location was connected by itself.
    minted_from: Option<CompanyId>,
    issued_at: Option<Timestamp>,
}

impl OrganizationConnections {
    /// Reads the connections. The Cal.com account may be the one of the environment.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn load<S: TokenStore + ?Sized>(
        store: &S,
        calcom: &CalcomConfig,
        organization: &OrganizationId,
    ) -> Result<Self, StoreError> {
        let stored = Self::stored(store, organization).await?;
        Ok(Self { has_calcom: stored.has_calcom || calcom.key_of(organization).is_some(), ..stored })
    }

    async fn stored<S: TokenStore + ?Sized>(store: &S, organization: &OrganizationId) -> Result<Self, StoreError> {
        let mut connections = Self::default();
        for connection in store.connections(organization).await? {
            if connection.state.is_disconnected() {
                continue;
            }
            let resource = connection.key.resource();
            let tokens = &connection.tokens;
            if let Some(company) = resource.strip_prefix("ghl:company:") {
                connections.companies.insert(company.into(), tokens.issued_at);
            } else if let Some(location) = resource.strip_prefix("ghl:location:") {
                let (company, minted_from) = (company_of(tokens), minted_from(tokens));
                let row = LocationConnection { company, minted_from, issued_at: tokens.issued_at };
                connections.locations.insert(location.into(), row);
            } else if is_calcom(resource) {
                connections.has_calcom = true;
            }
        }
        Ok(connections)
    }

    /// Whether a GHL company or location is connected.
    pub fn has_ghl(&self) -> bool {
        !self.companies.is_empty() || !self.locations.is_empty()
    }

    /// Whether a Cal.com account is connected.
    pub fn has_calcom(&self) -> bool {
        self.has_calcom
    }

    /// The connected locations.
    pub fn locations(&self) -> impl Iterator<Item = &LocationId> {
        self.locations.keys()
    }

    /// The connected company; an organization connects at most one.
    pub fn company(&self) -> Option<CompanyId> {
        self.companies.keys().next().cloned()
    }

    /// Whether the company has a token.
    pub fn has_company(&self, company: &CompanyId) -> bool {
        self.companies.contains_key(company)
    }

    /// Whether the location has a token.
    pub fn has_location(&self, location: &LocationId) -> bool {
        self.locations.contains_key(location)
    }

    /// Whether the location's token was minted from a company's.
    pub fn is_minted(&self, location: &LocationId) -> bool {
        self.locations.get(location).is_some_and(|connection| connection.minted_from.is_some())
    }

    /// When the location's token was issued.
    pub fn location_issued_at(&self, location: &LocationId) -> Option<Timestamp> {
        self.locations.get(location)?.issued_at
    }

    /// When the company's token was issued.
    pub fn company_issued_at(&self, company: &CompanyId) -> Option<Timestamp> {
        *self.companies.get(company)?
    }

    /// The connected company that the location belongs to.
    pub fn company_of(&self, location: &LocationId) -> Option<CompanyId> {
        match self.locations.get(location) {
            Some(connection) => connection.company.clone().filter(|company| self.has_company(company)),
            None => self.company(),
        }
    }

    /// The locations whose tokens were minted from this company's: they end with it.
    pub fn minted_from(&self, company: &CompanyId) -> Vec<LocationId> {
        let minted = self.locations.iter().filter(|(_, connection)| connection.minted_from.as_ref() == Some(company));
        minted.map(|(location, _)| location.clone()).collect()
    }
}

/// Whether the resource is a Cal.com account, at the server's API address or at the organization's own.
fn is_calcom(resource: &str) -> bool {
    resource.strip_prefix(CALCOM_ACCOUNT).is_some_and(|at| at.is_empty() || at.starts_with(':'))
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::json;
    use sidecar_core::token::{CasResult, ConnectionState, MemoryStore, TokenKey, TokenSet};

    use super::*;

    /// Stores connections, each with the company that its token names; with a `!` it was minted from that company's.
    pub(crate) async fn connected(resources: &[(&str, &str)]) -> OrganizationConnections {
        let (store, organization) = (MemoryStore::new(), OrganizationId::from("org"));
        for (resource, company) in resources {
            let (company, minted) =
                company.strip_suffix('!').map_or((*company, None), |company| (company, Some(company)));
            let extra = json!({ "companyId": company });
            let tokens = TokenSet {
                issued_from: minted.map(|company| format!("ghl:company:{company}")),
                extra: extra.as_object().cloned().unwrap_or_default(),
                ..TokenSet::new("secret")
            };
            let key = TokenKey::new(&organization, *resource);
            assert!(matches!(
                store.swap(&key, 0, &tokens, &ConnectionState::Active).await.unwrap(),
                CasResult::Stored(_)
            ));
        }
        OrganizationConnections::stored(&store, &organization).await.unwrap()
    }

    #[tokio::test]
    async fn a_location_belongs_to_its_company_only_while_that_is_connected() {
        let (company, location) = (CompanyId::from("C"), LocationId::from("L1"));
        let both = connected(&[("ghl:company:C", "C"), ("ghl:location:L1", "C")]).await;
        assert_eq!(both.company_of(&location), Some(company));
        assert_eq!(connected(&[("ghl:location:L1", "C")]).await.company_of(&location), None);
    }

    #[tokio::test]
    async fn only_locations_minted_from_a_company_end_with_it() {
        let connected = connected(&[
            ("ghl:company:C", "C"),
            ("ghl:location:L1", "C!"),
            ("ghl:location:L2", "C"),
            ("ghl:location:L3", "D!"),
        ])
        .await;
        assert_eq!(connected.minted_from(&CompanyId::from("C")), [LocationId::from("L1")]);
    }

    #[tokio::test]
    async fn connections_of_other_providers_are_ignored() {
        let connected = connected(&[("stripe:account:7", "")]).await;
        assert!(!connected.has_ghl() && !connected.has_calcom());
    }
}
