use serde::Serialize;
use serde_json::{Map, Value, json};
use sidecar_core::{Error, Result, SendState};

use crate::{
    client::{RequestBuilder, request},
    config::{MAX_METADATA_KEY_CHARS, MAX_METADATA_KEYS, MAX_METADATA_VALUE_CHARS},
    error::{CalcomErrorExt, CalcomErrorReason},
    model::{Booked, EventTypeId, Location, Minutes, UserId, WireTime},
};

/// Which event type is booked.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventTypeSelector {
    /// By its id.
    Id(EventTypeId),
    /// A user's, by its slug.
    OfUser {
        /// The event type's slug.
        slug: String,
        /// The user's name.
        username: String,
        /// The user's organization, by its slug.
        organization: Option<String>,
    },
    /// A team's, by its slug.
    OfTeam {
        /// The event type's slug.
        slug: String,
        /// The team's slug.
        team: String,
        /// The team's organization, by its slug.
        organization: Option<String>,
    },
}

impl From<EventTypeId> for EventTypeSelector {
    fn from(id: EventTypeId) -> Self {
        Self::Id(id)
    }
}

impl From<i64> for EventTypeSelector {
    fn from(id: i64) -> Self {
        Self::Id(id.into())
    }
}

impl EventTypeSelector {
    /// Its fields, the same in bodies and queries.
    pub(crate) fn fields(&self) -> Vec<(&'static str, Value)> {
        let (slug, owner, organization) = match self {
            Self::Id(id) => return vec![("eventTypeId", json!(id))],
            Self::OfUser { slug, username, organization } => (slug, ("username", json!(username)), organization),
            Self::OfTeam { slug, team, organization } => (slug, ("teamSlug", json!(team)), organization),
        };
        let mut fields = vec![("eventTypeSlug", json!(slug)), owner];
        fields.extend(organization.as_ref().map(|organization| ("organizationSlug", json!(organization))));
        fields
    }
}

/// Who comes to a new booking.
///
/// ```
/// use calcom_client::bookings::NewAttendee;
/// let ann = NewAttendee::new("Ann Example", "ann@example.com", "Europe/Berlin").phone("+4915112345678");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NewAttendee {
    name: String,
    time_zone: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    phone_number: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<String>,
}

impl NewAttendee {
    /// With name, e-mail address and IANA time zone (`Europe/Berlin`).
    pub fn new(name: impl Into<String>, email: impl Into<String>, time_zone: impl Into<String>) -> Self {
        let (name, time_zone) = (name.into(), time_zone.into());
        Self { name, time_zone, email: Some(email.into()), phone_number: None, language: None }
    }

    /// With a phone number in E.164 instead of an e-mail address, for event types that want it so.
    pub fn by_phone(name: impl Into<String>, phone: impl Into<String>, time_zone: impl Into<String>) -> Self {
        let (name, time_zone) = (name.into(), time_zone.into());
        Self { name, time_zone, email: None, phone_number: Some(phone.into()), language: None }
    }

    /// Phone number in E.164; needed where reminders go out by text message.
    #[must_use]
    pub fn phone(mut self, phone: impl Into<String>) -> Self {
        self.phone_number = Some(phone.into());
        self
    }

    /// Language of mails and pages, such as `de`; `en` unless set.
    #[must_use]
    pub fn language(mut self, language: impl Into<String>) -> Self {
        self.language = Some(language.into());
        self
    }

    /// What is missing of it.
    fn complaint(&self) -> Option<&'static str> {
        let empty = |text: &str| text.trim().is_empty();
        match () {
            () if empty(&self.name) => Some("the attendee needs a name"),
            () if empty(&self.time_zone) => {
                Some("the attendee needs an IANA time zone, such as `Europe/Berlin` or `UTC`")
            }
            () if self.email.as_deref().or(self.phone_number.as_deref()).is_none_or(empty) => {
                Some("the attendee needs an e-mail address or a phone number")
            }
            () => None,
        }
    }
}

/// The answer of a routing form that led to a booking.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Routing {
    /// The form's answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_id: Option<i64>,
    /// The form's answer, when it is not kept yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queued_response_id: Option<String>,
    /// Who may be booked.
    pub team_member_ids: Vec<UserId>,
    /// Who is wanted, by e-mail address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team_member_email: Option<String>,
    /// Whether the contact's owner in the CRM is passed over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skip_contact_owner: Option<bool>,
    /// The CRM's app.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crm_app_slug: Option<String>,
    /// The kind of record that has the owner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crm_owner_record_type: Option<String>,
}

request! {
    /// Books a slot. From [`Bookings::create`](super::Bookings::create).
    ///
    /// It is never sent a second time by itself. End it with [`create_or_find`](CreateBooking::create_or_find) in place of `.await`
    /// to learn what became of one whose answer was lost.
    CreateBooking => Booked, via send;
    body {
        /// Further e-mail addresses that are invited.
        "guests" guests: Vec<String>,
        /// Where it takes place; the event type's first place unless set.
        "location" location: Location,
        /// How long it is, where the event type leaves the choice.
        "lengthInMinutes" length: Minutes,
        /// How many bookings of the series, of a recurring event type; as many as the event type has unless set.
        "recurrenceCount" recurrence_count: u32,
        /// Books at once and calls the hosts, of a team's event type that can.
        "instant" instant: bool,
        /// The routing form's answer that led here.
        "routing" routing: Routing,
        /// The code that the attendee got by mail, where the event type asks for one.
        "emailVerificationCode" email_verification_code: String,
        /// Books though the host has something else then. Counts only with the host's credentials and is ignored otherwise.
        "allowConflicts" allow_conflicts: bool,
        /// Books outside the booking window; as [`allow_conflicts`](Self::allow_conflicts), and on the cloud only.
        "allowBookingOutOfBounds" allow_out_of_bounds: bool,
        /// Books beyond the event type's limits; as [`allow_out_of_bounds`](Self::allow_out_of_bounds).
        "skipBookingLimits" skip_booking_limits: bool,
    }
}

impl CreateBooking {
    pub(super) fn new(
        builder: RequestBuilder,
        event_type: &EventTypeSelector,
        start: &WireTime,
        attendee: &NewAttendee,
    ) -> Self {
        let builder = event_type.fields().into_iter().fold(builder, |builder, (name, value)| builder.set(name, value));
        let complaint = attendee.complaint();
        let builder = builder.set("start", start).set("attendee", attendee);
        Self(builder.require(complaint.is_none(), complaint.unwrap_or_default()))
    }

    /// A value of one's own, which comes back in answers and in the events of created, requested and moved bookings (not of
    /// cancelled or rejected ones). At most 50, keys of 40 and values of 500 characters.
    pub fn metadata(self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.entry("metadata", key.into(), value.into().into())
    }

    /// What the attendee filled in, by the slug of the event type's field.
    pub fn response(self, field: impl Into<String>, value: impl Into<Value>) -> Self {
        self.entry("bookingFieldsResponses", field.into(), value.into())
    }

    fn entry(self, object: &str, key: String, value: Value) -> Self {
        let mut map: Map<String, Value> = self.0.field(object).and_then(Value::as_object).cloned().unwrap_or_default();
        map.insert(key, value);
        Self(self.0.set(object, map))
    }

    fn checked(self) -> Self {
        let empty = Map::new();
        let metadata = self.0.field("metadata").and_then(Value::as_object).unwrap_or(&empty);
        let why = if metadata.len() > MAX_METADATA_KEYS {
            Some(format!("a booking has at most {MAX_METADATA_KEYS} values of metadata, not {}", metadata.len()))
        } else if let Some(key) = metadata.keys().find(|key| key.chars().count() > MAX_METADATA_KEY_CHARS) {
            Some(format!("the metadata key `{key}` is longer than {MAX_METADATA_KEY_CHARS} characters"))
        } else {
            let long =
                |value: &Value| value.as_str().is_some_and(|text| text.chars().count() > MAX_METADATA_VALUE_CHARS);
            let found = metadata.iter().find(|(_, value)| long(value));
            found.map(|(key, _)| {
                format!("the metadata value of `{key}` is longer than {MAX_METADATA_VALUE_CHARS} characters")
            })
        };
        match why {
            Some(why) => Self(self.0.reject(why)),
            None => self,
        }
    }

    pub(super) async fn send(self) -> Result<Booked> {
        self.checked().0.data().await.map_err(perhaps_booked)
    }
}

/// The provider has been seen to book and to say that nobody was free
/// (<https://github.com/calcom/cal.diy/issues/15379>).
fn perhaps_booked(error: Error) -> Error {
    match error.problem() {
        Some(CalcomErrorReason::SlotTaken) => error.with_send_state(SendState::Unknown),
        _ => error,
    }
}
