//! Conversations: search, read, write; their messages: list, send, write down, export; recordings and transcriptions; files to
//! attach; and which messages contacts want.
//!
//! Here live the requests; what a message holds is in [`model`](crate::model). Invariant: a message is sent again only when it
//! is certain that it was not sent, for contacts notice what comes twice. Files are attached by their
//! addresses, which an upload gives.

mod calls;
mod export;
mod manage;
mod messages;
mod preferences;
mod record;
mod replies;
mod search;
mod send;
mod uploads;

pub use export::ExportMessages;
pub use manage::UpdateConversation;
pub use messages::ListMessages;
pub use preferences::{ChangeSubscription, CreateKind, Preferences, SubscriptionStatus, UpdateKind};
pub use record::{RecordInbound, RecordOutboundCall, UpdateMessageStatus};
pub use search::{SearchConversations, StartAfterDate};
pub use send::SendMessage;
pub use uploads::{BeginUpload, UploadAttachments};

use serde_json::json;

use crate::{
    client::{GhlClient, Operation, RequestBuilder},
    model::{ConversationId, LocationId},
};

/// The conversations family. From [`GhlClient::conversations`].
#[derive(Debug, Clone)]
pub struct Conversations(pub(crate) GhlClient);

impl GhlClient {
    /// Conversations and the messages in them.
    pub fn conversations(&self) -> Conversations {
        Conversations(self.clone())
    }
}

impl Conversations {
    /// A call about one conversation, which the body names.
    fn about(
        &self,
        operation: &'static Operation,
        location: impl Into<LocationId>,
        conversation: impl Into<ConversationId>,
    ) -> RequestBuilder {
        let location = location.into();
        let builder = RequestBuilder::new(&self.0, operation, location.clone()).set("locationId", json!(location));
        builder.set("conversationId", json!(conversation.into()))
    }
}
