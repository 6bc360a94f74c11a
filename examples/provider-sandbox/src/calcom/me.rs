//! The user whose account it is.

use std::sync::Arc;

use axum::extract::State;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::error::ApiError;
use super::reply::{self, Answer};
use super::shape;
use super::state::World;
use crate::lock;

/// The user.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Me {
    pub(crate) id: i64,
    pub(crate) username: String,
    pub(crate) email: String,
    pub(crate) name: String,
    pub(crate) time_zone: String,
    pub(crate) default_schedule_id: Option<i64>,
    pub(crate) time_format: i64,
    pub(crate) week_start: String,
    pub(crate) locale: String,
    #[serde(flatten)]
    more: Map<String, Value>,
}

impl Me {
    pub(crate) fn new(id: i64) -> Self {
        let more =
            json!({"avatarUrl": null, "bio": null, "metadata": {}, "organizationId": null, "organization": null});
        Self {
            id,
            username: "bo".to_owned(),
            email: "bo@example.com".to_owned(),
            name: "Bo Host".to_owned(),
            time_zone: "UTC".to_owned(),
            default_schedule_id: None,
            time_format: 12,
            week_start: "Monday".to_owned(),
            locale: "en".to_owned(),
            more: more.as_object().cloned().unwrap_or_default(),
        }
    }
}

/// `GET /v2/me`.
pub(crate) async fn get(State(world): State<Arc<World>>) -> Answer {
    reply::ok(&lock(&world.account).me)
}

/// `PATCH /v2/me`.
pub(crate) async fn update(State(world): State<Arc<World>>, body: Bytes) -> Answer {
    let mut body = shape::object(&body)?;
    body.remove("id");
    if let Some(zone) = body.get("timeZone").and_then(Value::as_str) {
        shape::zone("timeZone", zone)?;
    }
    let mut account = lock(&world.account);
    let merged = merged(&account.me, body)?;
    let me: Me = shape::typed(merged)?;
    if let Some(id) = me.default_schedule_id.filter(|id| !account.schedules.contains_key(id)) {
        return Err(ApiError::not_found(format!("Schedule with id={id} does not exist.")));
    }
    let default = me.default_schedule_id;
    account.me = me;
    for schedule in account.schedules.values_mut() {
        schedule.is_default = Some(schedule.id) == default;
    }
    reply::ok(&account.me)
}

/// What `known` looks like with the fields of `changes` in place of its own.
pub(crate) fn merged(known: &impl Serialize, changes: Map<String, Value>) -> Result<Map<String, Value>, ApiError> {
    let known = serde_json::to_value(known).map_err(|error| ApiError::bad_request(error.to_string()))?;
    let mut fields = known.as_object().cloned().unwrap_or_default();
    fields.extend(changes);
    Ok(fields)
}
