//! How webhooks are sent, the same for every provider: `mailer` sends and counts, `settings` holds what can be ordered. What an event
//! says, to whom it goes and how it is signed is the provider's own matter.
//! Invariant: an event is finished when it comes here; copies and re-sends have the same bytes.

mod mailer;
mod settings;

pub use mailer::{Delivery, Outcome, WebhookCounts};
pub(crate) use mailer::{Event, Mailer, Persistence};
pub use settings::{WebhookOrder, WebhookSettings};
