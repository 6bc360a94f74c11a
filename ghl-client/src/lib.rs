#![doc = include_str!("../README.md")]
#![deny(missing_docs)]
#![warn(clippy::expect_used, clippy::print_stdout, clippy::print_stderr)]

#[cfg(feature = "api")]
pub mod api;
pub mod businesses;
pub mod calendars;
mod client;
pub mod companies;
pub mod config;
pub mod contacts;
pub mod convenience;
pub mod conversations;
pub mod custom_fields;
mod error;
pub mod events;
mod limits;
pub mod locations;
pub mod model;
pub mod oauth;
pub mod opportunities;
pub mod sync;
pub mod users;
pub mod workflows;

pub use client::{GhlClient, GhlClientBuilder, GhlQuotaStatus, PlainRequest, Raw, RawRequest};
pub use config::{ApiVersion, SCOPES};
pub use error::{GhlErrorExt, GhlErrorReason};
pub use events::{GhlEvent, GhlWebhookVerifier};
pub use limits::RateLimitPolicy;
pub use model::{AppointmentId, CalendarId, CompanyId, ContactId, LocationId, TokenKinds};
pub use oauth::{GhlConnections, GhlExchange, GhlOAuth, GhlTokens};
pub use sidecar_core::{Error, ErrorKind, Result};

/// The repository's README, whose example is a test too.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
#[derive(Debug)]
pub struct Readme;
