//! OAuth: the link that a user follows, and the exchange of codes and refresh tokens.
//!
//! Keeping tokens and renewing them once at a time is [`sidecar_core::token`]; here lives how this provider does it
//! ([`CalcomExchange`]) and where an organization's connection is kept ([`CalcomTokens`]). Invariant: no token, secret or verifier
//! ever stands in an error, a log line or a `Debug` output.

mod authorize;
mod client;
mod connections;
mod exchange;
mod grant;
pub(crate) mod operations;

pub use authorize::{Authorize, Pkce};
pub use client::{CalcomOAuth, CalcomOAuthBuilder, OAuthClientInfo};
pub use connections::{CalcomConnections, CalcomTokens};
pub use exchange::CalcomExchange;
