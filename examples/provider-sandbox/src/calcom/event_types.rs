//! Event types. Settings that the sandbox does not implement are stored and returned.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, RawQuery, State};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::account::Account;
use super::middleware::Caller;
use super::response::{self, ApiError, ApiResult};
use super::schema::{self, Query};
use super::state::CalcomState;
use crate::lock;

const MINUTE_MS: i64 = 60_000;
/// Longest booking, in minutes.
const MAX_MINUTES: i64 = 24 * 60;

/// A stored event type.
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
    extra: Map<String, Value>,
}

impl EventType {
    pub(crate) fn seeded(title: &str, slug: &str, length: i64, settings: &Map<String, Value>) -> Self {
        let field = |name: &str| settings.get(name).cloned();
        let lengths = settings.get("lengthInMinutesOptions").and_then(Value::as_array);
        Self {
            id: 0,
            owner_id: 0,
            title: title.to_owned(),
            slug: slug.to_owned(),
            length,
            lengths: lengths.into_iter().flatten().filter_map(Value::as_i64).collect(),
            description: settings.get("description").and_then(Value::as_str).unwrap_or_default().to_owned(),
            slot_interval: None,
            minimum_booking_notice: 0,
            before_event_buffer: 0,
            after_event_buffer: 0,
            schedule_id: None,
            hidden: settings.get("hidden").and_then(Value::as_bool).unwrap_or(false),
            booking_requires_authentication: false,
            confirmation_policy: field("confirmationPolicy"),
            seats: field("seats"),
            extra: Map::new(),
        }
    }

    /// Returns the length of a booking in milliseconds: `requested` if the event type offers it, else the default.
    pub(crate) fn length_ms(&self, property: &str, requested: Option<i64>) -> Result<i64, ApiError> {
        let minutes = match requested {
            None => self.length,
            Some(minutes) if minutes == self.length || self.lengths.contains(&minutes) => minutes,
            Some(minutes) if self.lengths.is_empty() => {
                let reason = format!("{minutes} is not allowed: the event type has no lengthInMinutesOptions");
                return Err(ApiError::invalid(property, reason));
            }
            Some(minutes) => {
                let reason = format!("{minutes} is not one of the event type's lengthInMinutesOptions");
                return Err(ApiError::invalid(property, reason));
            }
        };
        Ok(minutes * MINUTE_MS)
    }

    /// Returns the interval between the starts of slots, in milliseconds.
    pub(crate) fn step_ms(&self, length_ms: i64) -> i64 {
        self.slot_interval.map_or(length_ms, |minutes| minutes * MINUTE_MS)
    }

    /// Returns the minimum time between booking and start, in milliseconds.
    pub(crate) fn notice_ms(&self) -> i64 {
        self.minimum_booking_notice * MINUTE_MS
    }

    /// Returns the buffers before and after a booking, in milliseconds.
    pub(crate) fn buffers_ms(&self) -> (i64, i64) {
        (self.before_event_buffer * MINUTE_MS, self.after_event_buffer * MINUTE_MS)
    }

    pub(crate) fn needs_confirmation(&self) -> bool {
        enabled(self.confirmation_policy.as_ref()).is_some()
    }

    /// Returns the number of seats per slot, or `None` if the event type has no seats.
    pub(crate) fn seats(&self) -> Option<usize> {
        let seats = enabled(self.seats.as_ref())?.get("seatsPerTimeSlot")?.as_u64()?;
        usize::try_from(seats).ok()
    }

    fn validate(&self, account: &Account) -> Result<(), ApiError> {
        let lengths = [&[self.length], self.lengths.as_slice()].concat();
        if lengths.iter().any(|minutes| !(1..=MAX_MINUTES).contains(minutes)) {
            return Err(ApiError::invalid("lengthInMinutes", "lengthInMinutes must be 1 to 1440"));
        }
        if self.slot_interval.is_some_and(|minutes| !(1..=MAX_MINUTES).contains(&minutes)) {
            return Err(ApiError::invalid("slotInterval", "slotInterval must be 1 to 1440"));
        }
        if !(0..=366 * MAX_MINUTES).contains(&self.minimum_booking_notice) {
            return Err(ApiError::invalid("minimumBookingNotice", "minimumBookingNotice must be 0 minutes to a year"));
        }
        if [self.before_event_buffer, self.after_event_buffer]
            .iter()
            .any(|minutes| !(0..=MAX_MINUTES).contains(minutes))
        {
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

    fn to_json(&self, account: &Account) -> Value {
        let mut json = serde_json::to_value(self).unwrap_or_default();
        let me = &account.me;
        json["users"] = json!([{"id": me.id, "name": me.name, "username": me.username, "avatarUrl": null}]);
        json["bookingUrl"] = json!(format!("https://cal.example.com/{}/{}", me.username, self.slug));
        for (name, value) in [("price", json!(0)), ("currency", json!("usd")), ("metadata", json!({}))] {
            if json.get(name).is_none() {
                json[name] = value;
            }
        }
        json
    }
}

/// Returns a setting that is an object and not `{"disabled": true}`.
fn enabled(setting: Option<&Value>) -> Option<&Map<String, Value>> {
    setting?.as_object().filter(|setting| setting.get("disabled") != Some(&Value::Bool(true)))
}

/// `GET /v2/event-types`; hidden ones only for the host.
pub(crate) async fn list(
    State(state): State<Arc<CalcomState>>,
    Extension(caller): Extension<Caller>,
    RawQuery(query): RawQuery,
) -> ApiResult {
    let query = Query::parse(query.as_deref());
    if !caller.is_host() && query.get("username").is_none() {
        return Err(ApiError::unauthorized(
            "No authentication method provided, and no username to list the event types of.",
        ));
    }
    let account = lock(&state.account);
    let is_user = query.get("username").is_none_or(|name| name == account.me.username);
    let slug = query.get("eventSlug");
    let mut page: Vec<Value> = account
        .event_types
        .values()
        .filter(|event_type| is_user && (caller.is_host() || !event_type.hidden))
        .filter(|event_type| slug.is_none_or(|slug| slug == event_type.slug))
        .map(|event_type| event_type.to_json(&account))
        .collect();
    if query.get("sortCreatedAt") == Some("desc") {
        page.reverse();
    }
    response::ok(&page)
}

/// `GET /v2/event-types/{id}`.
pub(crate) async fn get(State(state): State<Arc<CalcomState>>, Path(id): Path<String>) -> ApiResult {
    let id = schema::id(&id)?;
    let account = lock(&state.account);
    response::ok(&account.event_type(id)?.to_json(&account))
}

/// `POST /v2/event-types`.
pub(crate) async fn create(State(state): State<Arc<CalcomState>>, body: Bytes) -> ApiResult {
    let event_type = EventType { id: 0, ..schema::parse(&body)? };
    let mut account = lock(&state.account);
    event_type.validate(&account)?;
    let id = account.add_event_type(event_type);
    response::created(&account.event_type(id)?.to_json(&account))
}

/// `PATCH /v2/event-types/{id}`.
pub(crate) async fn update(State(state): State<Arc<CalcomState>>, Path(id): Path<String>, body: Bytes) -> ApiResult {
    let id = schema::id(&id)?;
    let mut body = schema::object(&body)?;
    body.retain(|name, _| name != "id" && name != "ownerId");
    let mut account = lock(&state.account);
    let event_type: EventType = schema::from_object(schema::merge_fields(account.event_type(id)?, body)?)?;
    event_type.validate(&account)?;
    account.event_types.insert(id, event_type);
    response::ok(&account.event_type(id)?.to_json(&account))
}

/// `DELETE /v2/event-types/{id}`; the bookings remain.
pub(crate) async fn delete(State(state): State<Arc<CalcomState>>, Path(id): Path<String>) -> ApiResult {
    let id = schema::id(&id)?;
    let mut account = lock(&state.account);
    let EventType { title, slug, length, .. } = account.event_type(id)?.clone();
    account.event_types.remove(&id);
    response::ok(&json!({"id": id, "title": title, "slug": slug, "lengthInMinutes": length}))
}
