//! A stateful stand-in of Cal.com's cloud under `/calcom`: one user's account with event types, schedules, slots, bookings, webhooks
//! and OAuth, as the provider's facts describe them. What is not served answers 404, and so does a wrong `cal-api-version`.
//! Teams, organizations, connected calendars and recurring series are not here, and meetings' events come on order only.
//! Invariant: it shares no code with the clients it judges.

mod account;
mod availability;
mod bookings;
mod error;
mod event_types;
mod gate;
mod handle;
mod identity;
mod limits;
mod me;
mod oauth;
mod operations;
mod out_of_office;
mod reply;
mod reservations;
mod routes;
mod schedules;
mod shape;
mod slots;
pub(crate) mod state;
mod tokens;
mod webhooks;

pub use handle::{Attendee, Calcom, Counts, Token};
pub use limits::{LimitRules, Usage};
pub(crate) use routes::router;
pub(crate) use webhooks::{PERSISTENCE, forged, settings, unknown};

pub use crate::deliveries::{Delivery, Outcome, WebhookCounts, WebhookOrder, WebhookSettings};
pub use crate::faults::{Fault, FaultRule};
pub use crate::tally::OperationCount;
