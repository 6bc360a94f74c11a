use std::fmt;

/// A set of kinds of token: those that an operation accepts, or that a client's token may have.
///
/// The published specification names a security scheme for each operation; [`LOCATION_ACCESS`](Self::LOCATION_ACCESS) and
/// its three siblings are those schemes (<https://marketplace.gohighlevel.com/docs/Authorization/PrivateIntegrationsToken>).
///
/// ```
/// use ghl_client::TokenKinds;
/// assert!(TokenKinds::AGENCY_ACCESS.intersects(TokenKinds::COMPANY));
/// assert!(!TokenKinds::AGENCY_ACCESS_ONLY.intersects(TokenKinds::COMPANY_INTEGRATION));
/// assert_eq!(TokenKinds::COMPANY.or(TokenKinds::COMPANY_INTEGRATION), TokenKinds::AGENCY_ACCESS);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenKinds(u8);

impl TokenKinds {
    /// A company's (agency's) OAuth token.
    pub const COMPANY: Self = Self(1);
    /// A location's (sub-account's) OAuth token, from its own connection or minted from its company's.
    pub const LOCATION: Self = Self(2);
    /// A private integration token of an agency, created in its settings.
    pub const COMPANY_INTEGRATION: Self = Self(4);
    /// A private integration token of a location, created in its settings.
    pub const LOCATION_INTEGRATION: Self = Self(8);

    /// The scheme `Agency-Access`.
    pub const AGENCY_ACCESS: Self = Self::COMPANY.or(Self::COMPANY_INTEGRATION);
    /// The scheme `Agency-Access-Only`: OAuth only.
    pub const AGENCY_ACCESS_ONLY: Self = Self::COMPANY;
    /// The schemes `Location-Access` and `bearer`.
    pub const LOCATION_ACCESS: Self = Self::LOCATION.or(Self::LOCATION_INTEGRATION);
    /// The scheme `Location-Access-Only`: OAuth only.
    pub const LOCATION_ACCESS_ONLY: Self = Self::LOCATION;
    /// A private integration token of an agency or a location.
    pub const INTEGRATION: Self = Self::COMPANY_INTEGRATION.or(Self::LOCATION_INTEGRATION);
    /// Every kind.
    pub const ANY: Self = Self::AGENCY_ACCESS.or(Self::LOCATION_ACCESS);

    const NAMES: [(Self, &str); 4] = [
        (Self::COMPANY, "a company's OAuth token"),
        (Self::LOCATION, "a location's OAuth token"),
        (Self::COMPANY_INTEGRATION, "an agency's private integration token"),
        (Self::LOCATION_INTEGRATION, "a location's private integration token"),
    ];

    /// Returns the union of both sets.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Returns whether the sets have a kind in common.
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Returns how to get the kind that is easiest to get.
    pub(crate) const fn how_to_get(self) -> &'static str {
        if self.intersects(Self::LOCATION_INTEGRATION) {
            "create one in the location's settings under Private Integrations, or give the client `tokens`, which mint the location's from its company's"
        } else if self.intersects(Self::LOCATION) {
            "give the client `tokens`, which mint the location's from its company's, or connect the location (`GhlOAuth::authorize`)"
        } else if self.intersects(Self::COMPANY_INTEGRATION) {
            "create one in the agency's settings under Private Integrations, or have an agency's administrator connect the company (`GhlOAuth::authorize`)"
        } else {
            "have an agency's administrator connect the company (`GhlOAuth::authorize`) and give the client its `tokens`"
        }
    }
}

/// For example `a company's OAuth token or an agency's private integration token`.
impl fmt::Display for TokenKinds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (_, name)) in Self::NAMES.iter().filter(|(kind, _)| self.intersects(*kind)).enumerate() {
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
