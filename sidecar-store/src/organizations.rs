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
    /// The id, which every other row of the tenant refers to.
    pub id: OrganizationId,
    /// The name in URLs; unique.
    pub slug: String,
    /// The display name.
    pub name: String,
    /// The time of creation.
    pub created_at: Timestamp,
}

/// Why an organization cannot be created.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum OrganizationError {
    /// Another organization has the slug.
    #[error("the slug `{0}` is taken: choose another one")]
    SlugTaken(String),
    /// An organization with this id exists.
    #[error("the organization `{0}` already exists")]
    IdTaken(OrganizationId),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The result of a claim on a location or company of a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "do not connect a location that another organization owns"]
pub enum Claimed {
    /// The organization owns the resource now, or owned it before.
    Claimed,
    /// Another organization owns the resource. Nothing was written.
    OwnedByAnother,
}

/// Tenants, and the locations and companies of each provider that they own. A resource has at most one owner, which is the
/// tenant of its webhooks.
#[async_trait]
pub trait Organizations: Send + Sync + std::fmt::Debug {
    /// Creates an organization.
    ///
    /// # Errors
    /// [`OrganizationError::SlugTaken`] or [`OrganizationError::IdTaken`] if the slug or the id exists.
    async fn create_organization(&self, organization: &Organization) -> Result<(), OrganizationError>;

    /// Returns the organization with this id.
    async fn organization(&self, id: &OrganizationId) -> Result<Option<Organization>, StoreError>;

    /// Returns the organization with this slug.
    async fn organization_by_slug(&self, slug: &str) -> Result<Option<Organization>, StoreError>;

    /// Returns all organizations, oldest first.
    async fn organizations(&self) -> Result<Vec<Organization>, StoreError>;

    /// Claims a provider's location (sub-account) for an existing organization.
    async fn claim_location(
        &self,
        provider: &str,
        location: &str,
        organization: &OrganizationId,
    ) -> Result<Claimed, StoreError>;

    /// Returns the owner of a location.
    async fn organization_of_location(
        &self,
        provider: &str,
        location: &str,
    ) -> Result<Option<OrganizationId>, StoreError>;

    /// Returns the locations that an organization owns, ordered by id.
    async fn locations_of(&self, organization: &OrganizationId, provider: &str) -> Result<Vec<String>, StoreError>;

    /// Releases a location. Returns `false` if the organization does not own it.
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

    /// Returns the owner of a company.
    async fn organization_of_company(
        &self,
        provider: &str,
        company: &str,
    ) -> Result<Option<OrganizationId>, StoreError>;

    /// Returns the companies that an organization owns, ordered by id.
    async fn companies_of(&self, organization: &OrganizationId, provider: &str) -> Result<Vec<String>, StoreError>;

    /// Releases a company. Returns `false` if the organization does not own it.
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
    async fn claim_resource(
        &self,
        provider: &str,
        kind: &str,
        id: &str,
        organization: &OrganizationId,
    ) -> Result<Claimed> {
        let mut conn = self.pool.write().await?;
        let written = exec!(conn, sql::CLAIM_RESOURCE, provider, kind, id, organization.as_str())?;
        Ok(if written == 1 { Claimed::Claimed } else { Claimed::OwnedByAnother })
    }

    async fn resource_owner(&self, provider: &str, kind: &str, id: &str) -> Result<Option<OrganizationId>> {
        let mut conn = self.pool.read().await?;
        let row: Option<(String,)> = fetch!(fetch_optional, conn, sql::RESOURCE_OWNER, provider, kind, id)?;
        Ok(row.map(|(organization,)| organization.into()))
    }

    async fn owned_resources(&self, organization: &OrganizationId, provider: &str, kind: &str) -> Result<Vec<String>> {
        let mut conn = self.pool.read().await?;
        let rows: Vec<(String,)> =
            fetch!(fetch_all, conn, sql::OWNED_RESOURCES, organization.as_str(), provider, kind)?;
        Ok(rows.into_iter().map(|(id,)| id).collect())
    }

    async fn release_resource(
        &self,
        provider: &str,
        kind: &str,
        id: &str,
        organization: &OrganizationId,
    ) -> Result<bool> {
        let mut conn = self.pool.write().await?;
        Ok(exec!(conn, sql::RELEASE_RESOURCE, provider, kind, id, organization.as_str())? == 1)
    }
}

#[async_trait]
impl Organizations for SqlStore {
    async fn create_organization(&self, new: &Organization) -> Result<(), OrganizationError> {
        let mut conn = self.pool.write().await?;
        let (id, created_at) = (new.id.as_str(), new.created_at.as_micros());
        let written = exec!(conn, sql::CREATE, id, &new.slug, &new.name, created_at)?;
        drop(conn);
        match written {
            1 => Ok(()),
            _ if self.organization(&new.id).await?.is_some() => Err(OrganizationError::IdTaken(new.id.clone())),
            _ => Err(OrganizationError::SlugTaken(new.slug.clone())),
        }
    }

    async fn organization(&self, id: &OrganizationId) -> Result<Option<Organization>, StoreError> {
        let mut conn = self.pool.read().await?;
        let row: Option<Row> = fetch!(fetch_optional, conn, sql::BY_ID, id.as_str())?;
        Ok(row.map(organization_from_row))
    }

    async fn organization_by_slug(&self, slug: &str) -> Result<Option<Organization>, StoreError> {
        let mut conn = self.pool.read().await?;
        let row: Option<Row> = fetch!(fetch_optional, conn, sql::BY_SLUG, slug)?;
        Ok(row.map(organization_from_row))
    }

    async fn organizations(&self) -> Result<Vec<Organization>, StoreError> {
        let mut conn = self.pool.read().await?;
        let rows: Vec<Row> = fetch!(fetch_all, conn, sql::LIST)?;
        Ok(rows.into_iter().map(organization_from_row).collect())
    }

    async fn claim_location(
        &self,
        provider: &str,
        location: &str,
        organization: &OrganizationId,
    ) -> Result<Claimed, StoreError> {
        self.claim_resource(provider, LOCATION, location, organization).await
    }

    async fn organization_of_location(
        &self,
        provider: &str,
        location: &str,
    ) -> Result<Option<OrganizationId>, StoreError> {
        self.resource_owner(provider, LOCATION, location).await
    }

    async fn locations_of(&self, organization: &OrganizationId, provider: &str) -> Result<Vec<String>, StoreError> {
        self.owned_resources(organization, provider, LOCATION).await
    }

    async fn release_location(
        &self,
        provider: &str,
        location: &str,
        organization: &OrganizationId,
    ) -> Result<bool, StoreError> {
        self.release_resource(provider, LOCATION, location, organization).await
    }

    async fn claim_company(
        &self,
        provider: &str,
        company: &str,
        organization: &OrganizationId,
    ) -> Result<Claimed, StoreError> {
        self.claim_resource(provider, COMPANY, company, organization).await
    }

    async fn organization_of_company(
        &self,
        provider: &str,
        company: &str,
    ) -> Result<Option<OrganizationId>, StoreError> {
        self.resource_owner(provider, COMPANY, company).await
    }

    async fn companies_of(&self, organization: &OrganizationId, provider: &str) -> Result<Vec<String>, StoreError> {
        self.owned_resources(organization, provider, COMPANY).await
    }

    async fn release_company(
        &self,
        provider: &str,
        company: &str,
        organization: &OrganizationId,
    ) -> Result<bool, StoreError> {
        self.release_resource(provider, COMPANY, company, organization).await
    }
}

fn organization_from_row((id, slug, name, created_at): Row) -> Organization {
    Organization { id: id.into(), slug, name, created_at: Timestamp::from_micros(created_at) }
}
