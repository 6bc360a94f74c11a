use serde_json::Value;

use crate::model::{CompanyId, ContactId, LocationId, UserId, WireTime};

sidecar_core::model! {
    /// The payload of `InboundMessage` and `OutboundMessage`: texts, chats, calls, voicemails and e-mails.
    pub struct MessagePayload {
        /// The location.
        "locationId" location_id: LocationId,
        /// The contact.
        "contactId" contact_id: Option<ContactId>,
        /// The conversation.
        "conversationId" conversation_id: Option<String>,
        /// The message; e-mails have an `emailMessageId` instead.
        "messageId" message_id: Option<String>,
        /// `SMS`, `CALL`, `Email`, `VoiceMail`, ….
        "messageType" message_type: Option<String>,
        /// `inbound` or `outbound`.
        "direction" direction: Option<String>,
        /// Its text; HTML for an e-mail.
        "body" body: Option<String>,
        /// The text's type, such as `text/plain`.
        "contentType" content_type: Option<String>,
        /// URLs of attachments, recordings and voicemails.
        "attachments" attachments: Option<Vec<String>>,
        /// How it stands: `delivered`, `completed`, `voicemail`, ….
        "status" status: Option<String>,
        /// When it was written.
        "dateAdded" date_added: Option<WireTime>,
        /// The user who sent it or took the call.
        "userId" user_id: Option<UserId>,
        /// The source: `app`, `workflow`, ….
        "source" source: Option<String>,
        /// The custom conversation provider, where there is one.
        "conversationProviderId" conversation_provider_id: Option<String>,
        /// The call's length in seconds.
        "callDuration" call_duration: Option<f64>,
        /// How the call ended: `completed`, `voicemail`, ….
        "callStatus" call_status: Option<String>,
        /// The e-mail.
        "emailMessageId" email_message_id: Option<String>,
        /// The e-mail's thread.
        "threadId" thread_id: Option<String>,
        /// The e-mail's provider.
        "provider" provider: Option<String>,
        /// The e-mail's sender.
        "from" from: Option<String>,
        /// The e-mail's receivers, a list or a text.
        "to" to: Option<Value>,
        /// The same for copies.
        "cc" cc: Option<Value>,
        /// The same for blind copies.
        "bcc" bcc: Option<Value>,
        /// The e-mail's subject.
        "subject" subject: Option<String>,
    }
}

sidecar_core::model! {
    /// The payload of `ProviderOutboundMessage`, which goes to a conversation provider's delivery URL. On the wire its `type` is the
    /// channel, not the event's name.
    pub struct ProviderMessagePayload {
        /// The location.
        "locationId" location_id: LocationId,
        /// The contact.
        "contactId" contact_id: Option<ContactId>,
        /// The message, by which its status is reported back.
        "messageId" message_id: Option<String>,
        /// The e-mail.
        "emailMessageId" email_message_id: Option<String>,
        /// The channel: `SMS` or `Email`.
        "type" channel: Option<String>,
        /// The text.
        "message" message: Option<String>,
        /// Where the text goes.
        "phone" phone: Option<String>,
        /// URLs of attachments.
        "attachments" attachments: Option<Vec<String>>,
        /// The e-mail's receivers, a list or a text.
        "emailTo" email_to: Option<Value>,
        /// The e-mail's sender.
        "emailFrom" email_from: Option<String>,
        /// The e-mail's content.
        "html" html: Option<String>,
        /// The e-mail's subject.
        "subject" subject: Option<String>,
        /// The user who sent it.
        "userId" user_id: Option<UserId>,
    }
}

sidecar_core::model! {
    /// The payload of `ConversationUnreadUpdate` (its page is called `ConversationUnreadWebhook`).
    pub struct ConversationUnreadPayload {
        /// The conversation.
        "id" id: String,
        /// Its location.
        "locationId" location_id: LocationId,
        /// Its contact.
        "contactId" contact_id: Option<ContactId>,
        /// The number of unread messages.
        "unreadCount" unread_count: Option<i64>,
        /// Whether it is in the inbox.
        "inbox" inbox: Option<bool>,
        /// Whether it is marked as important.
        "starred" starred: Option<bool>,
        /// Whether it is in the bin.
        "deleted" deleted: Option<bool>,
    }
}

sidecar_core::model! {
    /// The payload of `ConversationUpdate`: a live chat was merged into the conversation of the contact that the visitor was identified as.
    pub struct ConversationMergePayload {
        /// The conversation that goes on.
        "newConversationId" new_conversation_id: String,
        /// The one that is gone.
        "oldConversationId" old_conversation_id: Option<String>,
        /// The location.
        "locationId" location_id: Option<LocationId>,
        /// The company.
        "companyId" company_id: Option<CompanyId>,
        /// The contact.
        "contactId" contact_id: Option<ContactId>,
    }
}

sidecar_core::model! {
    /// The payload of `CampaignStatusUpdate`.
    pub struct CampaignStatusPayload {
        /// The campaign.
        "id" id: String,
        /// Its location.
        "locationId" location_id: LocationId,
        /// The contact that is in it.
        "contactId" contact_id: Option<ContactId>,
        /// The status of the campaign for the contact.
        "status" status: Option<String>,
        /// The template that was sent.
        "templateId" template_id: Option<String>,
        /// The contact's reply.
        "replied" replied: Option<Value>,
        /// When the contact was added.
        "dateAdded" date_added: Option<WireTime>,
    }
}

sidecar_core::model! {
    /// The payload of `LCEmailStats`: the delivery status of an e-mail.
    pub struct EmailStatsPayload {
        /// The location.
        "locationId" location_id: Option<LocationId>,
        /// The company.
        "companyId" company_id: Option<CompanyId>,
        /// The mail server's report.
        "webhookPayload" report: EmailStats,
    }
}

sidecar_core::model! {
    /// A mail server's report of one e-mail. Its further fields, some with dashes in their names, are in `extra`.
    pub struct EmailStats {
        /// `delivered`, `opened`, `clicked`, `bounced`, `complained`, `unsubscribed`, ….
        "event" event: Option<String>,
        /// The report.
        "id" id: Option<String>,
        /// When, in seconds since 1970.
        "timestamp" timestamp: Option<WireTime>,
        /// Whom it went to.
        "recipient" recipient: Option<String>,
        /// The receiver's server's answer: `code`, `message`, `description`, ….
        "delivery-status" delivery_status: Option<Value>,
        /// Labels; those of the provider name the location (`loc_…`) and the company (`com_…`).
        "tags" tags: Option<Vec<String>>,
    }
}

sidecar_core::model! {
    /// The payload of `VoiceAiCallEnd`.
    pub struct VoiceCallPayload {
        /// The call.
        "id" id: String,
        /// The location.
        "locationId" location_id: LocationId,
        /// The voice agent.
        "agentId" agent_id: Option<String>,
        /// The contact.
        "contactId" contact_id: Option<ContactId>,
        /// The caller's number.
        "fromNumber" from_number: Option<String>,
        /// When it began.
        "createdAt" created_at: Option<WireTime>,
        /// Its length in seconds.
        "duration" duration: Option<f64>,
        /// A summary of the call.
        "summary" summary: Option<String>,
        /// The transcript.
        "transcript" transcript: Option<String>,
        /// The same in another `language`.
        "translation" translation: Option<Value>,
        /// The data that the agent collected, by field.
        "extractedData" extracted_data: Option<Value>,
        /// The actions of the agent, in order.
        "executedCallActions" executed_call_actions: Option<Vec<Value>>,
        /// Its message in the conversation.
        "messageId" message_id: Option<String>,
        /// Whether it was only a trial.
        "trialCall" trial_call: Option<bool>,
    }
}
