//! A stateful sandbox of GHL under `/ghl`: OAuth, contacts, locations, calendars, opportunities, rate limits and webhooks. Other
//! operations lead to 404.
//! Invariant: the sandbox shares no code with the clients that it tests.

mod api;
mod calendars;
mod contacts;
mod identity;
mod limits;
mod locations;
mod middleware;
mod oauth;
mod operations;
mod opportunities;
mod response;
mod routes;
mod schema;
pub(crate) mod state;
mod tokens;
mod webhooks;

pub use crate::deliveries::{Delivery, DeliveryOutcome, WebhookCommand, WebhookCounts, WebhookSettings};
pub use crate::faults::{Fault, FaultRule};
pub use crate::provider::OperationCount;
pub use api::{Counts, Ghl, SCOPES, Token};
pub(crate) use identity::Identity;
pub use limits::{LimitRules, Usage, WindowKind};
pub(crate) use oauth::{install, uninstall};
pub(crate) use routes::router;
pub use state::{Rotate, TokenFault};
pub use tokens::{ConnectionCounts, Resource};
pub(crate) use webhooks::{RETRY_POLICY, send_forged, send_unknown};
