use sidecar_core::{Error, ErrorKind, Result};

use super::{CompanyId, LocationId};

/// The owner of the credentials and the quota that a call uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Resource {
    /// A location (sub-account).
    Location(LocationId),
    /// A company (agency).
    Company(CompanyId),
    /// The owner of the client's only token.
    Token,
}

impl From<LocationId> for Resource {
    fn from(location: LocationId) -> Self {
        Self::Location(location)
    }
}

impl From<CompanyId> for Resource {
    fn from(company: CompanyId) -> Self {
        Self::Company(company)
    }
}

impl Resource {
    /// Returns the name in rate limit scopes.
    pub(crate) fn key(&self) -> String {
        match self {
            Self::Location(id) => format!("location:{id}"),
            Self::Company(id) => format!("company:{id}"),
            Self::Token => "token".to_owned(),
        }
    }

    pub(crate) fn check(&self) -> Result<()> {
        let (what, id) = match self {
            Self::Location(id) => ("location", id.as_str()),
            Self::Company(id) => ("company", id.as_str()),
            Self::Token => return Ok(()),
        };
        if !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')) {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::InvalidInput,
            format!("`{}` is not a valid {what} id: give letters and digits as GHL shows them", id.escape_debug()),
        ))
    }
}
