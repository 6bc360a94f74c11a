//! The keys under which tokens are stored: `ghl:company:{id}` and `ghl:location:{id}`.

use sidecar_core::{OrganizationId, token::TokenKey};

use crate::model::{CompanyId, LocationId};

const COMPANY_PREFIX: &str = "ghl:company:";
const LOCATION_PREFIX: &str = "ghl:location:";

/// Returns the resource of a company's connection.
pub(super) fn company_resource(company: &CompanyId) -> String {
    format!("{COMPANY_PREFIX}{company}")
}

/// Returns the company that a resource names.
pub(super) fn company_of_resource(resource: &str) -> Option<CompanyId> {
    resource.strip_prefix(COMPANY_PREFIX).map(CompanyId::from)
}

/// Returns the key of a company's tokens.
pub(super) fn company_key(organization: &OrganizationId, company: &CompanyId) -> TokenKey {
    TokenKey::new(organization, company_resource(company))
}

/// Returns the key of a location's tokens.
pub(super) fn location_key(organization: &OrganizationId, location: &LocationId) -> TokenKey {
    TokenKey::new(organization, format!("{LOCATION_PREFIX}{location}"))
}

/// Returns the company whose tokens are stored under the key.
pub(super) fn company_of_key(key: &TokenKey) -> Option<CompanyId> {
    company_of_resource(key.resource())
}

/// Returns the location whose tokens are stored under the key.
pub(super) fn location_of_key(key: &TokenKey) -> Option<LocationId> {
    key.resource().strip_prefix(LOCATION_PREFIX).map(LocationId::from)
}
