//! Webhooks: what a delivery says ([`CalcomEvent`]) and whether it comes from the webhook whose secret we hold
//! ([`CalcomVerifier`]).
//!
//! Subscribing is in [`webhooks`](crate::webhooks); keeping deliveries, answering the sender and seeing each delivery once is the
//! application's matter ([`sidecar_core::queue::inbox`]). Invariant: any JSON object is an event; one that is not understood is kept whole,
//! never an error. Without a secret every delivery is refused.

mod decode;
mod event;
#[cfg(any(test, feature = "test-util"))]
pub mod fixtures;
mod kind;
mod payload;
mod verify;

pub use event::{CalcomEvent, Event, NotAnEvent};
pub use kind::{EventKind, Subject};
pub use payload::{
    BookingPayload, CalVideoNoShowPayload, FormPayload, InstantMeetingPayload, MeetingPayload, NoShowAttendee,
    NoShowPayload, OooEventEntry, OooPayload, Person, PingPayload, RecordingPayload, ReportPayload, VideoCall,
    WebhookStatus,
};
pub use verify::{CalcomVerifier, NO_SECRET, SIGNATURE_HEADER, VERSION_HEADER, delivery_id};
