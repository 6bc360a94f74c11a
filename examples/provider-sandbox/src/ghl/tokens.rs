//! Authorization codes, token families and private integration tokens. Pure functions of the given times.
//! Invariant: a refresh token is accepted once; its reuse revokes the family, including the access tokens.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Serialize;

use crate::rng::SeededRng;

/// Lifetime of access tokens, in seconds (DOCS Authorization.md: about 24 h).
const ACCESS_LIFETIME_S: i64 = 86_399;
/// Lifetime of unused refresh tokens, in milliseconds.
const REFRESH_LIFETIME_MS: i64 = 365 * crate::clock::DAY_MS;
/// Lifetime of authorization codes, in milliseconds.
const CODE_LIFETIME_MS: i64 = 10 * 60 * 1000;

/// The resource that a token belongs to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(tag = "kind", content = "id", rename_all = "snake_case")]
pub enum Resource {
    /// The agency's company.
    Company(String),
    /// A location (sub-account).
    Location(String),
}

impl Resource {
    /// Returns the id of the company or location.
    #[must_use]
    pub fn id(&self) -> &str {
        match self {
            Self::Company(id) | Self::Location(id) => id,
        }
    }

    /// Returns the `userType`: `Company` or `Location`.
    #[must_use]
    pub fn user_type(&self) -> &'static str {
        match self {
            Self::Company(_) => "Company",
            Self::Location(_) => "Location",
        }
    }
}

/// An access token with its refresh token, if it has one.
#[derive(Debug, Clone)]
pub(crate) struct IssuedTokens {
    /// The access token.
    pub(crate) access: String,
    /// The single-use refresh token; `None` for location tokens minted with a company token.
    pub(crate) refresh: Option<String>,
    /// Lifetime of the access token in seconds.
    pub(crate) expires_in: i64,
    /// Space-separated scopes.
    pub(crate) scope: String,
    /// The resource that the token belongs to.
    pub(crate) resource: Resource,
}

/// The caller, according to its access token.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) resource: Resource,
    pub(crate) scopes: BTreeSet<String>,
    /// True for private integration tokens, false for OAuth tokens.
    pub(crate) private: bool,
}

/// Counts of one connection (the app's installation on a resource).
#[derive(Debug, Clone, Default, Serialize)]
pub struct ConnectionCounts {
    /// Authorization codes exchanged.
    pub exchanges: u64,
    /// Refresh tokens rotated.
    pub refreshes: u64,
    /// Requests with a used, revoked or expired refresh token.
    pub reuses: u64,
    /// Token families revoked because of a reuse.
    pub revoked_families: u64,
    /// Location tokens minted with a company token, counted for the location.
    pub minted: u64,
}

#[derive(Debug)]
struct AccessToken {
    family: u64,
    caller: Caller,
    expires_ms: i64,
}

#[derive(Debug)]
struct RefreshToken {
    family: u64,
    used: bool,
    expires_ms: i64,
}

#[derive(Debug)]
struct Family {
    resource: Resource,
    scope: String,
    revoked: bool,
}

#[derive(Debug)]
struct CodeGrant {
    resource: Resource,
    scope: String,
    redirect_uri: String,
    expires_ms: i64,
}

/// The reason for an `invalid_grant` error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GrantError {
    UnknownCode,
    RedirectMismatch,
    UnknownToken,
    Reused,
    Expired,
    Revoked,
}

/// All codes and tokens.
#[derive(Debug)]
pub(crate) struct Tokens {
    rng: SeededRng,
    /// Lifetime of new access tokens in seconds.
    pub(crate) lifetime_s: i64,
    next_family: u64,
    codes: HashMap<String, CodeGrant>,
    access: HashMap<String, AccessToken>,
    refresh: HashMap<String, RefreshToken>,
    families: HashMap<u64, Family>,
    counts: BTreeMap<String, ConnectionCounts>,
}

impl Tokens {
    pub(crate) fn new(rng: SeededRng) -> Self {
        Self {
            rng,
            lifetime_s: ACCESS_LIFETIME_S,
            next_family: 1,
            codes: HashMap::new(),
            access: HashMap::new(),
            refresh: HashMap::new(),
            families: HashMap::new(),
            counts: BTreeMap::new(),
        }
    }

    /// Returns a code for [`Tokens::exchange`].
    pub(crate) fn grant_code(&mut self, resource: Resource, scope: &str, redirect_uri: &str, now_ms: i64) -> String {
        let code = self.new_token("code_");
        let grant = CodeGrant {
            resource,
            scope: scope.into(),
            redirect_uri: redirect_uri.into(),
            expires_ms: now_ms + CODE_LIFETIME_MS,
        };
        self.codes.insert(code.clone(), grant);
        code
    }

    /// Exchanges a code for the first tokens of a new family.
    pub(crate) fn exchange(
        &mut self,
        code: &str,
        redirect_uri: Option<&str>,
        now_ms: i64,
    ) -> Result<IssuedTokens, GrantError> {
        let grant = self.codes.remove(code).ok_or(GrantError::UnknownCode)?;
        if now_ms >= grant.expires_ms {
            return Err(GrantError::UnknownCode);
        }
        if redirect_uri.is_some_and(|uri| uri != grant.redirect_uri) {
            return Err(GrantError::RedirectMismatch);
        }
        self.count(grant.resource.id()).exchanges += 1;
        Ok(self.start_family(grant.resource, &grant.scope, now_ms))
    }

    /// Issues the first tokens of a new family.
    pub(crate) fn start_family(&mut self, resource: Resource, scope: &str, now_ms: i64) -> IssuedTokens {
        let family = self.next_family;
        self.next_family += 1;
        self.families.insert(family, Family { resource, scope: scope.to_owned(), revoked: false });
        self.issue(family, true, now_ms)
    }

    /// Exchanges a refresh token for new tokens; a reuse revokes the family.
    pub(crate) fn rotate(&mut self, token: &str, now_ms: i64) -> Result<IssuedTokens, GrantError> {
        let Some(refresh) = self.refresh.get_mut(token) else {
            return Err(GrantError::UnknownToken);
        };
        let family = refresh.family;
        let was_used = std::mem::replace(&mut refresh.used, true);
        let expired = now_ms >= refresh.expires_ms;
        let Some(state) = self.families.get(&family) else {
            return Err(GrantError::UnknownToken);
        };
        let (id, revoked) = (state.resource.id().to_owned(), state.revoked);
        let error = match (revoked, was_used, expired) {
            (true, ..) => GrantError::Revoked,
            (_, true, _) => GrantError::Reused,
            (.., true) => GrantError::Expired,
            _ => {
                self.count(&id).refreshes += 1;
                return Ok(self.issue(family, true, now_ms));
            }
        };
        self.count(&id).reuses += 1;
        if error == GrantError::Reused {
            self.revoke_family(family);
            self.count(&id).revoked_families += 1;
        }
        Err(error)
    }

    /// Mints a location token for a company: a new family without a refresh token.
    pub(crate) fn mint(&mut self, location_id: &str, scope: &str, now_ms: i64) -> IssuedTokens {
        let family = self.next_family;
        self.next_family += 1;
        let resource = Resource::Location(location_id.to_owned());
        self.families.insert(family, Family { resource, scope: scope.to_owned(), revoked: false });
        self.count(location_id).minted += 1;
        self.issue(family, false, now_ms)
    }

    /// Issues a private integration token (`pit-…`), which does not expire.
    pub(crate) fn issue_private(&mut self, resource: Resource, scope: &str) -> String {
        let token = self.new_token("pit-");
        let caller = Caller { resource, scopes: parse_scopes(scope), private: true };
        self.access.insert(token.clone(), AccessToken { family: 0, caller, expires_ms: i64::MAX });
        token
    }

    /// Returns the caller with this access token, or `None` if it is not valid at `now_ms`.
    pub(crate) fn caller(&self, token: &str, now_ms: i64) -> Option<&Caller> {
        self.access.get(token).filter(|access| now_ms < access.expires_ms).map(|access| &access.caller)
    }

    /// Expires the OAuth access tokens that match both filters, and returns how many.
    pub(crate) fn expire(&mut self, token: Option<&str>, resource: Option<&str>) -> usize {
        let is_match = |key: &str, access: &AccessToken| {
            token.is_none_or(|token| token == key) && resource.is_none_or(|id| id == access.caller.resource.id())
        };
        let mut expired = 0;
        for (key, access) in &mut self.access {
            if !access.caller.private && access.expires_ms > 0 && is_match(key, access) {
                access.expires_ms = 0;
                expired += 1;
            }
        }
        expired
    }

    /// Revokes the token families of `resource`, as an uninstall does. Private integration tokens stay valid.
    pub(crate) fn revoke_resource(&mut self, resource: &str) {
        let families: Vec<u64> =
            self.families.iter().filter(|(_, family)| family.resource.id() == resource).map(|(id, _)| *id).collect();
        families.into_iter().for_each(|family| self.revoke_family(family));
    }

    pub(crate) fn counts(&self) -> &BTreeMap<String, ConnectionCounts> {
        &self.counts
    }

    fn revoke_family(&mut self, family: u64) {
        if let Some(state) = self.families.get_mut(&family) {
            state.revoked = true;
        }
        self.access.retain(|_, access| access.family != family);
    }

    fn issue(&mut self, family: u64, with_refresh: bool, now_ms: i64) -> IssuedTokens {
        let (resource, scope) = match self.families.get(&family) {
            Some(state) => (state.resource.clone(), state.scope.clone()),
            None => (Resource::Company(String::new()), String::new()),
        };
        let access = self.new_token("eyJ");
        let caller = Caller { resource: resource.clone(), scopes: parse_scopes(&scope), private: false };
        let expires_ms = now_ms.saturating_add(self.lifetime_s.saturating_mul(1000));
        self.access.insert(access.clone(), AccessToken { family, caller, expires_ms });
        let refresh = with_refresh.then(|| self.new_token("rt_"));
        if let Some(token) = &refresh {
            let state = RefreshToken { family, used: false, expires_ms: now_ms.saturating_add(REFRESH_LIFETIME_MS) };
            self.refresh.insert(token.clone(), state);
        }
        IssuedTokens { access, refresh, expires_in: self.lifetime_s, scope, resource }
    }

    fn count(&mut self, resource: &str) -> &mut ConnectionCounts {
        self.counts.entry(resource.to_owned()).or_default()
    }

    fn new_token(&mut self, prefix: &str) -> String {
        format!("{prefix}{}{}", self.rng.id(), self.rng.id())
    }
}

fn parse_scopes(text: &str) -> BTreeSet<String> {
    text.split_whitespace().map(str::to_owned).collect()
}
