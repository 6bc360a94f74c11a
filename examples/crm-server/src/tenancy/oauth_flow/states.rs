//! One-use values of a connect flow: the state that goes to the provider and back, and the link that opens the flow.
//!
//! Invariant: only hashes are stored, and what is shown once is gone.

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

/// How long somebody may take to consent.
pub const STATE_LIFE: Duration = Duration::from_secs(600);
/// How long a link from `connect-url` opens the flow.
pub const LINK_LIFE: Duration = Duration::from_secs(900);
/// Stands in place of a cookie's hash in what a link leads to.
const LINK: &str = "link";

/// A state and the cookie value that has to come back with it.
pub(crate) struct Begun {
    pub(crate) state: SecretString,
    pub(crate) cookie: SecretString,
}

/// Begins a flow for the organization.
pub(crate) async fn begin(app: &App, flow: &Flow, organization: &OrganizationId) -> ApiResult<Begun> {
    let fresh = || secret::random_token().map_err(|error| Problem::internal(&error));
    let begun = Begun { state: fresh()?, cookie: fresh()? };
    let row = OAuthState {
        organization: organization.clone(),
        binding: hash("cookie", begun.cookie.expose_secret()),
        expires_at: app.now() + STATE_LIFE,
    };
    app.store.put_state(&hash(flow.purpose, begun.state.expose_secret()), &row).await?;
    Ok(begun)
}

/// The organization that a state was made for, provided that the browser is the same. The state is used up either way.
pub(crate) async fn take(app: &App, flow: &Flow, state: &str, cookie: Option<&str>) -> ApiResult<OrganizationId> {
    let refused = || {
        let detail = "this way back is not valid (any more): it is good once, for ten minutes, in the browser that set out; connect again";
        Problem::new(http::StatusCode::BAD_REQUEST, "state_invalid", detail)
    };
    let row = app.store.take_state(&hash(flow.purpose, state), app.now()).await?.ok_or_else(refused)?;
    let came_with = hash("cookie", cookie.unwrap_or_default());
    if secret::same(came_with.as_bytes(), row.binding.as_bytes()) { Ok(row.organization) } else { Err(refused()) }
}

/// What proves that whoever exchanges the code is the one who set out (RFC 7636): made of the state and the browser's cookie, so that
/// it is there exactly as long as the state can be taken, and nowhere kept.
pub(crate) fn pkce_verifier(state: &str, cookie: &str) -> SecretString {
    hash("verifier", &format!("{state}:{cookie}")).into()
}

/// Makes a link's token for the organization.
///
/// # Errors
/// The store, or a lack of randomness.
pub async fn make_link(
    store: &dyn Store,
    organization: &OrganizationId,
    now: sidecar_core::Timestamp,
) -> Result<SecretString, Box<dyn std::error::Error + Send + Sync>> {
    let token = secret::random_token()?;
    let row = OAuthState { organization: organization.clone(), binding: LINK.to_owned(), expires_at: now + LINK_LIFE };
    store.put_state(&hash(LINK, token.expose_secret()), &row).await?;
    Ok(token)
}

/// Whether the token opens the flow for this organization. It is used up.
pub(crate) async fn take_link(app: &App, token: &str, organization: &OrganizationId) -> ApiResult<()> {
    match app.store.take_state(&hash(LINK, token), app.now()).await? {
        Some(row) if row.binding == LINK && row.organization == *organization => Ok(()),
        _ => Err(Problem::unauthorized(
            "this link is not valid (any more): it is good once, for fifteen minutes; make another with `crm-server connect-url`",
        )),
    }
}

/// Values of different purposes never meet: the purpose is part of what is hashed.
fn hash(purpose: &str, value: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(format!("{purpose}:{value}")))
}
