use http::Method;
use serde_json::{Value, json};
use sidecar_core::{Result, http::Response};

use super::Conversations;
use crate::{
    client::{GhlClient, Operation, PlainRequest, RequestBuilder, request, setters},
    config::ApiVersion,
    model::{ContactId, LocationId, MessageSubtypeId, Subscription, SubscriptionChannel},
};

const VERSION: ApiVersion = ApiVersion::V2021_04_15;
const KINDS: &str = "/conversations/preferences/custom-subtypes";
static LIST: Operation = Operation::new("conversations.preferences.kinds", Method::GET, KINDS, VERSION).removed_in_v3();
static CREATE: Operation =
    Operation::new("conversations.preferences.create_kind", Method::POST, KINDS, VERSION).removed_in_v3();
static UPDATE: Operation = Operation::new(
    "conversations.preferences.update_kind",
    Method::PUT,
    "/conversations/preferences/custom-subtypes/{id}",
    VERSION,
)
.removed_in_v3();
static STATUS: Operation = Operation::new(
    "conversations.preferences.status",
    Method::GET,
    "/conversations/preferences/unsubscriptions/status",
    VERSION,
)
.removed_in_v3();
static CHANGE: Operation = Operation::new(
    "conversations.preferences.change",
    Method::POST,
    "/conversations/preferences/unsubscriptions/user-change",
    VERSION,
)
.removed_in_v3();

/// How long names and descriptions may be, in characters, by the published specification.
const MAX_TEXT_CHARS: usize = 100;

/// Which messages contacts want. From [`Conversations::preferences`]. What is answered is published nowhere, so that it is
/// given as it came; v3 of the API lacks all of it.
#[derive(Debug, Clone)]
pub struct Preferences {
    client: GhlClient,
    location: LocationId,
}

request! {
    /// Creates a kind of messages. From [`Preferences::create_kind`].
    pub struct CreateKind => Value
}
request! {
    /// Changes a kind of messages. From [`Preferences::update_kind`].
    pub struct UpdateKind => Value
}
setters! { body of UpdateKind; {
    /// Whether it is out of use.
    "archived" archived: bool,
    /// The form by which contacts say that they want it again.
    "resubscription_legal_form_id" resubscription_form: into String,
}}
request! {
    /// Reads what a contact wants. From [`Preferences::status`].
    pub struct SubscriptionStatus => Value
}
setters! { query of SubscriptionStatus; {
    /// At this address, which is not the contact's first one.
    "email" email: into String,
}}
request! {
    /// Says what a contact wants. From [`Preferences::change`].
    pub struct ChangeSubscription => Value
}
setters! { body of ChangeSubscription; {
    /// Why the contact may be written to again; needed to subscribe a contact again.
    "legal_reason" legal_reason: into String,
    /// The same at length.
    "legal_description" legal_description: into String,
}}

impl Conversations {
    /// Which messages contacts want: the kinds of messages, and who has refused them.
    pub fn preferences(&self, location: impl Into<LocationId>) -> Preferences {
        Preferences { client: self.0.clone(), location: location.into() }
    }
}

impl Preferences {
    fn builder(&self, operation: &'static Operation) -> RequestBuilder {
        RequestBuilder::new(&self.client, operation, self.location.clone())
    }

    /// Lists the location's own kinds of messages.
    pub fn kinds(&self) -> PlainRequest<Value> {
        self.builder(&LIST).query("locationId", &self.location).plain(as_it_came)
    }

    /// Creates a kind of messages, in a language such as `en`; its name has at most 100 characters.
    pub fn create_kind(
        &self,
        name: impl Into<String>,
        channel: impl Into<SubscriptionChannel>,
        language: impl Into<String>,
    ) -> CreateKind {
        let builder = self.builder(&CREATE).query("locationId", &self.location).set("channel", json!(channel.into()));
        CreateKind { builder: named(builder.set("language", language.into()), "name", name.into()) }
    }

    /// Changes the fields of a kind that are set.
    pub fn update_kind(&self, id: impl Into<MessageSubtypeId>) -> UpdateKind {
        let builder = self.builder(&UPDATE).argument(id.into()).query("locationId", &self.location);
        UpdateKind { builder: builder.with_body() }
    }

    /// Reads which kinds a contact has refused.
    pub fn status(&self, contact: impl Into<ContactId>) -> SubscriptionStatus {
        let builder = self.builder(&STATUS).query("locationId", &self.location);
        SubscriptionStatus { builder: builder.query("contactId", contact.into()) }
    }

    /// Says, for a user, what a contact wants at an e-mail address.
    #[expect(clippy::needless_pass_by_value, reason = "as the other arguments are taken")]
    pub fn change(
        &self,
        contact: impl Into<ContactId>,
        email: impl Into<String>,
        subscription: Subscription,
    ) -> ChangeSubscription {
        let status = |wanted: bool| if wanted { "subscribed" } else { "unsubscribed" };
        let action = match &subscription {
            Subscription::OneOnOne(wanted) => {
                json!({"type": "default", "subtype_name": "One on One", "subtype_status": status(*wanted)})
            }
            Subscription::Custom(id, wanted) => {
                json!({"type": "custom", "subtype_id": id, "subtype_status": status(*wanted)})
            }
            Subscription::All => json!({"type": "resub_all", "subtype_status": status(true)}),
        };
        let builder =
            self.builder(&CHANGE).set("locationId", json!(self.location)).set("contactId", json!(contact.into()));
        ChangeSubscription { builder: builder.set("email", email.into()).set("subscription_action", action) }
    }
}

fn named(builder: RequestBuilder, field: &str, text: String) -> RequestBuilder {
    builder.max_chars(field, &text, MAX_TEXT_CHARS).set(field, text)
}

/// The answer, of which the specification says nothing; nothing at all is `null`.
fn as_it_came(answer: &Response) -> Result<Value> {
    if answer.body.is_empty() { Ok(Value::Null) } else { answer.json() }
}

impl CreateKind {
    /// The description, of at most 100 characters.
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.builder = named(self.builder, "description", description.into());
        self
    }
}

impl UpdateKind {
    /// Its name, of at most 100 characters.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.builder = named(self.builder, "name", name.into());
        self
    }

    /// The description, of at most 100 characters.
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.builder = named(self.builder, "description", description.into());
        self
    }
}

/// Gives requests the answer as it came.
macro_rules! as_it_came {
    ($($name:ident),+) => {
        $(impl $name {
            async fn send(self) -> Result<Value> {
                as_it_came(&self.builder.send().await?)
            }
        })+
    };
}
as_it_came!(CreateKind, UpdateKind, SubscriptionStatus, ChangeSubscription);
