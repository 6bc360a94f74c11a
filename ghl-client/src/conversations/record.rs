use http::Method;
use serde_json::json;
use sidecar_core::{Result, Timestamp};

use super::Conversations;
use crate::{
    client::{Operation, PlainRequest, RequestBuilder, any_field, ignore_body, request, setters},
    config::ApiVersion,
    model::{
        CallStatus, Channel, ContactId, ConversationId, ConversationProviderId, EmailMessageId, LocationId,
        MessageDirection, MessageId, MessageStatus, RecordedMessage, SentMessage, rfc3339,
    },
};

const VERSION: ApiVersion = ApiVersion::V2021_04_15;
static INBOUND: Operation =
    Operation::new("conversations.record_inbound", Method::POST, "/conversations/messages/inbound", VERSION);
static OUTBOUND: Operation =
    Operation::new("conversations.record_outbound_call", Method::POST, "/conversations/messages/outbound", VERSION);
static SET_STATUS: Operation =
    Operation::new("conversations.update_status", Method::PUT, "/conversations/messages/{messageId}/status", VERSION);
static SET_ATTACHMENTS: Operation = Operation::new(
    "conversations.set_attachments",
    Method::PUT,
    "/conversations/messages/{messageId}/attachments",
    VERSION,
);

/// How many attachments a message can be given afterwards, by the published specification.
const MOST_ATTACHMENTS: usize = 5;

request! {
    /// Writes down a message that came in by a conversation provider. From [`Conversations::record_inbound`].
    pub struct RecordInbound => RecordedMessage
}
request! {
    /// Writes down a call that was made elsewhere. From [`Conversations::record_outbound_call`].
    pub struct RecordOutboundCall => RecordedMessage
}
request! {
    /// Says how a message stands. From [`Conversations::update_status`].
    pub struct UpdateMessageStatus => SentMessage
}

setters! { body of RecordInbound, RecordOutboundCall; {
    /// The addresses of what is attached.
    "attachments" attachments: each String,
    /// Its id in another system.
    "altId" alt_id: into String,
    /// When it came or went; sent as RFC 3339.
    "date" date: Timestamp => rfc3339,
}}
setters! { body of RecordInbound; {
    /// Its text.
    "message" text: into String,
    /// An e-mail's text as HTML.
    "html" html: into String,
    /// An e-mail's subject.
    "subject" subject: into String,
    /// From which address an e-mail came.
    "emailFrom" email_from: into String,
    /// To which address an e-mail went.
    "emailTo" email_to: into String,
    /// The CC recipients of an e-mail.
    "emailCc" email_cc: each String,
    /// The BCC recipients of an e-mail.
    "emailBcc" email_bcc: each String,
    /// The e-mail that it replies to.
    "emailMessageId" reply_to: into EmailMessageId,
    /// Which way it went.
    "direction" direction: MessageDirection,
}}
setters! { body of UpdateMessageStatus; {
    /// The e-mail it is about.
    "emailMessageId" email: into EmailMessageId,
    /// Which further recipients of the e-mail it is about.
    "recipients" recipients: each String,
}}
any_field!(RecordInbound, RecordOutboundCall);

impl Conversations {
    /// Writes down a message that came in by a conversation provider of the app's own.
    pub fn record_inbound(
        &self,
        location: impl Into<LocationId>,
        conversation: impl Into<ConversationId>,
        contact: impl Into<ContactId>,
        provider: impl Into<ConversationProviderId>,
        channel: impl Into<Channel>,
    ) -> RecordInbound {
        let builder = RequestBuilder::new(&self.0, &INBOUND, location.into()).set("type", json!(channel.into()));
        let builder = builder.set("conversationId", json!(conversation.into())).set("contactId", json!(contact.into()));
        RecordInbound { builder: builder.set("conversationProviderId", json!(provider.into())) }
    }

    /// Writes down a call that was made elsewhere.
    pub fn record_outbound_call(
        &self,
        location: impl Into<LocationId>,
        conversation: impl Into<ConversationId>,
        provider: impl Into<ConversationProviderId>,
    ) -> RecordOutboundCall {
        let builder = RequestBuilder::new(&self.0, &OUTBOUND, location.into()).set("type", json!(Channel::Call));
        let builder = builder.set("conversationId", json!(conversation.into()));
        RecordOutboundCall { builder: builder.set("conversationProviderId", json!(provider.into())) }
    }

    /// Says how a message stands that the app's own conversation provider carries: delivered, failed, pending or read.
    pub fn update_status(
        &self,
        location: impl Into<LocationId>,
        message: impl Into<MessageId>,
        status: impl Into<MessageStatus>,
    ) -> UpdateMessageStatus {
        let builder = RequestBuilder::new(&self.0, &SET_STATUS, location.into()).argument(message.into());
        UpdateMessageStatus { builder: builder.set("status", json!(status.into())) }
    }

    /// Gives a call's message these attachments, at most 5 addresses, in place of those it has.
    pub fn set_attachments<A: Into<String>>(
        &self,
        location: impl Into<LocationId>,
        message: impl Into<MessageId>,
        attachments: impl IntoIterator<Item = A>,
    ) -> PlainRequest<()> {
        let attachments: Vec<String> = attachments.into_iter().map(Into::into).collect();
        let few = attachments.len() <= MOST_ATTACHMENTS;
        let builder = RequestBuilder::new(&self.0, &SET_ATTACHMENTS, location.into()).argument(message.into());
        let builder = builder.require(few, || format!("a message takes at most {MOST_ATTACHMENTS} attachments"));
        builder.set("attachments", json!(attachments)).plain(ignore_body)
    }
}

/// Gives requests what is known of a call.
macro_rules! call {
    ($($name:ident),+) => {
        $(impl $name {
            /// From whom to whom the call went, by phone number, and how it ended.
            pub fn call(
                mut self,
                from: impl Into<String>,
                to: impl Into<String>,
                status: impl Into<CallStatus>,
            ) -> Self {
                let call = json!({"from": from.into(), "to": to.into(), "status": status.into()});
                self.builder = self.builder.set("call", call);
                self
            }

            async fn send(self) -> Result<RecordedMessage> {
                self.builder.json().await
            }
        })+
    };
}
call!(RecordInbound, RecordOutboundCall);

impl UpdateMessageStatus {
    /// Why it failed, in the conversation provider's words.
    pub fn error(mut self, code: impl Into<String>, kind: impl Into<String>, message: impl Into<String>) -> Self {
        let error = json!({"code": code.into(), "type": kind.into(), "message": message.into()});
        self.builder = self.builder.set("error", error);
        self
    }

    async fn send(self) -> Result<SentMessage> {
        self.builder.json().await
    }
}
