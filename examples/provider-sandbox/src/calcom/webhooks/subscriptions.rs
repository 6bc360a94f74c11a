//! The user's webhooks: where to, for what, with which secret. Any address will do, those of private networks too, which the
//! provider refuses: tests have no others.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::calcom::error::ApiError;
use crate::calcom::me::merged;
use crate::calcom::reply::{self, Answer};
use crate::calcom::shape::{self, Query};
use crate::calcom::state::World;
use crate::lock;

/// Every trigger that a webhook may name.
pub(crate) const TRIGGERS: [&str; 28] = [
    "BOOKING_CREATED",
    "BOOKING_PAYMENT_INITIATED",
    "BOOKING_PAID",
    "BOOKING_RESCHEDULED",
    "BOOKING_REQUESTED",
    "BOOKING_CANCELLED",
    "BOOKING_REJECTED",
    "BOOKING_NO_SHOW_UPDATED",
    "BOOKING_LOCATION_UPDATED",
    "BOOKING_REASSIGNED",
    "FORM_SUBMITTED",
    "MEETING_ENDED",
    "MEETING_STARTED",
    "RECORDING_READY",
    "INSTANT_MEETING",
    "INSTANT_MEETING_ACCEPTED",
    "RECORDING_TRANSCRIPTION_GENERATED",
    "OOO_CREATED",
    "AFTER_HOSTS_CAL_VIDEO_NO_SHOW",
    "AFTER_GUESTS_CAL_VIDEO_NO_SHOW",
    "FORM_SUBMITTED_NO_EVENT",
    "ROUTING_FORM_FALLBACK_HIT",
    "DELEGATION_CREDENTIAL_ERROR",
    "WRONG_ASSIGNMENT_REPORT",
    "DELEGATION_CREDENTIAL_SECRET_ROTATION_FAILED",
    "DELEGATION_CREDENTIAL_ROTATION_REQUIRED",
    "DELEGATION_CREDENTIAL_SECRET_ROTATED",
    "CALENDAR_ENTRY_REJECTED",
];
const VERSIONS: [&str; 2] = ["2021-10-20", "2026-07-27"];

/// A webhook.
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
    /// Kept and shown, not acted on.
    #[serde(default)]
    payload_template: Option<String>,
    #[serde(default = "usual_version")]
    pub(crate) version: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    time: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    time_unit: Option<String>,
}

fn usual_version() -> String {
    VERSIONS[0].to_owned()
}

impl Subscription {
    /// One that hears everything.
    pub(crate) fn to_all(id: String, user_id: i64, url: &str, secret: &str) -> Self {
        Self {
            id,
            user_id,
            subscriber_url: url.to_owned(),
            triggers: TRIGGERS.iter().map(|trigger| (*trigger).to_owned()).collect(),
            active: true,
            secret: Some(secret.to_owned()),
            payload_template: None,
            version: usual_version(),
            time: Some(5),
            time_unit: Some("MINUTE".to_owned()),
        }
    }

    pub(crate) fn wants(&self, trigger: &str) -> bool {
        self.active && self.triggers.iter().any(|own| own == trigger)
    }

    fn check(&self) -> Result<(), ApiError> {
        if !url::Url::parse(&self.subscriber_url).is_ok_and(|url| matches!(url.scheme(), "http" | "https")) {
            return Err(ApiError::invalid("subscriberUrl", "subscriberUrl must be a URL address"));
        }
        if let Some(odd) = self.triggers.iter().find(|own| !TRIGGERS.contains(&own.as_str())) {
            let complaint = format!("{odd}: each value in triggers must be one of the known triggers");
            return Err(ApiError::invalid("triggers", complaint));
        }
        if !VERSIONS.contains(&self.version.as_str()) {
            return Err(ApiError::invalid("version", "version must be 2021-10-20 or 2026-07-27"));
        }
        let waits = self.triggers.iter().any(|own| own.ends_with("_CAL_VIDEO_NO_SHOW"));
        match waits && (self.time.is_none() || self.time_unit.is_none()) {
            true => Err(ApiError::bad_request("time and timeUnit are required for the no-show triggers.")),
            false => Ok(()),
        }
    }
}

/// `GET /v2/webhooks`.
pub(crate) async fn list(State(world): State<Arc<World>>, RawQuery(query): RawQuery) -> Answer {
    let query = Query::parse(query.as_deref());
    let (take, skip) = (query.bounded("take", 1..=250, 250)?, query.bounded("skip", 0..=i64::MAX, 0)?);
    reply::ok(&lock(&world.account).subscriptions.iter().skip(skip).take(take).collect::<Vec<_>>())
}

/// `POST /v2/webhooks`.
pub(crate) async fn create(State(world): State<Arc<World>>, body: Bytes) -> Answer {
    let wish: Subscription = shape::typed(clean(shape::object(&body)?))?;
    wish.check()?;
    let mut account = lock(&world.account);
    let subscription = Subscription { id: account.new_uuid(), user_id: account.me.id, ..wish };
    account.subscriptions.push(subscription.clone());
    reply::created(&subscription)
}

/// `GET /v2/webhooks/{id}`.
pub(crate) async fn get(State(world): State<Arc<World>>, Path(id): Path<String>) -> Answer {
    let account = lock(&world.account);
    reply::ok(account.subscriptions.iter().find(|own| own.id == id).ok_or_else(|| missing(&id))?)
}

/// `PATCH /v2/webhooks/{id}`.
pub(crate) async fn update(State(world): State<Arc<World>>, Path(id): Path<String>, body: Bytes) -> Answer {
    let changes = clean(shape::object(&body)?);
    let mut account = lock(&world.account);
    let known = account.subscriptions.iter_mut().find(|own| own.id == id).ok_or_else(|| missing(&id))?;
    let changed: Subscription = shape::typed(merged(known, changes)?)?;
    changed.check()?;
    *known = changed;
    reply::ok(known)
}

/// `DELETE /v2/webhooks/{id}`.
pub(crate) async fn delete(State(world): State<Arc<World>>, Path(id): Path<String>) -> Answer {
    let mut account = lock(&world.account);
    let at = account.subscriptions.iter().position(|own| own.id == id).ok_or_else(|| missing(&id))?;
    reply::ok(&account.subscriptions.remove(at))
}

/// Without what is the provider's to say; an empty secret is none.
fn clean(mut body: Map<String, Value>) -> Map<String, Value> {
    body.retain(|name, _| name != "id" && name != "userId");
    if body.get("secret") == Some(&json!("")) {
        body.insert("secret".to_owned(), Value::Null);
    }
    body
}

fn missing(id: &str) -> ApiError {
    ApiError::not_found(format!("Webhook with id {id} not found"))
}
