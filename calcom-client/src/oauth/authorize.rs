use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use sidecar_core::{Error, ErrorKind, Result};
use url::Url;

use crate::config::SCOPES;

/// A PKCE code verifier (RFC 7636, `S256`): proves that the client that exchanges a code is the one that requested it. Required for a
/// client without a secret, optional for others. Store it with the state until the user is redirected back.
#[derive(Clone, Debug)]
pub struct Pkce(SecretString);

impl Pkce {
    /// Generates a verifier.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] if the operating system's random number generator fails.
    pub fn generate() -> Result<Self> {
        let verifier = sidecar_core::secret::random_token();
        verifier.map(Self).map_err(|error| Error::new(ErrorKind::InvalidInput, error.to_string()))
    }

    /// Restores a stored verifier.
    pub fn from_verifier(verifier: impl Into<SecretString>) -> Self {
        Self(verifier.into())
    }

    /// Returns the verifier: store it, and send it with the code.
    pub fn verifier(&self) -> &SecretString {
        &self.0
    }

    /// Returns the code challenge of the authorization URL.
    pub fn challenge(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(self.0.expose_secret().as_bytes()))
    }
}

/// Builds the authorization URL. From [`CalcomOAuth::authorize`](super::CalcomOAuth::authorize).
#[derive(Clone)]
#[must_use = "take its `url`"]
pub struct Authorize {
    endpoint: Url,
    client_id: String,
    redirect_uri: String,
    state: String,
    scopes: Vec<String>,
    challenge: Option<String>,
}

impl Authorize {
    pub(super) fn new(endpoint: Url, client_id: String, redirect_uri: String, state: String) -> Self {
        let scopes = SCOPES.iter().map(|scope| (*scope).to_owned()).collect();
        Self { endpoint, client_id, redirect_uri, state, scopes, challenge: None }
    }

    /// Sets the requested scopes; [`SCOPES`] unless set.
    pub fn scopes<S: Into<String>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
        self.scopes = scopes.into_iter().map(Into::into).collect();
        self
    }

    /// Binds the code to the verifier.
    pub fn pkce(mut self, pkce: &Pkce) -> Self {
        self.challenge = Some(pkce.challenge());
        self
    }

    /// Returns the authorization URL.
    pub fn url(&self) -> Url {
        let mut url = self.endpoint.clone();
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
    fn the_challenge_matches_the_example_of_rfc_7636() {
        // RFC 7636, appendix B.
        let pkce = Pkce::from_verifier("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".to_owned());
        assert_eq!(pkce.challenge(), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }

    #[test]
    fn a_generated_verifier_is_long_enough_and_hidden_in_debug_output() {
        let pkce = Pkce::generate().unwrap();
        assert!((43..=128).contains(&pkce.verifier().expose_secret().len()));
        assert!(!format!("{pkce:?}").contains(pkce.verifier().expose_secret()));
    }
}
