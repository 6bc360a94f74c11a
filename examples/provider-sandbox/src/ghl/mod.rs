//! A stateful stand-in of GHL under `/ghl`: OAuth, contacts, locations, calendars, opportunities, limits, faults and webhooks as
//! the provider's facts describe them. What is not served answers 404.
//! Invariant: it shares no code with the clients it judges.

mod calendars;
mod contacts;
mod error;
mod faults;
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

pub use faults::{Fault, FaultRule};
pub use handle::{Counts, Ghl, SCOPES, Token};
pub(crate) use identity::Identity;
pub use limits::{LimitRules, Usage, WindowKind};
pub(crate) use oauth::{install, uninstall};
pub(crate) use routes::router;
pub use state::{OperationCount, Rotate, TokenFault};
pub use tokens::{ConnectionCounts, Resource};
pub use webhooks::{Delivery, Outcome, WebhookCounts, WebhookOrder, WebhookSettings};
pub(crate) use webhooks::{Mailer, forged, unknown};
