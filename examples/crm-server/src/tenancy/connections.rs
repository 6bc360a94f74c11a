//! What an organization has connected, read from its stored connections.

use std::collections::BTreeMap;

use ghl_client::{
    model::{CompanyId, LocationId},
    oauth::{company_of, minted_from},
};
use sidecar_core::{OrganizationId, StoreError, Timestamp, sync::SyncKey, token::TokenStore};

use crate::app::App;

/// The locations of an organization.
pub const GHL_LOCATIONS: &str = "GHL_LOCATIONS";
/// The contacts of a location.
pub const GHL_CONTACTS: &str = "GHL_CONTACTS";
/// The events of a location's calendars in the next 30 days.
pub const GHL_EVENTS: &str = "GHL_EVENTS";

/// The pipelines of a location.
pub const GHL_PIPELINES: &str = "GHL_PIPELINES";
/// The opportunities of a location.
pub const GHL_OPPORTUNITIES: &str = "GHL_OPPORTUNITIES";
/// The bookings of an organization's account at Cal.com.
pub const CALCOM_BOOKINGS: &str = "CALCOM_BOOKINGS";

/// The resource of an organization's connection to Cal.com; its bookings are copied under this name in place of a location's.
pub(crate) const CALCOM_ACCOUNT: &str = "calcom:account";

/// The companies and locations of an organization.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Connected {
    /// Each with the time its tokens were bought.
    companies: BTreeMap<CompanyId, Option<Timestamp>>,
    locations: BTreeMap<LocationId, Site>,
    /// Whether it has an account at Cal.com.
    calcom: bool,
}

/// What a location's tokens tell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Site {
    /// The company it belongs to, where that is known.
    company: Option<CompanyId>,
    /// The company whose token its own was minted from; none when it was connected by itself.
    minted_from: Option<CompanyId>,
    issued_at: Option<Timestamp>,
}

impl Connected {
    /// Reads them; an account at Cal.com may be the environment's.
    ///
    /// # Errors
    /// The store could not be asked.
    pub async fn of(app: &App, organization: &OrganizationId) -> Result<Self, StoreError> {
        let stored = Self::stored(&*app.store, organization).await?;
        Ok(Self { calcom: stored.calcom || app.calcom.is_from_environment(organization), ..stored })
    }

    async fn stored<S: TokenStore + ?Sized>(store: &S, organization: &OrganizationId) -> Result<Self, StoreError> {
        let mut connected = Self::default();
        for connection in store.connections(organization).await? {
            let resource = connection.key.resource();
            if let Some(company) = resource.strip_prefix("ghl:company:") {
                connected.companies.insert(company.into(), connection.tokens.issued_at());
            } else if let Some(location) = resource.strip_prefix("ghl:location:") {
                let tokens = &connection.tokens;
                let (company, minted_from) = (company_of(tokens), minted_from(tokens));
                let site = Site { company, minted_from, issued_at: tokens.issued_at() };
                connected.locations.insert(location.into(), site);
            } else if is_calcom(resource) {
                connected.calcom = true;
            }
        }
        Ok(connected)
    }

    /// Whether there is anything of GHL's.
    pub fn has_ghl(&self) -> bool {
        !self.companies.is_empty() || !self.locations.is_empty()
    }

    /// Whether there is an account at Cal.com.
    pub fn has_calcom(&self) -> bool {
        self.calcom
    }

    /// A company, where only one can be meant.
    pub fn any_company(&self) -> Option<CompanyId> {
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

    /// Whether the location has a token that was minted from a company's.
    pub fn is_minted(&self, location: &LocationId) -> bool {
        self.locations.get(location).is_some_and(|site| site.minted_from.is_some())
    }

    /// When the location's token was bought.
    pub fn location_issued_at(&self, location: &LocationId) -> Option<Timestamp> {
        self.locations.get(location)?.issued_at
    }

    /// When the company's token was bought.
    pub fn company_issued_at(&self, company: &CompanyId) -> Option<Timestamp> {
        *self.companies.get(company)?
    }

    /// The connected company that the location belongs to.
    pub fn company_of(&self, location: &LocationId) -> Option<CompanyId> {
        match self.locations.get(location) {
            Some(site) => site.company.clone().filter(|company| self.has_company(company)),
            None => self.any_company(),
        }
    }

    /// The locations whose tokens were minted from this company's: those that end with it.
    pub fn minted_from(&self, company: &CompanyId) -> Vec<LocationId> {
        let of_company = |(_, site): &(&LocationId, &Site)| site.minted_from.as_ref() == Some(company);
        self.locations.iter().filter(of_company).map(|(location, _)| location.clone()).collect()
    }

    /// What is kept in step: the locations first, for they are few and the rest is shown by them.
    pub fn sources(&self, organization: &OrganizationId) -> Vec<SyncKey> {
        let mut keys = Vec::new();
        if !self.companies.is_empty() {
            keys.push(SyncKey::new(organization, GHL_LOCATIONS, ""));
        }
        for location in self.locations.keys().filter(|location| self.company_of(location).is_none()) {
            keys.push(SyncKey::new(organization, GHL_LOCATIONS, location.as_str()));
        }
        for location in self.locations.keys() {
            for source in [GHL_CONTACTS, GHL_EVENTS, GHL_PIPELINES, GHL_OPPORTUNITIES] {
                keys.push(SyncKey::new(organization, source, location.as_str()));
            }
        }
        if self.calcom {
            keys.push(SyncKey::new(organization, CALCOM_BOOKINGS, CALCOM_ACCOUNT));
        }
        keys
    }
}

/// Whether it is an account at Cal.com: at the server's address, or at one that the organization named.
fn is_calcom(resource: &str) -> bool {
    resource.strip_prefix(CALCOM_ACCOUNT).is_some_and(|at| at.is_empty() || at.starts_with(':'))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use sidecar_core::token::{CasResult, MemoryStore, TokenKey, TokenSet};

    use super::*;

    /// Stores connections, each with the company that its token names; with a `!` it was minted from that company's.
    async fn connected(resources: &[(&str, &str)]) -> Connected {
        let (store, organization) = (MemoryStore::new(), OrganizationId::from("org"));
        for (resource, company) in resources {
            let (company, minted) =
                company.strip_suffix('!').map_or((*company, None), |company| (company, Some(company)));
            let extra = json!({ "companyId": company, "minted_from": minted });
            let tokens = TokenSet {
                access: "secret".into(),
                refresh: None,
                expires_at: None,
                generation: 0,
                scope: None,
                extra: extra.as_object().cloned().unwrap_or_default(),
            };
            let key = TokenKey::new(&organization, *resource);
            assert!(matches!(store.swap(&key, 0, &tokens).await.unwrap(), CasResult::Stored(_)));
        }
        Connected::stored(&store, &organization).await.unwrap()
    }

    fn names(connected: &Connected) -> Vec<String> {
        let sources = connected.sources(&OrganizationId::from("org"));
        sources.iter().map(|key| format!("{}/{}", key.source, key.location)).collect()
    }

    #[tokio::test]
    async fn a_company_lists_its_locations_once_and_each_location_has_its_own_sources() {
        let connected = connected(&[("ghl:company:C", "C"), ("ghl:location:L1", "C"), ("ghl:location:L2", "C")]).await;
        assert_eq!(
            names(&connected),
            [
                "GHL_LOCATIONS/",
                "GHL_CONTACTS/L1",
                "GHL_EVENTS/L1",
                "GHL_PIPELINES/L1",
                "GHL_OPPORTUNITIES/L1",
                "GHL_CONTACTS/L2",
                "GHL_EVENTS/L2",
                "GHL_PIPELINES/L2",
                "GHL_OPPORTUNITIES/L2",
            ]
        );
        assert_eq!(connected.company_of(&LocationId::from("L1")), Some(CompanyId::from("C")));
    }

    #[tokio::test]
    async fn a_location_without_its_company_is_read_with_its_own_token() {
        let connected = connected(&[("ghl:location:L1", "C")]).await;
        let own = ["GHL_LOCATIONS/L1", "GHL_CONTACTS/L1", "GHL_EVENTS/L1", "GHL_PIPELINES/L1", "GHL_OPPORTUNITIES/L1"];
        assert_eq!(names(&connected), own);
        assert_eq!(connected.company_of(&LocationId::from("L1")), None);
    }

    #[tokio::test]
    async fn only_the_locations_that_live_by_a_company_go_with_it() {
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
    async fn an_account_at_calcom_has_its_bookings() {
        for resource in ["calcom:account", "calcom:account:https://cal.example.com/"] {
            let connected = connected(&[(resource, "")]).await;
            assert_eq!(names(&connected), ["CALCOM_BOOKINGS/calcom:account"]);
            assert_eq!((connected.has_ghl(), connected.has_calcom()), (false, true));
        }
    }

    #[tokio::test]
    async fn connections_of_other_providers_are_none_of_its_business() {
        let connected = connected(&[("stripe:account:7", "")]).await;
        assert!(!connected.has_ghl() && !connected.has_calcom());
    }
}
