//! Webhook deliveries: parsing ([`CalcomEvent`]) and signature verification ([`CalcomVerifier`]).
//!
//! [`webhooks`](crate::webhooks) manages subscriptions. The application stores deliveries, responds to the sender and deduplicates
//! ([`sidecar_core::queue::inbox`]). Invariant: every JSON object is an event; an unknown one keeps the whole body and is not an error.
//! Without a secret every delivery is rejected.

mod decode;
mod event;
#[cfg(any(test, feature = "test-util"))]
pub mod fixtures;
mod payload;
mod verify;

pub use crate::event_kind::{EventKind, Subject};
pub use event::{CalcomEvent, Event, InvalidBody};
pub use payload::{
    BookingPayload, CalVideoNoShowPayload, FormPayload, InstantMeetingPayload, MeetingPayload, NoShowAttendee,
    NoShowPayload, OooEventEntry, OooPayload, Person, PingPayload, RecordingPayload, ReportPayload, VideoCall,
    WebhookStatus,
};
pub use verify::{CalcomVerifier, NO_SECRET, SIGNATURE_HEADER, VERSION_HEADER, delivery_id};
