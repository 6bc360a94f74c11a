//! Webhook delivery for both providers: `dispatcher` sends, retries and counts; `settings` holds the delivery settings and commands.
//! The providers create, address and sign the events.
//! Invariant: an event is complete when it arrives here; duplicates and retries have the same bytes.

mod dispatcher;
mod settings;

pub use dispatcher::{Delivery, DeliveryOutcome, WebhookCounts};
pub(crate) use dispatcher::{Dispatcher, Event, RetryPolicy};
pub use settings::{WebhookCommand, WebhookSettings};
