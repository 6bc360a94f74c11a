use std::fmt;

use sidecar_core::{Error, ErrorKind};

use crate::error::GhlErrorReason;

/// The kinds of token that an operation accepts, or that a client may hold: a set of four.
///
/// The published specification names a security scheme for each operation; [`LOCATION_ACCESS`](Self::LOCATION_ACCESS) and
/// its three siblings are those schemes (<https://marketplace.gohighlevel.com/docs/Authorization/PrivateIntegrationsToken>).
///
/// ```
/// use ghl_client::TokenKinds;
/// assert!(TokenKinds::AGENCY_ACCESS.meets(TokenKinds::COMPANY));
/// assert!(!TokenKinds::AGENCY_ACCESS_ONLY.meets(TokenKinds::COMPANY_INTEGRATION));
/// assert_eq!(TokenKinds::COMPANY.or(TokenKinds::COMPANY_INTEGRATION), TokenKinds::AGENCY_ACCESS);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenKinds(u8);

impl TokenKinds {
    /// A company's (agency's) OAuth token.
    pub const COMPANY: Self = Self(1);
    /// A location's (sub-account's) OAuth token, of its own connection or minted from its company's.
    pub const LOCATION: Self = Self(2);
    /// A private integration token that was made in an agency's settings.
    pub const COMPANY_INTEGRATION: Self = Self(4);
    /// A private integration token that was made in a location's settings.
    pub const LOCATION_INTEGRATION: Self = Self(8);

    /// The scheme `Agency-Access`.
    pub const AGENCY_ACCESS: Self = Self::COMPANY.or(Self::COMPANY_INTEGRATION);
    /// The scheme `Agency-Access-Only`: OAuth only.
    pub const AGENCY_ACCESS_ONLY: Self = Self::COMPANY;
    /// The schemes `Location-Access` and `bearer`.
    pub const LOCATION_ACCESS: Self = Self::LOCATION.or(Self::LOCATION_INTEGRATION);
    /// The scheme `Location-Access-Only`: OAuth only.
    pub const LOCATION_ACCESS_ONLY: Self = Self::LOCATION;
    /// A private integration token, wherever it was made.
    pub const INTEGRATION: Self = Self::COMPANY_INTEGRATION.or(Self::LOCATION_INTEGRATION);
    /// Every kind.
    pub const ANY: Self = Self::AGENCY_ACCESS.or(Self::LOCATION_ACCESS);

    const NAMES: [(Self, &str); 4] = [
        (Self::COMPANY, "a company's OAuth token"),
        (Self::LOCATION, "a location's OAuth token"),
        (Self::COMPANY_INTEGRATION, "an agency's private integration token"),
        (Self::LOCATION_INTEGRATION, "a location's private integration token"),
    ];

    /// Those of both sets.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether the two have a kind in common.
    pub const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Why a token that may be any of `held` cannot be sent to an operation that accepts these.
    pub(crate) fn refuse(self, held: Self) -> Error {
        let why = format!("this operation needs {self}, and the client has {held}: {}", self.how_to_get());
        Error::new(ErrorKind::InvalidInput, why).with_detail(GhlErrorReason::TokenKind { needs: self, has: held })
    }

    /// The way to the kind that is easiest to get.
    const fn how_to_get(self) -> &'static str {
        if self.meets(Self::LOCATION_INTEGRATION) {
            "make one in the location's settings under Private Integrations, or give the client `tokens`, which mint the location's from its company's"
        } else if self.meets(Self::LOCATION) {
            "give the client `tokens`, which mint the location's from its company's, or let somebody of the location connect (`GhlOAuth::authorize`)"
        } else if self.meets(Self::COMPANY_INTEGRATION) {
            "make one in the agency's settings under Private Integrations, or let an agency's administrator connect the company (`GhlOAuth::authorize`)"
        } else {
            "let an agency's administrator connect the company (`GhlOAuth::authorize`) and give the client its `tokens`"
        }
    }
}

/// The kinds in words: `a company's OAuth token or an agency's private integration token`.
impl fmt::Display for TokenKinds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (_, name)) in Self::NAMES.iter().filter(|(kind, _)| self.meets(*kind)).enumerate() {
            write!(f, "{}{name}", if i == 0 { "" } else { " or " })?;
        }
        Ok(())
    }
}

impl fmt::Debug for TokenKinds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenKinds({self})")
    }
}
