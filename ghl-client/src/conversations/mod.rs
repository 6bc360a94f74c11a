//! Conversations: search, read, write; their messages: list, send, write down, export; recordings and transcriptions.
//!
//! Here live the requests; what a message holds is in [`model`](crate::model). Invariant: a message is sent again only when it
//! is certain that it was not sent, for contacts notice what comes twice. Files are attached by their addresses.

mod calls;
mod export;
mod manage;
mod messages;
mod record;
mod search;
mod send;

pub use export::ExportMessages;
pub use manage::UpdateConversation;
pub use messages::ListMessages;
pub use record::{RecordInbound, RecordOutboundCall, UpdateMessageStatus};
pub use search::{SearchConversations, StartAfterDate};
pub use send::SendMessage;

use crate::client::GhlClient;

/// The conversations family. From [`GhlClient::conversations`].
#[derive(Debug, Clone)]
pub struct Conversations(pub(crate) GhlClient);

impl Conversations {
    pub(crate) fn new(client: GhlClient) -> Self {
        Self(client)
    }
}
