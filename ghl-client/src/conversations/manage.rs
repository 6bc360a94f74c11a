use http::Method;
use serde_json::json;
use sidecar_core::Result;

use super::Conversations;
use crate::{
    client::{Operation, PlainRequest, RequestBuilder, any_field, ignore_body, request, setters},
    config::ApiVersion,
    model::{ContactId, Conversation, ConversationId, LocationId},
};

const VERSION: ApiVersion = ApiVersion::V2021_04_15;
const ONE: &str = "/conversations/{conversationId}";
static CREATE: Operation = Operation::new("conversations.create", Method::POST, "/conversations/", VERSION);
static GET: Operation = Operation::new("conversations.get", Method::GET, ONE, VERSION);
static UPDATE: Operation = Operation::new("conversations.update", Method::PUT, ONE, VERSION);
static DELETE: Operation = Operation::new("conversations.delete", Method::DELETE, ONE, VERSION);

request! {
    /// Changes a conversation. From [`Conversations::update`].
    pub struct UpdateConversation => Conversation
}
setters! { body of UpdateConversation; {
    /// How many messages count as unread; 0 marks it as read.
    "unreadCount" unread_count: u32,
    /// Whether it is marked.
    "starred" starred: bool,
}}
any_field!(UpdateConversation);

impl Conversations {
    /// Begins a conversation with a contact.
    pub fn create(&self, location: impl Into<LocationId>, contact: impl Into<ContactId>) -> PlainRequest<Conversation> {
        let location = location.into();
        let builder = RequestBuilder::new(&self.0, &CREATE, location.clone()).set("locationId", json!(location));
        builder.set("contactId", json!(contact.into())).plain(|answer| answer.part(&["conversation"]))
    }

    /// Reads one conversation.
    pub fn get(
        &self,
        location: impl Into<LocationId>,
        conversation: impl Into<ConversationId>,
    ) -> PlainRequest<Conversation> {
        let builder = RequestBuilder::new(&self.0, &GET, location.into()).argument(conversation.into());
        builder.plain(|answer| answer.json())
    }

    /// Changes the fields that are set.
    pub fn update(
        &self,
        location: impl Into<LocationId>,
        conversation: impl Into<ConversationId>,
    ) -> UpdateConversation {
        let location = location.into();
        let builder = RequestBuilder::new(&self.0, &UPDATE, location.clone()).argument(conversation.into());
        UpdateConversation { builder: builder.set("locationId", json!(location)) }
    }

    /// Deletes a conversation.
    pub fn delete(&self, location: impl Into<LocationId>, conversation: impl Into<ConversationId>) -> PlainRequest<()> {
        RequestBuilder::new(&self.0, &DELETE, location.into()).argument(conversation.into()).plain(ignore_body)
    }
}

impl UpdateConversation {
    async fn send(self) -> Result<Conversation> {
        self.builder.part(&["conversation"]).await
    }
}
