//! Authorization codes and OAuth tokens with their scopes and lifetimes. Pure functions of the given times.
//! Invariant: an authorization code and a refresh token are accepted once.

use std::collections::{BTreeSet, HashMap};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::rng::SeededRng;

/// Lifetime of access tokens, in seconds.
const ACCESS_LIFETIME_S: i64 = 1_800;
/// Lifetime of authorization codes, in milliseconds.
const CODE_LIFETIME_MS: i64 = 10 * 60 * 1_000;

/// An access token with its refresh token.
#[derive(Debug, Clone)]
pub(crate) struct IssuedTokens {
    pub(crate) access: String,
    pub(crate) refresh: String,
    pub(crate) expires_in: i64,
    pub(crate) scope: String,
}

/// The authorization request behind a code.
#[derive(Debug)]
pub(crate) struct CodeGrant {
    pub(crate) scope: String,
    pub(crate) redirect_uri: String,
    /// PKCE's S256 challenge.
    pub(crate) challenge: Option<String>,
}

#[derive(Debug)]
struct AccessToken {
    scopes: BTreeSet<String>,
    expires_ms: i64,
}

/// The reason for an `invalid_grant` error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GrantError {
    UnknownCode,
    RedirectMismatch,
    WrongVerifier,
    UnknownToken,
}

/// All codes and tokens.
#[derive(Debug)]
pub(crate) struct Tokens {
    rng: SeededRng,
    /// Lifetime of new access tokens in seconds.
    pub(crate) lifetime_s: i64,
    codes: HashMap<String, (CodeGrant, i64)>,
    access: HashMap<String, AccessToken>,
    /// Refresh token → scope.
    refresh: HashMap<String, String>,
    /// Number of codes exchanged.
    pub(crate) exchanges: u64,
    /// Number of refresh tokens rotated.
    pub(crate) refreshes: u64,
}

impl Tokens {
    pub(crate) fn new(rng: SeededRng) -> Self {
        Self {
            rng,
            lifetime_s: ACCESS_LIFETIME_S,
            codes: HashMap::new(),
            access: HashMap::new(),
            refresh: HashMap::new(),
            exchanges: 0,
            refreshes: 0,
        }
    }

    /// Returns a code for [`Tokens::exchange`].
    pub(crate) fn grant_code(&mut self, grant: CodeGrant, now_ms: i64) -> String {
        let code = format!("{}{}", self.rng.id(), self.rng.id());
        self.codes.insert(code.clone(), (grant, now_ms + CODE_LIFETIME_MS));
        code
    }

    /// Exchanges a code for tokens.
    pub(crate) fn exchange(
        &mut self,
        code: &str,
        redirect_uri: Option<&str>,
        verifier: Option<&str>,
        now_ms: i64,
    ) -> Result<IssuedTokens, GrantError> {
        let (grant, expires_ms) = self.codes.remove(code).ok_or(GrantError::UnknownCode)?;
        if now_ms >= expires_ms {
            return Err(GrantError::UnknownCode);
        }
        if redirect_uri != Some(grant.redirect_uri.as_str()) {
            return Err(GrantError::RedirectMismatch);
        }
        let is_verified = |challenge: &String| verifier.is_some_and(|verifier| s256_challenge(verifier) == *challenge);
        if !grant.challenge.as_ref().is_none_or(is_verified) {
            return Err(GrantError::WrongVerifier);
        }
        self.exchanges += 1;
        Ok(self.issue(&grant.scope, now_ms))
    }

    /// Exchanges a refresh token for new tokens.
    pub(crate) fn rotate(&mut self, token: &str, now_ms: i64) -> Result<IssuedTokens, GrantError> {
        let scope = self.refresh.remove(token).ok_or(GrantError::UnknownToken)?;
        self.refreshes += 1;
        Ok(self.issue(&scope, now_ms))
    }

    /// Issues tokens for these scopes, separated by spaces or commas.
    pub(crate) fn issue(&mut self, scope: &str, now_ms: i64) -> IssuedTokens {
        let access = format!("eyJ{}{}", self.rng.id(), self.rng.id());
        let refresh = format!("rt_{}{}", self.rng.id(), self.rng.id());
        let scopes = scope.split([' ', ',']).filter(|scope| !scope.is_empty()).map(str::to_owned).collect();
        let expires_ms = now_ms.saturating_add(self.lifetime_s.saturating_mul(1_000));
        self.access.insert(access.clone(), AccessToken { scopes, expires_ms });
        self.refresh.insert(refresh.clone(), scope.to_owned());
        IssuedTokens { access, refresh, expires_in: self.lifetime_s, scope: scope.to_owned() }
    }

    /// Returns the scopes of an access token, or `None` if it is not valid at `now_ms`.
    pub(crate) fn scopes(&self, token: &str, now_ms: i64) -> Option<&BTreeSet<String>> {
        self.access.get(token).filter(|access| now_ms < access.expires_ms).map(|access| &access.scopes)
    }

    /// Expires one access token, or all of them, and returns how many. Refresh tokens stay valid.
    pub(crate) fn expire(&mut self, token: Option<&str>) -> usize {
        let before = self.access.len();
        self.access.retain(|known, _| token.is_some_and(|token| token != known));
        before - self.access.len()
    }

    /// Revokes all codes and tokens, as if the user had removed the app, and returns the number of access tokens.
    pub(crate) fn revoke(&mut self) -> usize {
        self.codes.clear();
        self.refresh.clear();
        self.expire(None)
    }
}

fn s256_challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()))
}
