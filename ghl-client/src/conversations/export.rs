use http::Method;
use serde::Deserialize;
use sidecar_core::{Page, Result, Timestamp};

use super::Conversations;
use crate::{
    client::{CursorPaging, Operation, RequestBuilder, listing, request, setters},
    config::ApiVersion,
    contacts::Direction,
    model::{ContactId, ConversationId, ExportChannel, LocationId, Message, rfc3339},
};

static EXPORT: Operation =
    Operation::new("conversations.export", Method::GET, "/conversations/messages/export", ApiVersion::V2021_04_15);

/// The smallest page, by the published specification.
const FEWEST: u32 = 10;

request! {
    /// Exports messages; 10 to 500 in a page, 100 unless set otherwise. From [`Conversations::export`].
    pub struct ExportMessages { paging: CursorPaging<String> } => Page<Message, String>
}
listing!(ExportMessages => Message, after String);
setters! { query of ExportMessages; {
    /// Only this conversation's.
    "conversationId" conversation: into ConversationId,
    /// Only this contact's.
    "contactId" contact: into ContactId,
    /// Only those that this carried. Unless set, everything but e-mail comes, activities included.
    "channel" channel: ExportChannel,
    /// The sort order: `createdAt` (the default) or `updatedAt`.
    "sortBy" sort_by: into String,
    /// Which way the order goes; latest first unless set.
    "sortOrder" sort: Direction,
    /// Only those of then or later; sent as RFC 3339.
    "startDate" from: Timestamp => rfc3339,
    /// Only those of then or earlier; sent as RFC 3339.
    "endDate" to: Timestamp => rfc3339,
}}

impl Conversations {
    /// Exports the messages of all conversations of a location.
    pub fn export(&self, location: impl Into<LocationId>) -> ExportMessages {
        let location = location.into();
        let builder = RequestBuilder::new(&self.0, &EXPORT, location.clone()).query("locationId", location);
        ExportMessages { builder, paging: CursorPaging::new(100, 500) }
    }
}

impl ExportMessages {
    async fn send(self) -> Result<Page<Message, String>> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Found {
            messages: Vec<Message>,
            #[serde(default)]
            next_cursor: Option<String>,
            #[serde(default)]
            total: Option<u64>,
        }
        let builder = self
            .paging
            .check(self.builder)
            .require(self.paging.limit >= FEWEST, || format!("a page has {FEWEST} to 500 rows"));
        let mut builder = builder.query("limit", self.paging.limit);
        if let Some(cursor) = self.paging.after {
            builder = builder.query("cursor", cursor);
        }
        let Found { messages, next_cursor, total } = builder.json().await?;
        Ok(Page { next: next_cursor.filter(|cursor| !cursor.is_empty()), total, items: messages })
    }
}
