use sidecar_core::{OrganizationId, token::TokenKey};

use crate::model::{CompanyId, LocationId};

/// How the resources of token keys begin.
const COMPANY: &str = "ghl:company:";
const LOCATION: &str = "ghl:location:";

/// Where a company's tokens are kept.
pub(super) fn company_key(organization: &OrganizationId, company: &CompanyId) -> TokenKey {
    TokenKey::new(organization, format!("{COMPANY}{company}"))
}

/// Where a location's tokens are kept.
pub(super) fn location_key(organization: &OrganizationId, location: &LocationId) -> TokenKey {
    TokenKey::new(organization, format!("{LOCATION}{location}"))
}

/// The company whose tokens are kept there.
pub(super) fn company_of_key(key: &TokenKey) -> Option<CompanyId> {
    key.resource().strip_prefix(COMPANY).map(CompanyId::from)
}

/// The location whose tokens are kept there.
pub(super) fn location_of_key(key: &TokenKey) -> Option<LocationId> {
    key.resource().strip_prefix(LOCATION).map(LocationId::from)
}
