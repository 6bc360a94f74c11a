//! Webhooks: what a delivery says ([`GhlEvent`]) and whether it comes from the provider ([`GhlWebhookVerifier`]).
//!
//! Keeping deliveries, answering the sender and seeing each delivery once is the application's matter
//! ([`sidecar_core::queue::inbox`]); what an event changes in stored records is [`sync::webhook_changes`](crate::sync::webhook_changes).
//! Invariant: every JSON object is an event; one that does not match a schema is preserved as it is and is not an error.

mod decode;
mod event;
#[cfg(any(test, feature = "test-util"))]
pub mod fixtures;
mod kind;
mod payload;
mod verify;

pub use event::{Envelope, Event, GhlEvent, InvalidBody};
pub use kind::{EventKind, Subject};
pub use payload::{
    AppPaymentStatusPayload, AppointmentPayload, AssociationPayload, CampaignStatusPayload, ContactPayload,
    ConversationMergePayload, ConversationUnreadPayload, EmailStats, EmailStatsPayload, ExternalAuthPayload,
    InstallPayload, InvoicePayload, KnowledgeBaseAssetPayload, KnowledgeBasePayload, LocationPayload, MessagePayload,
    NotePayload, ObjectSchemaPayload, OpportunityPayload, OrderPayload, PlanChangePayload, PricePayload,
    ProductPayload, ProviderMessagePayload, RecordPayload, RelationPayload, SaasPlanPayload, SupportTicketPayload,
    TaskPayload, UserPayload, VoiceCallPayload,
};
pub use verify::{
    ED25519_PUBLIC_KEY, GhlWebhookVerifier, LEGACY_RSA_PUBLIC_KEY, LEGACY_SIGNATURE_HEADER, SIGNATURE_HEADER, TOLERANCE,
};
