use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use sidecar_core::{Error, ErrorKind, Result};
use url::Url;

use crate::config::SCOPES;

/// What proves that whoever exchanges a code is the one who asked for it (RFC 7636, `S256`). A client without a secret needs it; a
/// client with one may use it too. Keep it with the state until the user comes back.
#[derive(Clone, Debug)]
pub struct Pkce(SecretString);

impl Pkce {
    /// A fresh one.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] when the operating system gives no randomness.
    pub fn generate() -> Result<Self> {
        let verifier = sidecar_core::secret::random_token();
        verifier.map(Self).map_err(|error| Error::new(ErrorKind::InvalidInput, error.to_string()))
    }

    /// One that was kept.
    pub fn from_verifier(verifier: impl Into<SecretString>) -> Self {
        Self(verifier.into())
    }

    /// What is kept, and sent with the code.
    pub fn verifier(&self) -> &SecretString {
        &self.0
    }

    /// What is sent along with the user.
    pub fn challenge(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(self.0.expose_secret().as_bytes()))
    }
}

/// The link that a user follows to connect. From [`CalcomOAuth::authorize`](super::CalcomOAuth::authorize).
#[derive(Clone)]
#[must_use = "take its `url`"]
pub struct Authorize {
    page: Url,
    client_id: String,
    redirect_uri: String,
    state: String,
    scopes: Vec<String>,
    challenge: Option<String>,
}

impl Authorize {
    pub(super) fn new(page: Url, client_id: String, redirect_uri: String, state: String) -> Self {
        let scopes = SCOPES.iter().map(|scope| (*scope).to_owned()).collect();
        Self { page, client_id, redirect_uri, state, scopes, challenge: None }
    }

    /// The scopes to ask for; [`SCOPES`] unless set.
    pub fn scopes<S: Into<String>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
        self.scopes = scopes.into_iter().map(Into::into).collect();
        self
    }

    /// Binds the code to whoever holds the verifier.
    pub fn pkce(mut self, pkce: &Pkce) -> Self {
        self.challenge = Some(pkce.challenge());
        self
    }

    /// The link.
    pub fn url(&self) -> Url {
        let mut url = self.page.clone();
        {
            let mut query = url.query_pairs_mut();
            query
                .append_pair("response_type", "code")
                .append_pair("client_id", &self.client_id)
                .append_pair("redirect_uri", &self.redirect_uri)
                .append_pair("state", &self.state)
                .append_pair("scope", &self.scopes.join(" "));
            if let Some(challenge) = &self.challenge {
                query.append_pair("code_challenge", challenge).append_pair("code_challenge_method", "S256");
            }
        }
        url
    }
}

impl fmt::Debug for Authorize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authorize")
            .field("client_id", &self.client_id)
            .field("scopes", &self.scopes)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_challenge_is_that_of_the_standards_example() {
        // RFC 7636, appendix B.
        let pkce = Pkce::from_verifier("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".to_owned());
        assert_eq!(pkce.challenge(), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }

    #[test]
    fn a_fresh_verifier_is_long_enough_and_never_shown() {
        let pkce = Pkce::generate().unwrap();
        assert!((43..=128).contains(&pkce.verifier().expose_secret().len()));
        assert!(!format!("{pkce:?}").contains(pkce.verifier().expose_secret()));
    }
}
