use async_trait::async_trait;
use sidecar_core::{OrganizationId, StoreError, Timestamp};

use crate::{
    SqlStore,
    error::Result,
    sql::organizations as sql,
    tx::{exec, fetch},
};

/// A tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organization {
    /// Its id, which every other row carries.
    pub id: OrganizationId,
    /// Its name in addresses; unique.
    pub slug: String,
    /// Its name for people.
    pub name: String,
    /// When it was created.
    pub created_at: Timestamp,
}

/// An organization cannot be created.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum OrganizationError {
    /// Another organization has the slug.
    #[error("the slug `{0}` is taken: choose another one")]
    SlugTaken(String),
    /// An organization of this id exists.
    #[error("the organization `{0}` exists already")]
    IdTaken(OrganizationId),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What became of a claim on a provider's location or company.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a location that is taken must not be connected"]
pub enum Claimed {
    /// It belongs to the organization now, or did before.
    Claimed,
    /// It belongs to another one. Nothing was written.
    TakenBySomeoneElse,
}

/// Where tenants are kept, and which of a provider's accounts are theirs. A location or company belongs to one
/// organization at most: that is how a webhook finds its tenant.
#[async_trait]
pub trait Organizations: Send + Sync + std::fmt::Debug {
    /// Creates one.
    ///
    /// # Errors
    /// [`OrganizationError::SlugTaken`] and [`OrganizationError::IdTaken`] when there is such a one.
    async fn create_organization(&self, organization: &Organization) -> Result<(), OrganizationError>;

    /// By its id.
    async fn organization(&self, id: &OrganizationId) -> Result<Option<Organization>, StoreError>;

    /// By its slug.
    async fn organization_by_slug(&self, slug: &str) -> Result<Option<Organization>, StoreError>;

    /// All of them, oldest first.
    async fn organizations(&self) -> Result<Vec<Organization>, StoreError>;

    /// Claims a provider's location (sub-account) for an existing organization.
    async fn claim_location(
        &self,
        provider: &str,
        location: &str,
        organization: &OrganizationId,
    ) -> Result<Claimed, StoreError>;

    /// Whose a location is.
    async fn organization_of_location(
        &self,
        provider: &str,
        location: &str,
    ) -> Result<Option<OrganizationId>, StoreError>;

    /// The locations of an organization, ordered by id.
    async fn locations_of(&self, organization: &OrganizationId, provider: &str) -> Result<Vec<String>, StoreError>;

    /// Gives a location back; `false` when the organization does not hold it.
    async fn release_location(
        &self,
        provider: &str,
        location: &str,
        organization: &OrganizationId,
    ) -> Result<bool, StoreError>;

    /// Claims a provider's company (agency) for an existing organization.
    async fn claim_company(
        &self,
        provider: &str,
        company: &str,
        organization: &OrganizationId,
    ) -> Result<Claimed, StoreError>;

    /// Whose a company is.
    async fn organization_of_company(
        &self,
        provider: &str,
        company: &str,
    ) -> Result<Option<OrganizationId>, StoreError>;

    /// The companies of an organization, ordered by id.
    async fn companies_of(&self, organization: &OrganizationId, provider: &str) -> Result<Vec<String>, StoreError>;

    /// Gives a company back; `false` when the organization does not hold it.
    async fn release_company(
        &self,
        provider: &str,
        company: &str,
        organization: &OrganizationId,
    ) -> Result<bool, StoreError>;
}

/// id, slug, name, `created_at`.
type Row = (String, String, String, i64);

const LOCATION: &str = "location";
const COMPANY: &str = "company";

impl SqlStore {
    async fn hold(&self, provider: &str, kind: &str, id: &str, organization: &OrganizationId) -> Result<Claimed> {
        let mut link = self.pool.write().await?;
        let written = exec!(link, sql::HOLD, provider, kind, id, organization.as_str())?;
        Ok(if written == 1 { Claimed::Claimed } else { Claimed::TakenBySomeoneElse })
    }

    async fn holder(&self, provider: &str, kind: &str, id: &str) -> Result<Option<OrganizationId>> {
        let mut link = self.pool.read().await?;
        let row: Option<(String,)> = fetch!(fetch_optional, link, sql::HOLDER, provider, kind, id)?;
        Ok(row.map(|(organization,)| organization.into()))
    }

    async fn held(&self, organization: &OrganizationId, provider: &str, kind: &str) -> Result<Vec<String>> {
        let mut link = self.pool.read().await?;
        let rows: Vec<(String,)> = fetch!(fetch_all, link, sql::HELD, organization.as_str(), provider, kind)?;
        Ok(rows.into_iter().map(|(id,)| id).collect())
    }

    async fn let_go(&self, provider: &str, kind: &str, id: &str, organization: &OrganizationId) -> Result<bool> {
        let mut link = self.pool.write().await?;
        Ok(exec!(link, sql::RELEASE, provider, kind, id, organization.as_str())? == 1)
    }
}

#[async_trait]
impl Organizations for SqlStore {
    async fn create_organization(&self, new: &Organization) -> Result<(), OrganizationError> {
        let mut link = self.pool.write().await?;
        let (id, created_at) = (new.id.as_str(), new.created_at.as_micros());
        let written = exec!(link, sql::CREATE, id, &new.slug, &new.name, created_at)?;
        drop(link);
        match written {
            1 => Ok(()),
            _ if self.organization(&new.id).await?.is_some() => Err(OrganizationError::IdTaken(new.id.clone())),
            _ => Err(OrganizationError::SlugTaken(new.slug.clone())),
        }
    }

    async fn organization(&self, id: &OrganizationId) -> Result<Option<Organization>, StoreError> {
        let mut link = self.pool.read().await?;
        let row: Option<Row> = fetch!(fetch_optional, link, sql::BY_ID, id.as_str())?;
        Ok(row.map(organization))
    }

    async fn organization_by_slug(&self, slug: &str) -> Result<Option<Organization>, StoreError> {
        let mut link = self.pool.read().await?;
        let row: Option<Row> = fetch!(fetch_optional, link, sql::BY_SLUG, slug)?;
        Ok(row.map(organization))
    }

    async fn organizations(&self) -> Result<Vec<Organization>, StoreError> {
        let mut link = self.pool.read().await?;
        let rows: Vec<Row> = fetch!(fetch_all, link, sql::ALL)?;
        Ok(rows.into_iter().map(organization).collect())
    }

    async fn claim_location(
        &self,
        provider: &str,
        location: &str,
        organization: &OrganizationId,
    ) -> Result<Claimed, StoreError> {
        self.hold(provider, LOCATION, location, organization).await
    }

    async fn organization_of_location(
        &self,
        provider: &str,
        location: &str,
    ) -> Result<Option<OrganizationId>, StoreError> {
        self.holder(provider, LOCATION, location).await
    }

    async fn locations_of(&self, organization: &OrganizationId, provider: &str) -> Result<Vec<String>, StoreError> {
        self.held(organization, provider, LOCATION).await
    }

    async fn release_location(
        &self,
        provider: &str,
        location: &str,
        organization: &OrganizationId,
    ) -> Result<bool, StoreError> {
        self.let_go(provider, LOCATION, location, organization).await
    }

    async fn claim_company(
        &self,
        provider: &str,
        company: &str,
        organization: &OrganizationId,
    ) -> Result<Claimed, StoreError> {
        self.hold(provider, COMPANY, company, organization).await
    }

    async fn organization_of_company(
        &self,
        provider: &str,
        company: &str,
    ) -> Result<Option<OrganizationId>, StoreError> {
        self.holder(provider, COMPANY, company).await
    }

    async fn companies_of(&self, organization: &OrganizationId, provider: &str) -> Result<Vec<String>, StoreError> {
        self.held(organization, provider, COMPANY).await
    }

    async fn release_company(
        &self,
        provider: &str,
        company: &str,
        organization: &OrganizationId,
    ) -> Result<bool, StoreError> {
        self.let_go(provider, COMPANY, company, organization).await
    }
}

fn organization((id, slug, name, created_at): Row) -> Organization {
    Organization { id: id.into(), slug, name, created_at: Timestamp::from_micros(created_at) }
}
