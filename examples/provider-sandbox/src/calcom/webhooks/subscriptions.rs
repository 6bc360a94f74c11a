//! The user's webhook subscriptions: URL, triggers and secret. URLs of private networks are accepted, unlike at the provider, because
//! tests have no others.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::calcom::response::{self, ApiError, ApiResult};
use crate::calcom::schema::{self, Query};
use crate::calcom::state::CalcomState;
use crate::lock;

/// The triggers that a subscription may name.
#[rustfmt::skip]
pub(crate) const TRIGGERS: [&str; 28] = [
    "BOOKING_CREATED", "BOOKING_PAYMENT_INITIATED", "BOOKING_PAID", "BOOKING_RESCHEDULED", "BOOKING_REQUESTED",
    "BOOKING_CANCELLED", "BOOKING_REJECTED", "BOOKING_NO_SHOW_UPDATED", "BOOKING_LOCATION_UPDATED",
    "BOOKING_REASSIGNED", "FORM_SUBMITTED", "MEETING_ENDED", "MEETING_STARTED", "RECORDING_READY", "INSTANT_MEETING",
    "INSTANT_MEETING_ACCEPTED", "RECORDING_TRANSCRIPTION_GENERATED", "OOO_CREATED", "AFTER_HOSTS_CAL_VIDEO_NO_SHOW",
    "AFTER_GUESTS_CAL_VIDEO_NO_SHOW", "FORM_SUBMITTED_NO_EVENT", "ROUTING_FORM_FALLBACK_HIT",
    "DELEGATION_CREDENTIAL_ERROR", "WRONG_ASSIGNMENT_REPORT", "DELEGATION_CREDENTIAL_SECRET_ROTATION_FAILED",
    "DELEGATION_CREDENTIAL_ROTATION_REQUIRED", "DELEGATION_CREDENTIAL_SECRET_ROTATED", "CALENDAR_ENTRY_REJECTED",
];
const VERSIONS: [&str; 2] = ["2021-10-20", "2026-07-27"];

/// A stored subscription.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Subscription {
    #[serde(default)]
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) user_id: i64,
    pub(crate) subscriber_url: String,
    pub(crate) triggers: Vec<String>,
    pub(crate) active: bool,
    #[serde(default)]
    pub(crate) secret: Option<String>,
    /// Stored and returned, but not applied.
    #[serde(default)]
    payload_template: Option<String>,
    #[serde(default = "default_version")]
    pub(crate) version: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    time: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    time_unit: Option<String>,
}

fn default_version() -> String {
    VERSIONS[0].to_owned()
}

impl Subscription {
    /// Returns a subscription to every trigger.
    pub(crate) fn for_all_triggers(id: String, user_id: i64, url: &str, secret: &str) -> Self {
        Self {
            id,
            user_id,
            subscriber_url: url.to_owned(),
            triggers: TRIGGERS.iter().map(|trigger| (*trigger).to_owned()).collect(),
            active: true,
            secret: Some(secret.to_owned()),
            payload_template: None,
            version: default_version(),
            time: Some(5),
            time_unit: Some("MINUTE".to_owned()),
        }
    }

    /// Returns whether events of the trigger are sent to this subscription.
    pub(crate) fn receives(&self, trigger: &str) -> bool {
        self.active && self.triggers.iter().any(|subscribed| subscribed == trigger)
    }

    fn validate(&self) -> Result<(), ApiError> {
        if !url::Url::parse(&self.subscriber_url).is_ok_and(|url| matches!(url.scheme(), "http" | "https")) {
            return Err(ApiError::invalid("subscriberUrl", "subscriberUrl must be a URL address"));
        }
        if let Some(unknown) = self.triggers.iter().find(|trigger| !TRIGGERS.contains(&trigger.as_str())) {
            let reason = format!("{unknown}: each value in triggers must be one of the known triggers");
            return Err(ApiError::invalid("triggers", reason));
        }
        if !VERSIONS.contains(&self.version.as_str()) {
            return Err(ApiError::invalid("version", "version must be 2021-10-20 or 2026-07-27"));
        }
        let has_delay = self.triggers.iter().any(|trigger| trigger.ends_with("_CAL_VIDEO_NO_SHOW"));
        match has_delay && (self.time.is_none() || self.time_unit.is_none()) {
            true => Err(ApiError::bad_request("time and timeUnit are required for the no-show triggers.")),
            false => Ok(()),
        }
    }
}

/// `GET /v2/webhooks`.
pub(crate) async fn list(State(state): State<Arc<CalcomState>>, RawQuery(query): RawQuery) -> ApiResult {
    let query = Query::parse(query.as_deref());
    let (take, skip) = (query.number_in_range("take", 1..=250, 250)?, query.number_in_range("skip", 0..=i64::MAX, 0)?);
    response::ok(&lock(&state.account).subscriptions.iter().skip(skip).take(take).collect::<Vec<_>>())
}

/// `POST /v2/webhooks`.
pub(crate) async fn create(State(state): State<Arc<CalcomState>>, body: Bytes) -> ApiResult {
    let request: Subscription = schema::from_object(normalize(schema::object(&body)?))?;
    request.validate()?;
    let mut account = lock(&state.account);
    let subscription = Subscription { id: account.new_uuid(), user_id: account.me.id, ..request };
    account.subscriptions.push(subscription.clone());
    response::created(&subscription)
}

/// `GET /v2/webhooks/{id}`.
pub(crate) async fn get(State(state): State<Arc<CalcomState>>, Path(id): Path<String>) -> ApiResult {
    let account = lock(&state.account);
    response::ok(account.subscriptions.iter().find(|subscription| subscription.id == id).ok_or_else(|| not_found(&id))?)
}

/// `PATCH /v2/webhooks/{id}`.
pub(crate) async fn update(State(state): State<Arc<CalcomState>>, Path(id): Path<String>, body: Bytes) -> ApiResult {
    let changes = normalize(schema::object(&body)?);
    let mut account = lock(&state.account);
    let current =
        account.subscriptions.iter_mut().find(|subscription| subscription.id == id).ok_or_else(|| not_found(&id))?;
    let changed: Subscription = schema::from_object(schema::merge_fields(current, changes)?)?;
    changed.validate()?;
    *current = changed;
    response::ok(current)
}

/// `DELETE /v2/webhooks/{id}`.
pub(crate) async fn delete(State(state): State<Arc<CalcomState>>, Path(id): Path<String>) -> ApiResult {
    let mut account = lock(&state.account);
    let index =
        account.subscriptions.iter().position(|subscription| subscription.id == id).ok_or_else(|| not_found(&id))?;
    response::ok(&account.subscriptions.remove(index))
}

/// Removes the fields that the provider sets; an empty secret becomes `null`.
fn normalize(mut body: Map<String, Value>) -> Map<String, Value> {
    body.retain(|name, _| name != "id" && name != "userId");
    if body.get("secret") == Some(&json!("")) {
        body.insert("secret".to_owned(), Value::Null);
    }
    body
}

fn not_found(id: &str) -> ApiError {
    ApiError::not_found(format!("Webhook with id {id} not found"))
}
