use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sidecar_core::{Page, Result, Timestamp};

use super::Conversations;
use crate::{
    client::{CursorPaging, Operation, RequestBuilder, listing, request, setters},
    config::ApiVersion,
    contacts::Direction,
    model::{
        ContactId, Conversation, ConversationId, ConversationSort, ConversationStatus, LocationId, MessageAction,
        MessageDirection, MessageType, UserId, WireTime,
    },
};

static SEARCH: Operation =
    Operation::new("conversations.search", Method::GET, "/conversations/search", ApiVersion::V2021_04_15);

/// Where a search of conversations goes on: the value by which the last one is ordered, as a rule epoch milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StartAfterDate(String);

request! {
    /// Searches conversations; 100 in a page unless set otherwise. From [`Conversations::search`].
    pub struct SearchConversations { paging: CursorPaging<StartAfterDate> } => Page<Conversation, StartAfterDate>
}
listing!(SearchConversations => Conversation, after StartAfterDate);
setters! { query of SearchConversations; {
    /// Only this contact's.
    "contactId" contact: into ContactId,
    /// Only those assigned to one of these users; `unassigned` for those without a user.
    "assignedTo" assigned_to: each UserId,
    /// Only those that one of these users follows.
    "followers" followers: each UserId,
    /// Only those in which one of these users is mentioned.
    "mentions" mentions: each UserId,
    /// Only those in which this text is found.
    "query" query: into String,
    /// Only this one.
    "id" id: into ConversationId,
    /// Only those whose last message is such a one.
    "lastMessageType" last_message_type: MessageType,
    /// Only those whose last message out was written so.
    "lastMessageAction" last_message_action: MessageAction,
    /// Only those whose last message went this way.
    "lastMessageDirection" last_message_direction: MessageDirection,
    /// Only such ones.
    "status" status: ConversationStatus,
    /// The sort order; by default the date of the last message.
    "sortBy" sort_by: ConversationSort,
    /// Which way the order goes; latest first unless set.
    "sort" sort: Direction,
    /// Only those that began then or later; sent as epoch milliseconds.
    "startDate" from: Timestamp => Timestamp::as_millis,
    /// Only those that began then or earlier; sent as epoch milliseconds.
    "endDate" to: Timestamp => Timestamp::as_millis,
}}

impl Conversations {
    /// Searches a location's conversations: one page when awaited, all of them by [`SearchConversations::items`].
    pub fn search(&self, location: impl Into<LocationId>) -> SearchConversations {
        let location = location.into();
        let builder = RequestBuilder::new(&self.0, &SEARCH, location.clone()).query("locationId", location);
        SearchConversations { builder, paging: CursorPaging::new(100, u32::MAX) }
    }
}

impl SearchConversations {
    async fn send(self) -> Result<Page<Conversation, StartAfterDate>> {
        #[derive(Deserialize)]
        struct Found {
            conversations: Vec<Conversation>,
            #[serde(default)]
            total: Option<u64>,
        }
        let mut builder = self.paging.check(self.builder).query("limit", self.paging.limit);
        let first = self.paging.after.is_none();
        if let Some(StartAfterDate(after)) = self.paging.after {
            builder = builder.query("startAfterDate", after);
        }
        let Found { conversations, total } = builder.json().await?;
        let whole = first && total.is_some_and(|total| total <= conversations.len() as u64);
        let next = conversations.last().filter(|_| !whole).and_then(place_of);
        Ok(Page { next, total, items: conversations })
    }
}

/// Returns the sort position of a conversation; the date of the last message if it has none.
fn place_of(last: &Conversation) -> Option<StartAfterDate> {
    let sort = last.sort.as_ref().and_then(|sort| sort.get(0).or(Some(sort)));
    let value = match sort {
        Some(Value::Number(number)) => number.to_string(),
        Some(Value::String(text)) if !text.is_empty() => text.clone(),
        _ => last.last_message_date.as_ref().and_then(WireTime::timestamp)?.as_millis().to_string(),
    };
    Some(StartAfterDate(value))
}
