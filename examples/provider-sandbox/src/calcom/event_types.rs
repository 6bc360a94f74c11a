//! Event types: what can be booked, and how. Settings that the stand-in does not act on are kept and shown.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, RawQuery, State};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::account::Account;
use super::error::ApiError;
use super::gate::Caller;
use super::me::merged;
use super::reply::{self, Answer};
use super::shape::{self, Query};
use super::state::World;
use crate::lock;

/// A minute in milliseconds.
const MINUTE_MS: i64 = 60_000;
/// The longest booking, in minutes.
const LONGEST: i64 = 24 * 60;

/// What can be booked.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EventType {
    #[serde(default)]
    pub(crate) id: i64,
    #[serde(default)]
    pub(crate) owner_id: i64,
    pub(crate) title: String,
    pub(crate) slug: String,
    #[serde(rename = "lengthInMinutes")]
    pub(crate) length: i64,
    #[serde(rename = "lengthInMinutesOptions", default, skip_serializing_if = "Vec::is_empty")]
    lengths: Vec<i64>,
    #[serde(default)]
    pub(crate) description: String,
    #[serde(default)]
    slot_interval: Option<i64>,
    #[serde(default)]
    minimum_booking_notice: i64,
    #[serde(default)]
    before_event_buffer: i64,
    #[serde(default)]
    after_event_buffer: i64,
    #[serde(default)]
    pub(crate) schedule_id: Option<i64>,
    #[serde(default)]
    pub(crate) hidden: bool,
    #[serde(default)]
    pub(crate) booking_requires_authentication: bool,
    #[serde(default)]
    confirmation_policy: Option<Value>,
    #[serde(default)]
    seats: Option<Value>,
    #[serde(flatten)]
    more: Map<String, Value>,
}

impl EventType {
    pub(crate) fn seeded(title: &str, slug: &str, length: i64, more: &Map<String, Value>) -> Self {
        let field = |name: &str| more.get(name).cloned();
        let lengths = more.get("lengthInMinutesOptions").and_then(Value::as_array);
        Self {
            id: 0,
            owner_id: 0,
            title: title.to_owned(),
            slug: slug.to_owned(),
            length,
            lengths: lengths.into_iter().flatten().filter_map(Value::as_i64).collect(),
            description: more.get("description").and_then(Value::as_str).unwrap_or_default().to_owned(),
            slot_interval: None,
            minimum_booking_notice: 0,
            before_event_buffer: 0,
            after_event_buffer: 0,
            schedule_id: None,
            hidden: more.get("hidden").and_then(Value::as_bool).unwrap_or(false),
            booking_requires_authentication: false,
            confirmation_policy: field("confirmationPolicy"),
            seats: field("seats"),
            more: Map::new(),
        }
    }

    /// How long a booking is, in milliseconds: as wished where there is a choice.
    pub(crate) fn length_ms(&self, property: &str, wished: Option<i64>) -> Result<i64, ApiError> {
        let minutes = match wished {
            None => self.length,
            Some(minutes) if minutes == self.length || self.lengths.contains(&minutes) => minutes,
            Some(minutes) if self.lengths.is_empty() => {
                let complaint = format!("{minutes} is refused: the event type has no lengthInMinutesOptions");
                return Err(ApiError::invalid(property, complaint));
            }
            Some(minutes) => {
                let complaint = format!("{minutes} is none of the event type's lengthInMinutesOptions");
                return Err(ApiError::invalid(property, complaint));
            }
        };
        Ok(minutes * MINUTE_MS)
    }

    /// The distance of one slot's start from the next, in milliseconds.
    pub(crate) fn step_ms(&self, length_ms: i64) -> i64 {
        self.slot_interval.map_or(length_ms, |minutes| minutes * MINUTE_MS)
    }

    /// How long before it begins it can last be booked, in milliseconds.
    pub(crate) fn notice_ms(&self) -> i64 {
        self.minimum_booking_notice * MINUTE_MS
    }

    /// What is kept free before and after, in milliseconds.
    pub(crate) fn buffers_ms(&self) -> (i64, i64) {
        (self.before_event_buffer * MINUTE_MS, self.after_event_buffer * MINUTE_MS)
    }

    pub(crate) fn needs_confirmation(&self) -> bool {
        enabled(self.confirmation_policy.as_ref()).is_some()
    }

    /// How many attendees share a slot.
    pub(crate) fn seats(&self) -> Option<usize> {
        let seats = enabled(self.seats.as_ref())?.get("seatsPerTimeSlot")?.as_u64()?;
        usize::try_from(seats).ok()
    }

    fn check(&self, account: &Account) -> Result<(), ApiError> {
        let lengths = [&[self.length], self.lengths.as_slice()].concat();
        if lengths.iter().any(|minutes| !(1..=LONGEST).contains(minutes)) {
            return Err(ApiError::invalid("lengthInMinutes", "lengthInMinutes must be 1 to 1440"));
        }
        if self.slot_interval.is_some_and(|minutes| !(1..=LONGEST).contains(&minutes)) {
            return Err(ApiError::invalid("slotInterval", "slotInterval must be 1 to 1440"));
        }
        if !(0..=366 * LONGEST).contains(&self.minimum_booking_notice) {
            return Err(ApiError::invalid("minimumBookingNotice", "minimumBookingNotice must be 0 minutes to a year"));
        }
        if [self.before_event_buffer, self.after_event_buffer].iter().any(|minutes| !(0..=LONGEST).contains(minutes)) {
            return Err(ApiError::invalid("beforeEventBuffer", "buffers must be 0 to 1440 minutes"));
        }
        if self.title.is_empty() || self.slug.is_empty() {
            return Err(ApiError::invalid("title", "title and slug should not be empty"));
        }
        if account.event_types.values().any(|other| other.id != self.id && other.slug == self.slug) {
            return Err(ApiError::bad_request("User already has an event type with this slug."));
        }
        match self.schedule_id {
            Some(id) if !account.schedules.contains_key(&id) => {
                Err(ApiError::not_found(format!("Schedule with id={id} does not exist.")))
            }
            _ => Ok(()),
        }
    }

    fn read(&self, account: &Account) -> Value {
        let mut shown = serde_json::to_value(self).unwrap_or_default();
        let me = &account.me;
        shown["users"] = json!([{"id": me.id, "name": me.name, "username": me.username, "avatarUrl": null}]);
        shown["bookingUrl"] = json!(format!("https://cal.example.com/{}/{}", me.username, self.slug));
        for (name, value) in [("price", json!(0)), ("currency", json!("usd")), ("metadata", json!({}))] {
            if shown.get(name).is_none() {
                shown[name] = value;
            }
        }
        shown
    }
}

/// A setting that is an object, unless it was taken away by `{"disabled": true}`.
fn enabled(setting: Option<&Value>) -> Option<&Map<String, Value>> {
    setting?.as_object().filter(|setting| setting.get("disabled") != Some(&Value::Bool(true)))
}

/// `GET /v2/event-types`: hidden ones for the owner only.
pub(crate) async fn list(
    State(world): State<Arc<World>>,
    Extension(caller): Extension<Caller>,
    RawQuery(query): RawQuery,
) -> Answer {
    let query = Query::parse(query.as_deref());
    if !caller.is_host() && query.get("username").is_none() {
        return Err(ApiError::unauthorized(
            "No authentication method provided, and no username to list the event types of.",
        ));
    }
    let account = lock(&world.account);
    let of_user = query.get("username").is_none_or(|name| name == account.me.username);
    let slug = query.get("eventSlug");
    let mut shown: Vec<Value> = account
        .event_types
        .values()
        .filter(|own| of_user && (caller.is_host() || !own.hidden) && slug.is_none_or(|slug| slug == own.slug))
        .map(|own| own.read(&account))
        .collect();
    if query.get("sortCreatedAt") == Some("desc") {
        shown.reverse();
    }
    reply::ok(&shown)
}

/// `GET /v2/event-types/{id}`.
pub(crate) async fn get(State(world): State<Arc<World>>, Path(id): Path<String>) -> Answer {
    let id = shape::id(&id)?;
    let account = lock(&world.account);
    reply::ok(&account.event_type(id)?.read(&account))
}

/// `POST /v2/event-types`.
pub(crate) async fn create(State(world): State<Arc<World>>, body: Bytes) -> Answer {
    let event_type = EventType { id: 0, ..shape::read(&body)? };
    let mut account = lock(&world.account);
    event_type.check(&account)?;
    let id = account.add_event_type(event_type);
    reply::created(&account.event_type(id)?.read(&account))
}

/// `PATCH /v2/event-types/{id}`.
pub(crate) async fn update(State(world): State<Arc<World>>, Path(id): Path<String>, body: Bytes) -> Answer {
    let id = shape::id(&id)?;
    let mut body = shape::object(&body)?;
    body.retain(|name, _| name != "id" && name != "ownerId");
    let mut account = lock(&world.account);
    let event_type: EventType = shape::typed(merged(account.event_type(id)?, body)?)?;
    event_type.check(&account)?;
    account.event_types.insert(id, event_type);
    reply::ok(&account.event_type(id)?.read(&account))
}

/// `DELETE /v2/event-types/{id}`. Its bookings stay.
pub(crate) async fn delete(State(world): State<Arc<World>>, Path(id): Path<String>) -> Answer {
    let id = shape::id(&id)?;
    let mut account = lock(&world.account);
    let EventType { title, slug, length, .. } = account.event_type(id)?.clone();
    account.event_types.remove(&id);
    reply::ok(&json!({"id": id, "title": title, "slug": slug, "lengthInMinutes": length}))
}
