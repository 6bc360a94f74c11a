#![doc = include_str!("../README.md")]
#![deny(missing_docs)]
#![warn(clippy::expect_used, clippy::print_stdout, clippy::print_stderr)]

pub mod blocking;
pub mod bookings;
pub mod calendars;
pub mod client;
pub mod config;
pub mod convenience;
mod error;
mod event_kind;
pub mod event_types;
pub mod events;
mod limits;
pub mod me;
pub mod model;
pub mod oauth;
mod operations;
pub mod out_of_office;
pub mod schedules;
pub mod slots;
pub mod sync;
pub mod teams;
pub mod webhooks;

pub use client::{CalcomClient, CalcomClientBuilder, CalcomQuotaStatus, Operation, PlainRequest, Raw, RawRequest};
pub use config::{ApiVersion, ApiVersions, Profile, Region, SCOPES};
pub use error::{CalcomErrorExt, CalcomErrorReason};
pub use events::{CalcomEvent, CalcomVerifier};
pub use limits::RateLimitPolicy;
pub use model::{BookingUid, EventTypeId, ScheduleId};
pub use oauth::{CalcomConnections, CalcomExchange, CalcomOAuth, CalcomTokens};
pub use operations::OPERATIONS;
pub use sidecar_core::{Error, ErrorKind, Result, Timestamp};
