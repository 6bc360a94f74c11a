//! OAuth: the authorization URL, and the exchange of codes and refresh tokens.
//!
//! [`sidecar_core::token`] stores tokens and serializes refreshes; this module has the provider's token exchange ([`CalcomExchange`])
//! and the key of an organization's connection ([`CalcomTokens`]). Invariant: no error, log message or `Debug` output has a token,
//! secret or verifier.

mod authorize;
mod client;
mod connections;
mod exchange;
pub(crate) mod operations;

pub use authorize::{Authorize, Pkce};
pub use client::{CalcomOAuth, CalcomOAuthBuilder, OAuthClientInfo};
pub use connections::{CalcomConnections, CalcomTokens};
pub use exchange::CalcomExchange;
