//! Keeping copies in step: the listings that [`sidecar_core::sync`] copies, and what a webhook changes in the copies.
//!
//! Running passes and storing lives in the core and the store. Invariant: a document is copied as it came, fields this crate
//! does not know included, so that a later reader loses nothing.

mod change;
mod contacts;
mod events;
mod locations;
mod opportunities;
mod pipelines;
mod snapshot;
mod webhook;

pub use change::{
    APPOINTMENT, CONTACT, LOCATION, OPPORTUNITY, PIPELINE, READ_APPOINTMENT, READ_CONTACT, READ_LOCATION,
    READ_OPPORTUNITY, READ_PIPELINE, written_appointment, written_contact,
};
pub use contacts::{ContactsCursor, ContactsSource};
pub use events::{EventsCursor, EventsSource, WINDOW};
pub use locations::{LocationsCursor, LocationsSource};
pub use opportunities::{OpportunitiesCursor, OpportunitiesSource};
pub use pipelines::{PipelinesCursor, PipelinesSource};
pub use webhook::webhook_changes;
