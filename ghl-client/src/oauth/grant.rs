//! The owner of a token set: the company or location that a response of the token endpoint names.

use std::time::Duration;

use serde_json::json;
use sidecar_core::{Timestamp, token::TokenSet};

use super::keys::{company_of_resource, company_resource};
use crate::model::{CompanyId, LocationId};

/// The lifetime of an access token whose response has none
/// (<https://marketplace.gohighlevel.com/docs/Authorization/OAuth2.0>).
pub(super) const ACCESS_TOKEN_LIFETIME: Duration = Duration::from_secs(86_399);

sidecar_core::open_enum! {
    /// The owner of a token.
    pub enum UserType {
        /// A company (agency).
        Company = "Company",
        /// A location (sub-account).
        Location = "Location",
    }
}

/// Records in a location's set that its company's token issued it.
pub(super) fn set_issued_from(tokens: &mut TokenSet, company: &CompanyId, location: &LocationId) {
    tokens.issued_from = Some(company_resource(company));
    for (name, value) in [("companyId", company.as_str()), ("locationId", location.as_str())] {
        tokens.extra.insert(name.to_owned(), json!(value));
    }
    tokens.extra.insert("userType".to_owned(), json!(UserType::Location));
}

/// Returns what is stored in place of a location's tokens after a disconnect, so that the next call issues none for it.
pub(super) fn disconnected(location: &LocationId, company: &CompanyId, at: Timestamp) -> TokenSet {
    let mut set = TokenSet { issued_at: Some(at), ..TokenSet::empty() };
    set_issued_from(&mut set, company, location);
    set
}

/// Returns the company whose token issued the location's set; `None` for a direct connection.
pub fn minted_from(tokens: &TokenSet) -> Option<CompanyId> {
    tokens.issued_from.as_deref().and_then(company_of_resource)
}

/// Returns the company of a set.
pub fn company_of(tokens: &TokenSet) -> Option<CompanyId> {
    text(tokens, "companyId").map(CompanyId::from)
}

/// Returns the location of a set; `None` for a company's set.
pub fn location_of(tokens: &TokenSet) -> Option<LocationId> {
    text(tokens, "locationId").map(LocationId::from)
}

/// Returns the owner of a token set. A set without one is a location's if it names a location.
pub fn user_type_of(tokens: &TokenSet) -> UserType {
    match (text(tokens, "userType"), text(tokens, "locationId")) {
        (Some(user_type), _) => UserType::from(user_type),
        (None, Some(_)) => UserType::Location,
        (None, None) => UserType::Company,
    }
}

fn text<'a>(tokens: &'a TokenSet, name: &str) -> Option<&'a str> {
    tokens.extra.get(name)?.as_str().filter(|text| !text.is_empty())
}
