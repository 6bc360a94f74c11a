//! What events carry, one model per family. Required are only the ids without which an event says nothing; what the pages and
//! the deliveries disagree about is a `Value`.

mod app;
mod commerce;
mod conversation;
mod crm;
mod knowledge;
mod object;

pub use app::{
    AppPaymentStatusPayload, ExternalAuthPayload, InstallPayload, PlanChangePayload, SaasPlanPayload,
    SupportTicketPayload,
};
pub use commerce::{InvoicePayload, OrderPayload, PricePayload, ProductPayload};
pub use conversation::{
    CampaignStatusPayload, ConversationMergePayload, ConversationUnreadPayload, EmailStats, EmailStatsPayload,
    MessagePayload, ProviderMessagePayload, VoiceCallPayload,
};
pub use crm::{
    AppointmentPayload, ContactPayload, LocationPayload, NotePayload, OpportunityPayload, TaskPayload, UserPayload,
};
pub use knowledge::{KnowledgeBaseAssetPayload, KnowledgeBasePayload};
pub use object::{AssociationPayload, ObjectSchemaPayload, RecordPayload, RelationPayload};
