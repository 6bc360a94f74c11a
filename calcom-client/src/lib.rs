#![doc = include_str!("../README.md")]
#![deny(missing_docs)]
#![warn(clippy::expect_used, clippy::print_stdout, clippy::print_stderr)]

pub mod bookings;
pub mod calendars;
pub mod client;
pub mod blocking;
pub mod config;
pub mod convenience;
mod error;
pub mod event_types;
mod limits;
pub mod me;
pub mod model;
pub mod oauth;
pub mod out_of_office;
mod operations;
pub mod schedules;
pub mod slots;
pub mod sync;
pub mod teams;
pub mod events;
pub mod webhooks;

pub use client::{CalcomClient, CalcomClientBuilder, CalcomQuotaStatus, Operation, PlainRequest, Raw, RawRequest};
pub use config::{ApiVersion, ApiVersions, Profile, Region, SCOPES};
pub use error::{CalcomErrorExt, CalcomErrorReason};
pub use limits::RateLimitPolicy;
pub use model::{BookingUid, EventTypeId, ScheduleId};
pub use oauth::{CalcomConnections, CalcomExchange, CalcomOAuth, CalcomTokens};
pub use operations::OPERATIONS;
pub use sidecar_core::{Error, ErrorKind, Result, Timestamp};
pub use events::{CalcomEvent, CalcomVerifier};
