#![doc = include_str!("../README.md")]
#![deny(missing_docs)]
#![warn(clippy::expect_used, clippy::print_stdout, clippy::print_stderr)]

pub mod calendars;
mod client;
pub mod config;
pub mod contacts;
mod error;
mod limits;
pub mod locations;
pub mod model;
pub mod oauth;
pub mod sync;
pub mod webhook;

pub use client::{GhlClient, GhlClientBuilder, Raw, RawRequest};
pub use config::{ApiVersion, SCOPES};
pub use error::{GhlErrorExt, Problem};
pub use oauth::{GhlConnections, GhlExchange, GhlOAuth, GhlTokens};
pub use webhook::{GhlEvent, GhlWebhookVerifier};
