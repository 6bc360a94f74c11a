use http::Method;

use super::Conversations;
use crate::{
    client::{Operation, PlainRequest, ignore_body},
    config::ApiVersion,
    model::{ConversationId, LocationId, SentMessage},
};

const VERSION: ApiVersion = ApiVersion::V2021_04_15;
static REVIEW: Operation =
    Operation::new("conversations.reply_to_review", Method::POST, "/conversations/messages/review-reply", VERSION);
static TYPING: Operation =
    Operation::new("conversations.typing", Method::POST, "/conversations/providers/live-chat/typing", VERSION);

impl Conversations {
    /// Answers the review that a conversation began with.
    pub fn reply_to_review(
        &self,
        location: impl Into<LocationId>,
        conversation: impl Into<ConversationId>,
        message: impl Into<String>,
    ) -> PlainRequest<SentMessage> {
        let builder = self.about(&REVIEW, location, conversation);
        builder.set("message", message.into()).plain(|answer| answer.json())
    }

    /// Shows the visitor of a live chat whether an agent is typing.
    pub fn typing(
        &self,
        location: impl Into<LocationId>,
        conversation: impl Into<ConversationId>,
        visitor: impl Into<String>,
        is_typing: bool,
    ) -> PlainRequest<()> {
        let builder = self.about(&TYPING, location, conversation).set("visitorId", visitor.into());
        // The published type is a text.
        builder.set("isTyping", is_typing.to_string()).plain(ignore_body)
    }
}
