//! A stateful stand-in of GHL under `/ghl`: OAuth, contacts, locations, calendars, opportunities, limits, faults and webhooks as
//! the provider's facts describe them. What is not served answers 404.
//! Invariant: it shares no code with the clients it judges.

mod calendars;
mod contacts;
mod error;
mod gate;
mod handle;
mod identity;
mod limits;
mod locations;
mod oauth;
mod operations;
mod opportunities;
mod place;
mod reply;
mod routes;
mod shape;
pub(crate) mod state;
mod tokens;
mod webhooks;

pub use crate::deliveries::{Delivery, Outcome, WebhookCounts, WebhookOrder, WebhookSettings};
pub use crate::faults::{Fault, FaultRule};
pub use crate::tally::OperationCount;
pub use handle::{Counts, Ghl, SCOPES, Token};
pub(crate) use identity::Identity;
pub use limits::{LimitRules, Usage, WindowKind};
pub(crate) use oauth::{install, uninstall};
pub(crate) use routes::router;
pub use state::{Rotate, TokenFault};
pub use tokens::{ConnectionCounts, Resource};
pub(crate) use webhooks::{PERSISTENCE, forged, unknown};
