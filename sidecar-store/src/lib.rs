#![doc = include_str!("../README.md")]
#![deny(missing_docs)]
#![warn(clippy::expect_used, clippy::print_stdout, clippy::print_stderr)]

#[cfg(not(any(feature = "sqlite", feature = "postgres")))]
compile_error!("sidecar-store needs a database: enable the feature `sqlite` (the default) or `postgres`");

#[cfg(feature = "conformance")]
pub mod conformance;
mod error;
mod failpoint;
mod inbox;
mod json;
mod leases;
mod oauth_states;
mod open;
mod organizations;
mod outbox;
mod processes;
mod records;
#[cfg(feature = "redis")]
pub mod redis;
mod reseal;
mod settings;
mod sql;
mod store;
mod syncs;
#[cfg(test)]
mod tests;
mod tokens;
mod tx;

pub use error::OpenError;
pub use oauth_states::{OAuthState, OAuthStates};
pub use open::{migrate, open};
pub use organizations::{Claimed, Organization, OrganizationError, Organizations};
pub use reseal::Resealed;
pub use settings::{Setting, SettingsStore};
pub use store::{Purged, SqlStore, Store};
