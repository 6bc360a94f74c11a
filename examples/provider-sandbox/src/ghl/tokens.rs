//! Codes, token families and private tokens: who may do what until when. Pure bookkeeping over given times.
//! Invariant: a refresh token works once; presenting it again ends its family, access tokens included.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Serialize;

use crate::dice::Dice;

/// What GHL's access tokens live, in seconds (DOCS Authorization.md: about 24 h).
const ACCESS_LIFETIME_S: i64 = 86_399;
/// A refresh token lives a year or until it is used.
const REFRESH_LIFETIME_MS: i64 = 365 * crate::clock::DAY_MS;
/// An authorization code waits this long for its exchange.
const CODE_LIFETIME_MS: i64 = 10 * 60 * 1000;

/// What a token speaks for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(tag = "kind", content = "id", rename_all = "snake_case")]
pub enum Resource {
    /// The agency.
    Company(String),
    /// One sub-account.
    Location(String),
}

impl Resource {
    /// The company's or location's id.
    #[must_use]
    pub fn id(&self) -> &str {
        match self {
            Self::Company(id) | Self::Location(id) => id,
        }
    }

    /// `Company` or `Location`, as `userType` says it.
    #[must_use]
    pub fn user_type(&self) -> &'static str {
        match self {
            Self::Company(_) => "Company",
            Self::Location(_) => "Location",
        }
    }
}

/// A freshly issued pair (or a lone access token).
#[derive(Debug, Clone)]
pub(crate) struct Issued {
    /// The bearer token.
    pub(crate) access: String,
    /// The single-use refresh token; none for location tokens minted from a company's.
    pub(crate) refresh: Option<String>,
    /// Lifetime of the access token in seconds.
    pub(crate) expires_in: i64,
    /// Space-separated scopes.
    pub(crate) scope: String,
    /// What it speaks for.
    pub(crate) resource: Resource,
}

/// Who calls, as the bearer token says.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) resource: Resource,
    pub(crate) scopes: BTreeSet<String>,
    /// A private integration token rather than OAuth.
    pub(crate) private: bool,
}

/// What happened on one connection (installation of the app on a resource).
#[derive(Debug, Clone, Default, Serialize)]
pub struct ConnectionCounts {
    /// Authorization codes exchanged.
    pub exchanges: u64,
    /// Refresh tokens rotated.
    pub refreshes: u64,
    /// Used, revoked or expired refresh tokens presented again.
    pub reuses: u64,
    /// Families ended by a reuse.
    pub revoked_families: u64,
    /// Location tokens minted with a company's token (counted on the location).
    pub minted: u64,
}

#[derive(Debug)]
struct Access {
    family: u64,
    caller: Caller,
    expires_ms: i64,
}

#[derive(Debug)]
struct Refresh {
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
struct Code {
    resource: Resource,
    scope: String,
    redirect_uri: String,
    expires_ms: i64,
}

/// Why the token endpoint refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    UnknownCode,
    RedirectMismatch,
    UnknownToken,
    Reused,
    Expired,
    Revoked,
}

/// Every token the sandbox knows.
#[derive(Debug)]
pub(crate) struct Tokens {
    dice: Dice,
    /// Lifetime of new access tokens in seconds.
    pub(crate) lifetime_s: i64,
    next_family: u64,
    codes: HashMap<String, Code>,
    access: HashMap<String, Access>,
    refresh: HashMap<String, Refresh>,
    families: HashMap<u64, Family>,
    counts: BTreeMap<String, ConnectionCounts>,
}

impl Tokens {
    pub(crate) fn new(dice: Dice) -> Self {
        Self {
            dice,
            lifetime_s: ACCESS_LIFETIME_S,
            next_family: 1,
            codes: HashMap::new(),
            access: HashMap::new(),
            refresh: HashMap::new(),
            families: HashMap::new(),
            counts: BTreeMap::new(),
        }
    }

    /// A code that can be exchanged once.
    pub(crate) fn grant_code(&mut self, resource: Resource, scope: &str, redirect_uri: &str, now_ms: i64) -> String {
        let code = self.secret("code_");
        let grant = Code {
            resource,
            scope: scope.into(),
            redirect_uri: redirect_uri.into(),
            expires_ms: now_ms + CODE_LIFETIME_MS,
        };
        self.codes.insert(code.clone(), grant);
        code
    }

    /// Spends a code for the first pair of a new family.
    pub(crate) fn exchange(&mut self, code: &str, redirect_uri: Option<&str>, now_ms: i64) -> Result<Issued, Refused> {
        let grant = self.codes.remove(code).ok_or(Refused::UnknownCode)?;
        if now_ms >= grant.expires_ms {
            return Err(Refused::UnknownCode);
        }
        if redirect_uri.is_some_and(|uri| uri != grant.redirect_uri) {
            return Err(Refused::RedirectMismatch);
        }
        self.count(grant.resource.id()).exchanges += 1;
        Ok(self.start_family(grant.resource, &grant.scope, now_ms))
    }

    /// The first pair of a new family, as an installation leaves it.
    pub(crate) fn start_family(&mut self, resource: Resource, scope: &str, now_ms: i64) -> Issued {
        let family = self.next_family;
        self.next_family += 1;
        self.families.insert(family, Family { resource, scope: scope.to_owned(), revoked: false });
        self.issue(family, true, now_ms)
    }

    /// Spends a refresh token for the next pair; a second use ends the family.
    pub(crate) fn rotate(&mut self, token: &str, now_ms: i64) -> Result<Issued, Refused> {
        let Some(refresh) = self.refresh.get_mut(token) else {
            return Err(Refused::UnknownToken);
        };
        let family = refresh.family;
        let was_used = std::mem::replace(&mut refresh.used, true);
        let expired = now_ms >= refresh.expires_ms;
        let Some(state) = self.families.get(&family) else {
            return Err(Refused::UnknownToken);
        };
        let (id, revoked) = (state.resource.id().to_owned(), state.revoked);
        let refused = match (revoked, was_used, expired) {
            (true, ..) => Refused::Revoked,
            (_, true, _) => Refused::Reused,
            (.., true) => Refused::Expired,
            _ => {
                self.count(&id).refreshes += 1;
                return Ok(self.issue(family, true, now_ms));
            }
        };
        self.count(&id).reuses += 1;
        if refused == Refused::Reused {
            self.revoke(family);
            self.count(&id).revoked_families += 1;
        }
        Err(refused)
    }

    /// A location token made with a company's: a family of its own without a refresh token.
    pub(crate) fn mint(&mut self, location: &str, scope: &str, now_ms: i64) -> Issued {
        let family = self.next_family;
        self.next_family += 1;
        let resource = Resource::Location(location.to_owned());
        self.families.insert(family, Family { resource, scope: scope.to_owned(), revoked: false });
        self.count(location).minted += 1;
        self.issue(family, false, now_ms)
    }

    /// A static private integration token (`pit-…`), which never expires.
    pub(crate) fn private(&mut self, resource: Resource, scope: &str) -> String {
        let token = self.secret("pit-");
        let caller = Caller { resource, scopes: scopes(scope), private: true };
        self.access.insert(token.clone(), Access { family: 0, caller, expires_ms: i64::MAX });
        token
    }

    /// Whom `token` speaks for, when it is good now.
    pub(crate) fn caller(&self, token: &str, now_ms: i64) -> Option<&Caller> {
        self.access.get(token).filter(|access| now_ms < access.expires_ms).map(|access| &access.caller)
    }

    /// Ends access tokens now: one, or all OAuth ones. Says how many.
    pub(crate) fn expire(&mut self, token: Option<&str>, resource: Option<&str>) -> usize {
        let hit = |key: &str, access: &Access| {
            token.is_none_or(|token| token == key) && resource.is_none_or(|id| id == access.caller.resource.id())
        };
        let mut ended = 0;
        for (key, access) in &mut self.access {
            if !access.caller.private && access.expires_ms > 0 && hit(key, access) {
                access.expires_ms = 0;
                ended += 1;
            }
        }
        ended
    }

    /// Ends everything `resource` holds, private tokens excepted: what an uninstall does.
    pub(crate) fn forget(&mut self, resource: &str) {
        let families: Vec<u64> =
            self.families.iter().filter(|(_, family)| family.resource.id() == resource).map(|(id, _)| *id).collect();
        families.into_iter().for_each(|family| self.revoke(family));
    }

    pub(crate) fn counts(&self) -> &BTreeMap<String, ConnectionCounts> {
        &self.counts
    }

    fn revoke(&mut self, family: u64) {
        if let Some(state) = self.families.get_mut(&family) {
            state.revoked = true;
        }
        self.access.retain(|_, access| access.family != family);
    }

    fn issue(&mut self, family: u64, with_refresh: bool, now_ms: i64) -> Issued {
        let (resource, scope) = match self.families.get(&family) {
            Some(state) => (state.resource.clone(), state.scope.clone()),
            None => (Resource::Company(String::new()), String::new()),
        };
        let access = self.secret("eyJ");
        let caller = Caller { resource: resource.clone(), scopes: scopes(&scope), private: false };
        let expires_ms = now_ms.saturating_add(self.lifetime_s.saturating_mul(1000));
        self.access.insert(access.clone(), Access { family, caller, expires_ms });
        let refresh = with_refresh.then(|| self.secret("rt_"));
        if let Some(token) = &refresh {
            let state = Refresh { family, used: false, expires_ms: now_ms.saturating_add(REFRESH_LIFETIME_MS) };
            self.refresh.insert(token.clone(), state);
        }
        Issued { access, refresh, expires_in: self.lifetime_s, scope, resource }
    }

    fn count(&mut self, resource: &str) -> &mut ConnectionCounts {
        self.counts.entry(resource.to_owned()).or_default()
    }

    fn secret(&mut self, prefix: &str) -> String {
        format!("{prefix}{}{}", self.dice.id(), self.dice.id())
    }
}

fn scopes(text: &str) -> BTreeSet<String> {
    text.split_whitespace().map(str::to_owned).collect()
}
