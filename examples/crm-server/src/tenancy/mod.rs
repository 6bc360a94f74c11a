//! Organizations (the tenants), their connections to providers, and the OAuth consent flow.
//!
//! Invariant: a request, delivery or task acts for exactly one organization.

pub mod cache;
pub mod connections;
pub mod oauth_flow;
pub mod organizations;
pub mod owners;
mod tenant;

pub use tenant::Tenant;
pub(crate) use tenant::find;
