use serde_json::Value;

use super::{ContactId, ConversationId, LocationId, MessageDirection, MessageType, UserId, WireTime};

sidecar_core::open_enum! {
    /// Which conversations a search is for.
    pub enum ConversationStatus {
        /// All.
        All = "all",
        /// Those that were read.
        Read = "read",
        /// Those that were not.
        Unread = "unread",
        /// Starred conversations.
        Starred = "starred",
        /// The latest ones.
        Recents = "recents",
    }
}

sidecar_core::open_enum! {
    /// The sort order of conversations.
    pub enum ConversationSort {
        /// When a person last wrote.
        LastManualMessageDate = "last_manual_message_date",
        /// The time of the last message, manual or automatic.
        LastMessageDate = "last_message_date",
        /// A score.
        ScoreProfile = "score_profile",
        /// When an answer is overdue.
        OverdueAt = "overdue_at",
        /// When an answer is due.
        DueAt = "due_at",
    }
}

sidecar_core::model! {
    /// A conversation with a contact. Search answers, reads and writes each leave some fields out.
    pub struct Conversation {
        /// Its id.
        "id" id: ConversationId,
        /// Whom it is with.
        "contactId" contact_id: Option<ContactId>,
        /// Its location.
        "locationId" location_id: Option<LocationId>,
        /// The last message's text.
        "lastMessageBody" last_message_body: Option<String>,
        /// When the last message was written.
        "lastMessageDate" last_message_date: Option<WireTime>,
        /// The type of the last message.
        "lastMessageType" last_message_type: Option<MessageType>,
        /// The direction of the last message.
        "lastMessageDirection" last_message_direction: Option<MessageDirection>,
        /// Its main channel: searches send a name such as `TYPE_PHONE`, reads a number (1 phone, 2 e-mail, 3 Facebook,
        /// 4 review, 5 group).
        "type" kind: Option<Value>,
        /// The number of unread messages.
        "unreadCount" unread_count: Option<i64>,
        /// The contact's whole name.
        "fullName" full_name: Option<String>,
        /// The contact's name, or its company's.
        "contactName" contact_name: Option<String>,
        /// The contact's e-mail address.
        "email" email: Option<String>,
        /// The contact's phone number.
        "phone" phone: Option<String>,
        /// The user it is assigned to.
        "assignedTo" assigned_to: Option<UserId>,
        /// The user who began it.
        "userId" user_id: Option<UserId>,
        /// Whether it is starred.
        "starred" starred: Option<bool>,
        /// Whether it is in the inbox.
        "inbox" inbox: Option<bool>,
        /// Whether it is deleted.
        "deleted" deleted: Option<bool>,
        /// When it began.
        "dateAdded" date_added: Option<WireTime>,
        /// When it last changed.
        "dateUpdated" date_updated: Option<WireTime>,
        /// The values by which a search ordered it.
        "sort" sort: Option<Value>,
    }
}
