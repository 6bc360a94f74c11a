use serde_json::Value;

use super::{
    ContactId, ConversationId, ConversationProviderId, EmailMessageId, LocationId, MessageId, MessageType, UserId,
    WireTime,
};

sidecar_core::open_enum! {
    /// Which way a message went.
    pub enum MessageDirection {
        /// From the contact.
        Inbound = "inbound",
        /// To the contact.
        Outbound = "outbound",
    }
}

sidecar_core::open_enum! {
    /// The source of a message.
    pub enum MessageAction {
        /// A workflow or another automation.
        Automated = "automated",
        /// A person.
        Manual = "manual",
    }
}

sidecar_core::open_enum! {
    /// How a message stands.
    pub enum MessageStatus {
        /// A call came about.
        Connected = "connected",
        /// It arrived.
        Delivered = "delivered",
        /// It could not be sent.
        Failed = "failed",
        /// It was opened.
        Opened = "opened",
        /// It is on its way.
        Pending = "pending",
        /// It was read.
        Read = "read",
        /// It will be sent later.
        Scheduled = "scheduled",
        /// It was sent.
        Sent = "sent",
        /// It did not arrive.
        Undelivered = "undelivered",
        /// A link in it was followed.
        Clicked = "clicked",
        /// The contact wants no more.
        OptOut = "opt_out",
        /// It waits to be sent.
        Queued = "queued",
    }
}

sidecar_core::open_enum! {
    /// How a call ended.
    pub enum CallStatus {
        /// It has not.
        Pending = "pending",
        /// It took place.
        Completed = "completed",
        /// Somebody answered.
        Answered = "answered",
        /// The line was busy.
        Busy = "busy",
        /// Nobody answered.
        NoAnswer = "no-answer",
        /// It could not be made.
        Failed = "failed",
        /// The delivery failed permanently.
        Canceled = "canceled",
        /// A voice mail was left.
        Voicemail = "voicemail",
    }
}

sidecar_core::model! {
    /// A message of a conversation.
    pub struct Message {
        /// Its id.
        "id" id: MessageId,
        /// The type, as GHL's number.
        "type" type_number: Option<i64>,
        /// The kind.
        "messageType" message_type: Option<MessageType>,
        /// Its location.
        "locationId" location_id: Option<LocationId>,
        /// The contact.
        "contactId" contact_id: Option<ContactId>,
        /// Its conversation.
        "conversationId" conversation_id: Option<ConversationId>,
        /// When it was written.
        "dateAdded" date_added: Option<WireTime>,
        /// Its text; that of an e-mail is read with [`email`](crate::conversations::Conversations::email).
        "body" body: Option<String>,
        /// Which way it went.
        "direction" direction: Option<MessageDirection>,
        /// How it stands.
        "status" status: Option<MessageStatus>,
        /// Its media type, such as `text/plain`.
        "contentType" content_type: Option<String>,
        /// The addresses of what is attached.
        "attachments" attachments: Option<Vec<String>>,
        /// More of a call (`callDuration`, `callStatus`) or of an e-mail (`email.messageIds`).
        "meta" meta: Option<Value>,
        /// The source: `workflow`, `bulk_actions`, `campaign`, `api` or `app`.
        "source" source: Option<String>,
        /// The user who wrote it.
        "userId" user_id: Option<UserId>,
        /// The provider that delivered it.
        "conversationProviderId" conversation_provider_id: Option<ConversationProviderId>,
        /// The chat widget it came by.
        "chatWidgetId" chat_widget_id: Option<String>,
    }
}

sidecar_core::model! {
    /// An e-mail of a conversation, whole.
    pub struct EmailMessage {
        /// Its id.
        "id" id: EmailMessageId,
        /// Its id in another system.
        "altId" alt_id: Option<String>,
        /// The message that its thread begins with.
        "threadId" thread_id: Option<MessageId>,
        /// Its location.
        "locationId" location_id: Option<LocationId>,
        /// The contact.
        "contactId" contact_id: Option<ContactId>,
        /// Its conversation.
        "conversationId" conversation_id: Option<ConversationId>,
        /// When it was written.
        "dateAdded" date_added: Option<WireTime>,
        /// Its subject.
        "subject" subject: Option<String>,
        /// Its text.
        "body" body: Option<String>,
        /// Which way it went.
        "direction" direction: Option<MessageDirection>,
        /// How it stands.
        "status" status: Option<MessageStatus>,
        /// Its media type, such as `text/html`.
        "contentType" content_type: Option<String>,
        /// The addresses of what is attached.
        "attachments" attachments: Option<Vec<String>>,
        /// The provider that delivered it, such as `mailgun`.
        "provider" provider: Option<String>,
        /// From whom.
        "from" from: Option<String>,
        /// To whom.
        "to" to: Option<Vec<String>>,
        /// The CC recipients.
        "cc" cc: Option<Vec<String>>,
        /// The BCC recipients.
        "bcc" bcc: Option<Vec<String>>,
        /// The message that it replies to.
        "replyToMessageId" reply_to_message_id: Option<String>,
        /// The source: `workflow`, `bulk_actions`, `campaign`, `api` or `app`.
        "source" source: Option<String>,
        /// The provider that delivered it.
        "conversationProviderId" conversation_provider_id: Option<ConversationProviderId>,
    }
}

sidecar_core::model! {
    /// The response to a message that GHL accepted. No field is required: the message is sent in any case.
    pub struct SentMessage {
        /// Its conversation.
        "conversationId" conversation_id: Option<ConversationId>,
        /// The message.
        "messageId" message_id: Option<MessageId>,
        /// The messages, when it was cut into several.
        "messageIds" message_ids: Option<Vec<MessageId>>,
        /// The e-mail.
        "emailMessageId" email_message_id: Option<EmailMessageId>,
        /// How it stands.
        "status" status: Option<MessageStatus>,
        /// A remark.
        "msg" remark: Option<String>,
    }
}

sidecar_core::model! {
    /// The response to a recorded message or call.
    pub struct RecordedMessage {
        /// Its conversation.
        "conversationId" conversation_id: Option<ConversationId>,
        /// The message.
        "messageId" message_id: Option<MessageId>,
        /// A remark.
        "message" remark: Option<String>,
        /// The contact.
        "contactId" contact_id: Option<ContactId>,
        /// When it was written.
        "dateAdded" date_added: Option<WireTime>,
        /// The e-mail.
        "emailMessageId" email_message_id: Option<EmailMessageId>,
    }
}

sidecar_core::model! {
    /// The result of cancelling a scheduled message. GHL returns 200 in either case.
    pub struct CancelOutcome {
        /// An HTTP status: 2xx when it was taken back.
        "status" status: u16,
        /// Why not.
        "message" message: Option<String>,
    }
}

impl CancelOutcome {
    /// Whether the message was taken back.
    pub fn is_cancelled(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

sidecar_core::model! {
    /// A sentence of a recorded call.
    pub struct Sentence {
        /// The transcript.
        "transcript" transcript: String,
        /// Its place in the call.
        "sentenceIndex" index: Option<i64>,
        /// The channel of the speaker.
        "mediaChannel" media_channel: Option<i64>,
        /// When it begins, in milliseconds of the recording.
        "startTime" start_millis: Option<f64>,
        /// When it ends, in milliseconds of the recording.
        "endTime" end_millis: Option<f64>,
        /// How sure the transcription is, from 0 to 1.
        "confidence" confidence: Option<f64>,
    }
}
