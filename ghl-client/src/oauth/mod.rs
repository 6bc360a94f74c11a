//! OAuth: the link that a user follows, the exchange of codes and refresh tokens, location tokens minted from a company's.
//!
//! Keeping tokens and renewing them once at a time is [`sidecar_core::token`]; here lives how this provider does it
//! ([`GhlExchange`]) and which token a call uses ([`GhlTokens`]). The published operations as they are stand on
//! [`GhlClient::raw`](crate::GhlClient::raw). Invariant: no token ever stands in an error, a log line or
//! a `Debug` output.

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

/// The app's id: its client id up to the first dash.
pub(crate) fn app_id(client_id: &str) -> Result<&str> {
    match client_id.split('-').next() {
        Some(app) if !app.is_empty() && app.bytes().all(|byte| byte.is_ascii_alphanumeric()) => Ok(app),
        _ => Err(Error::new(
            ErrorKind::InvalidInput,
            "the client id does not begin with an app id: give it as the marketplace shows it, such as `65f0…-lt2x…`",
        )),
    }
}
