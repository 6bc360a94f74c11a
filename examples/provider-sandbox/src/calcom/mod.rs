//! A stateful sandbox of Cal.com's cloud under `/calcom`: one user's account with event types, schedules, slots, bookings, webhooks
//! and OAuth. Other operations and a wrong `cal-api-version` lead to 404. Teams, organizations, connected calendars and recurring
//! series are not served; meeting events are sent on command only.
//! Invariant: the sandbox shares no code with the clients that it tests.

mod account;
mod api;
mod availability;
mod bookings;
mod event_types;
mod limits;
mod me;
mod middleware;
mod oauth;
mod operations;
mod out_of_office;
mod reservations;
mod response;
mod routes;
mod schedules;
mod schema;
mod slots;
pub(crate) mod state;
mod tokens;
mod webhooks;

pub use api::{Attendee, Calcom, Counts, Token};
pub use limits::{LimitRules, Usage};
pub(crate) use routes::router;
pub(crate) use webhooks::{RETRY_POLICY, send_forged, send_unknown, webhook_settings};

pub use crate::deliveries::{Delivery, DeliveryOutcome, WebhookCommand, WebhookCounts, WebhookSettings};
pub use crate::faults::{Fault, FaultRule};
pub use crate::provider::OperationCount;
