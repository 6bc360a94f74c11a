//! One-use values of the flow: the state that goes to the provider and back, and the link that starts the flow.
//!
//! Invariant: only hashes are stored, and a value is consumed the first time it is presented.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use sidecar_core::{OrganizationId, secret};
use sidecar_store::{OAuthState, Store};

use super::Flow;
use crate::{
    app::App,
    http::{ApiResult, Problem},
};

/// How long a user may take to consent.
pub const STATE_TTL: Duration = Duration::from_secs(600);
/// How long a link from `connect-url` is valid.
pub const LINK_TTL: Duration = Duration::from_secs(900);
/// The purpose of links, and what is stored for them in place of a cookie's hash.
const LINK: &str = "link";

/// A started flow: the state, and the cookie that must come back with it.
pub(crate) struct PendingAuthorization {
    pub(crate) state: SecretString,
    pub(crate) cookie: SecretString,
}

impl PendingAuthorization {
    /// Returns the PKCE verifier (RFC 7636). It is derived from the state and the cookie, so that it exists only in the browser's
    /// flow and is not stored.
    pub(crate) fn pkce_verifier(&self) -> SecretString {
        let (state, cookie) = (self.state.expose_secret(), self.cookie.expose_secret());
        hash("verifier", &format!("{state}:{cookie}")).into()
    }
}

/// Creates the state and the cookie of a flow for the organization.
pub(super) async fn create(app: &App, flow: &Flow, organization: &OrganizationId) -> ApiResult<PendingAuthorization> {
    let random = || secret::random_token().map_err(|error| Problem::internal(&error));
    let pending = PendingAuthorization { state: random()?, cookie: random()? };
    let row = OAuthState {
        organization: organization.clone(),
        binding: hash("cookie", pending.cookie.expose_secret()),
        expires_at: app.now() + STATE_TTL,
    };
    app.store.put_state(&hash(flow.purpose, pending.state.expose_secret()), &row).await?;
    Ok(pending)
}

/// Consumes a state and returns its organization, if the browser is the same.
pub(super) async fn consume(app: &App, flow: &Flow, pending: &PendingAuthorization) -> ApiResult<OrganizationId> {
    let invalid = || {
        let detail = "the state is not valid: it can be used once, for ten minutes, in the browser that started the flow; connect again";
        Problem::new(http::StatusCode::BAD_REQUEST, "state_invalid", detail)
    };
    let row = app
        .store
        .take_state(&hash(flow.purpose, pending.state.expose_secret()), app.now())
        .await?
        .ok_or_else(invalid)?;
    let binding = hash("cookie", pending.cookie.expose_secret());
    if secret::same(binding.as_bytes(), row.binding.as_bytes()) { Ok(row.organization) } else { Err(invalid()) }
}

/// Creates the token of a link for the organization.
///
/// # Errors
/// The store, or a lack of randomness.
pub async fn create_link(
    store: &dyn Store,
    organization: &OrganizationId,
    now: sidecar_core::Timestamp,
) -> Result<SecretString, Box<dyn std::error::Error + Send + Sync>> {
    let token = secret::random_token()?;
    let row = OAuthState { organization: organization.clone(), binding: LINK.to_owned(), expires_at: now + LINK_TTL };
    store.put_state(&hash(LINK, token.expose_secret()), &row).await?;
    Ok(token)
}

/// Consumes a link, if it is for this organization.
pub(super) async fn consume_link(app: &App, token: &str, organization: &OrganizationId) -> ApiResult<()> {
    match app.store.take_state(&hash(LINK, token), app.now()).await? {
        Some(row) if row.binding == LINK && row.organization == *organization => Ok(()),
        _ => Err(Problem::unauthorized(
            "this link is not valid: it can be used once, for fifteen minutes; create another with `crm-server connect-url`",
        )),
    }
}

/// Hashes a value together with its purpose, so that a value of one purpose is never valid for another.
fn hash(purpose: &str, value: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(format!("{purpose}:{value}")))
}
