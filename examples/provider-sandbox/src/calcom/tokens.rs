//! Codes and OAuth tokens: who may do what until when. Pure bookkeeping over given times.
//! Invariant: a code and a refresh token work once.

use std::collections::{BTreeSet, HashMap};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::dice::Dice;

/// What access tokens live, in seconds.
const ACCESS_LIFETIME_S: i64 = 1_800;
/// An authorization code waits this long for its exchange.
const CODE_LIFETIME_MS: i64 = 10 * 60 * 1_000;

/// A freshly issued pair.
#[derive(Debug, Clone)]
pub(crate) struct Issued {
    pub(crate) access: String,
    pub(crate) refresh: String,
    pub(crate) expires_in: i64,
    pub(crate) scope: String,
}

/// What an authorization request asked for.
#[derive(Debug)]
pub(crate) struct Grant {
    pub(crate) scope: String,
    pub(crate) redirect_uri: String,
    /// The S256 challenge of PKCE.
    pub(crate) challenge: Option<String>,
}

#[derive(Debug)]
struct Access {
    scopes: BTreeSet<String>,
    expires_ms: i64,
}

/// Why the token endpoint refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    UnknownCode,
    RedirectMismatch,
    WrongVerifier,
    UnknownToken,
}

/// Every token the stand-in knows.
#[derive(Debug)]
pub(crate) struct Tokens {
    dice: Dice,
    /// Lifetime of new access tokens in seconds.
    pub(crate) lifetime_s: i64,
    codes: HashMap<String, (Grant, i64)>,
    access: HashMap<String, Access>,
    /// Refresh token → scope.
    refresh: HashMap<String, String>,
    /// Pairs given for codes and for refresh tokens.
    pub(crate) exchanges: u64,
    pub(crate) refreshes: u64,
}

impl Tokens {
    pub(crate) fn new(dice: Dice) -> Self {
        Self {
            dice,
            lifetime_s: ACCESS_LIFETIME_S,
            codes: HashMap::new(),
            access: HashMap::new(),
            refresh: HashMap::new(),
            exchanges: 0,
            refreshes: 0,
        }
    }

    /// A code that can be exchanged once.
    pub(crate) fn grant_code(&mut self, grant: Grant, now_ms: i64) -> String {
        let code = format!("{}{}", self.dice.id(), self.dice.id());
        self.codes.insert(code.clone(), (grant, now_ms + CODE_LIFETIME_MS));
        code
    }

    /// Spends a code for a pair.
    pub(crate) fn exchange(
        &mut self,
        code: &str,
        redirect_uri: Option<&str>,
        verifier: Option<&str>,
        now_ms: i64,
    ) -> Result<Issued, Refused> {
        let (grant, expires_ms) = self.codes.remove(code).ok_or(Refused::UnknownCode)?;
        if now_ms >= expires_ms {
            return Err(Refused::UnknownCode);
        }
        if redirect_uri != Some(grant.redirect_uri.as_str()) {
            return Err(Refused::RedirectMismatch);
        }
        let answers = |challenge: &String| verifier.is_some_and(|verifier| challenge_of(verifier) == *challenge);
        if !grant.challenge.as_ref().is_none_or(answers) {
            return Err(Refused::WrongVerifier);
        }
        self.exchanges += 1;
        Ok(self.issue(&grant.scope, now_ms))
    }

    /// Spends a refresh token for the next pair.
    pub(crate) fn rotate(&mut self, token: &str, now_ms: i64) -> Result<Issued, Refused> {
        let scope = self.refresh.remove(token).ok_or(Refused::UnknownToken)?;
        self.refreshes += 1;
        Ok(self.issue(&scope, now_ms))
    }

    /// A pair for these scopes (separated by spaces or commas).
    pub(crate) fn issue(&mut self, scope: &str, now_ms: i64) -> Issued {
        let access = format!("eyJ{}{}", self.dice.id(), self.dice.id());
        let refresh = format!("rt_{}{}", self.dice.id(), self.dice.id());
        let scopes = scope.split([' ', ',']).filter(|scope| !scope.is_empty()).map(str::to_owned).collect();
        let expires_ms = now_ms.saturating_add(self.lifetime_s.saturating_mul(1_000));
        self.access.insert(access.clone(), Access { scopes, expires_ms });
        self.refresh.insert(refresh.clone(), scope.to_owned());
        Issued { access, refresh, expires_in: self.lifetime_s, scope: scope.to_owned() }
    }

    /// The scopes of `token`, when it is good now.
    pub(crate) fn scopes(&self, token: &str, now_ms: i64) -> Option<&BTreeSet<String>> {
        self.access.get(token).filter(|access| now_ms < access.expires_ms).map(|access| &access.scopes)
    }

    /// Ends access tokens now: one, or all. Says how many. Refresh tokens stay good.
    pub(crate) fn expire(&mut self, token: Option<&str>) -> usize {
        let before = self.access.len();
        self.access.retain(|known, _| token.is_some_and(|token| token != known));
        before - self.access.len()
    }

    /// Ends everything, as a user does who takes the app's access away. Says how many access tokens that were.
    pub(crate) fn revoke(&mut self) -> usize {
        self.codes.clear();
        self.refresh.clear();
        self.expire(None)
    }
}

fn challenge_of(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()))
}
