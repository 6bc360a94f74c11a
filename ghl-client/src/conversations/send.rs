use http::Method;
use serde_json::json;
use sidecar_core::{Result, Timestamp};

use super::Conversations;
use crate::{
    client::{Operation, PlainRequest, RequestBuilder, any_field, request, setters},
    config::ApiVersion,
    model::{
        AppointmentId, CancelOutcome, Channel, ContactId, ConversationProviderId, EmailMessageId, LocationId,
        MessageId, SentMessage, TemplateId,
    },
};

const VERSION: ApiVersion = ApiVersion::V2021_04_15;
static SEND: Operation = Operation::new("conversations.send", Method::POST, "/conversations/messages", VERSION);
static CANCEL: Operation = Operation::new(
    "conversations.cancel_scheduled",
    Method::DELETE,
    "/conversations/messages/{messageId}/schedule",
    VERSION,
);
static CANCEL_EMAIL: Operation = Operation::new(
    "conversations.cancel_scheduled_email",
    Method::DELETE,
    "/conversations/messages/email/{emailMessageId}/schedule",
    VERSION,
);

/// The content of a message.
const CONTENT: [&str; 4] = ["message", "html", "attachments", "templateId"];

request! {
    /// Sends a message. From [`Conversations::send`].
    pub struct SendMessage => SentMessage
}
setters! { body of SendMessage; {
    /// Its text.
    "message" text: into String,
    /// An e-mail's text as HTML.
    "html" html: into String,
    /// An e-mail's subject.
    "subject" subject: into String,
    /// The addresses of what is attached.
    "attachments" attachments: each String,
    /// A template's content.
    "templateId" template: into TemplateId,
    /// From which address an e-mail comes.
    "emailFrom" email_from: into String,
    /// To which of the contact's addresses an e-mail goes.
    "emailTo" email_to: into String,
    /// The CC recipients of an e-mail.
    "emailCc" email_cc: each String,
    /// The BCC recipients of an e-mail.
    "emailBcc" email_bcc: each String,
    /// Whom an e-mail's answer goes to: `reply` or `reply_all`.
    "emailReplyMode" email_reply_mode: into String,
    /// The message that it replies to.
    "replyMessageId" reply_to: into MessageId,
    /// The thread it belongs to: the message that the thread begins with.
    "threadId" thread: into MessageId,
    /// When it is to be sent; sent as epoch seconds.
    "scheduledTimestamp" scheduled: Timestamp => Timestamp::as_secs,
    /// The appointment it is about.
    "appointmentId" appointment: into AppointmentId,
    /// The provider that delivers it.
    "conversationProviderId" provider: into ConversationProviderId,
    /// From which phone number it comes.
    "fromNumber" from_number: into String,
    /// To which phone number it goes.
    "toNumber" to_number: into String,
}}
any_field!(SendMessage);

impl Conversations {
    /// Sends a message to a contact: its text, HTML, attachments or template is needed too.
    pub fn send(
        &self,
        location: impl Into<LocationId>,
        contact: impl Into<ContactId>,
        channel: impl Into<Channel>,
    ) -> SendMessage {
        let builder = RequestBuilder::new(&self.0, &SEND, location.into()).set("type", json!(channel.into()));
        SendMessage { builder: builder.set("contactId", json!(contact.into())) }
    }

    /// Takes back a message that was to be sent later. Look at what came of it: [`CancelOutcome::is_cancelled`].
    pub fn cancel_scheduled(
        &self,
        location: impl Into<LocationId>,
        message: impl Into<MessageId>,
    ) -> PlainRequest<CancelOutcome> {
        RequestBuilder::new(&self.0, &CANCEL, location.into()).argument(message.into()).plain(|answer| answer.json())
    }

    /// Takes back an e-mail that was to be sent later. Look at what came of it: [`CancelOutcome::is_cancelled`].
    pub fn cancel_scheduled_email(
        &self,
        location: impl Into<LocationId>,
        email: impl Into<EmailMessageId>,
    ) -> PlainRequest<CancelOutcome> {
        RequestBuilder::new(&self.0, &CANCEL_EMAIL, location.into())
            .argument(email.into())
            .plain(|answer| answer.json())
    }
}

impl SendMessage {
    async fn send(self) -> Result<SentMessage> {
        let content = CONTENT.iter().any(|field| self.builder.has(field));
        let why = || "the message is empty: give it `text`, `html`, `attachments` or a `template`".to_owned();
        self.builder.require(content, why).json().await
    }
}
