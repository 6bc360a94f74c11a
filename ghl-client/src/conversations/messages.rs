use http::Method;
use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::Value;
use sidecar_core::{Page, Result};

use super::Conversations;
use crate::{
    client::{CursorPaging, Operation, PlainRequest, RequestBuilder, listing, request, setters},
    config::ApiVersion,
    model::{ConversationId, EmailMessage, EmailMessageId, LocationId, Message, MessageId, MessageType},
};

const VERSION: ApiVersion = ApiVersion::V2021_04_15;
static LIST: Operation =
    Operation::new("conversations.messages", Method::GET, "/conversations/{conversationId}/messages", VERSION);
static GET: Operation = Operation::new("conversations.message", Method::GET, "/conversations/messages/{id}", VERSION);
static EMAIL: Operation =
    Operation::new("conversations.email", Method::GET, "/conversations/messages/email/{id}", VERSION);

request! {
    /// Lists a conversation's messages, latest first; 100 in a page unless set otherwise. From [`Conversations::messages`].
    pub struct ListMessages { paging: CursorPaging<MessageId> } => Page<Message, MessageId>
}
listing!(ListMessages => Message, after MessageId);
setters! { query of ListMessages; {
    /// Only such messages.
    "type" types: each MessageType,
}}

impl Conversations {
    /// Lists the messages of a conversation.
    pub fn messages(&self, location: impl Into<LocationId>, conversation: impl Into<ConversationId>) -> ListMessages {
        let builder = RequestBuilder::new(&self.0, &LIST, location.into()).argument(conversation.into());
        ListMessages { builder, paging: CursorPaging::new(100, u32::MAX) }
    }

    /// Reads one message.
    pub fn message(&self, location: impl Into<LocationId>, message: impl Into<MessageId>) -> PlainRequest<Message> {
        let builder = RequestBuilder::new(&self.0, &GET, location.into()).argument(message.into());
        builder.plain(|answer| answer.json())
    }

    /// Reads an e-mail whole: addresses, subject and text.
    pub fn email(
        &self,
        location: impl Into<LocationId>,
        email: impl Into<EmailMessageId>,
    ) -> PlainRequest<EmailMessage> {
        let builder = RequestBuilder::new(&self.0, &EMAIL, location.into()).argument(email.into());
        builder.plain(|answer| answer.json())
    }
}

/// A page as it is published, or with all of it once more within `messages`, as it is sent in reality.
struct Found(Messages);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Messages {
    messages: Vec<Message>,
    #[serde(default)]
    last_message_id: Option<MessageId>,
    #[serde(default)]
    next_page: bool,
}

impl<'de> Deserialize<'de> for Found {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let mut page = Value::deserialize(deserializer)?;
        if let Some(nested) = page.get_mut("messages").filter(|messages| messages.is_object()) {
            page = nested.take();
        }
        Messages::deserialize(page).map(Self).map_err(D::Error::custom)
    }
}

impl ListMessages {
    async fn send(self) -> Result<Page<Message, MessageId>> {
        let mut builder = self.paging.check(self.builder).query("limit", self.paging.limit);
        if let Some(after) = self.paging.after {
            builder = builder.query("lastMessageId", after);
        }
        let Found(page) = builder.json().await?;
        let next = page.last_message_id.filter(|id| page.next_page && !id.as_str().is_empty());
        Ok(Page { next, total: None, items: page.messages })
    }
}
