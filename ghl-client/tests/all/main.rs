//! The client from outside: one scripted answer per operation, the errors, OAuth, webhooks and sync sources; and
//! the main flows against the provider sandbox.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[cfg(all(
    feature = "companies",
    feature = "contacts",
    feature = "conversations",
    feature = "locations",
    feature = "oauth",
    feature = "opportunities",
    feature = "users"
))]
mod api;
mod budget;
mod constructors;
mod convenience;
mod create_or_find;
mod decode;
mod errors;
mod families;
mod first_mint;
mod limits;
mod oauth;
mod requests;
mod sandbox;
mod sources;
mod support;
mod token_kinds;
mod webhook_events;
mod webhooks;
mod wire;
