//! OAuth: the consent link, the exchange of codes and refresh tokens, and location tokens minted with a company's token.
//!
//! [`sidecar_core::token`] stores tokens and refreshes each once at a time; [`GhlExchange`] is GHL's part of it, and [`GhlTokens`]
//! selects the token of a call. The published OAuth operations are at [`GhlClient::raw`](crate::GhlClient::raw). Invariant: no
//! error, log line or `Debug` output contains a token.

mod authorize;
mod client;
mod connections;
mod disconnect;
mod exchange;
mod grant;
mod keys;

use sidecar_core::{Error, ErrorKind, Result};

pub use authorize::Authorize;
pub use client::{GhlOAuth, GhlOAuthBuilder};
pub use connections::{GhlConnections, GhlTokens};
pub use exchange::GhlExchange;
pub use grant::{UserType, company_of, location_of, minted_from, user_type_of};

/// Returns the app's id: the client id up to its first dash.
pub(crate) fn app_id(client_id: &str) -> Result<&str> {
    match client_id.split('-').next() {
        Some(app) if !app.is_empty() && app.bytes().all(|byte| byte.is_ascii_alphanumeric()) => Ok(app),
        _ => Err(Error::new(
            ErrorKind::InvalidInput,
            "the client id does not begin with an app id: give it as the marketplace shows it, such as `65f0…-lt2x…`",
        )),
    }
}
