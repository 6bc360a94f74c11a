//! The account's user and the `/v2/me` operations.

use std::sync::Arc;

use axum::extract::State;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::response::{self, ApiError, ApiResult};
use super::schema;
use super::state::CalcomState;
use crate::lock;

/// The user, as `/v2/me` returns it.
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
pub(crate) async fn get(State(state): State<Arc<CalcomState>>) -> ApiResult {
    response::ok(&lock(&state.account).me)
}

/// `PATCH /v2/me`.
pub(crate) async fn update(State(state): State<Arc<CalcomState>>, body: Bytes) -> ApiResult {
    let mut body = schema::object(&body)?;
    body.remove("id");
    if let Some(zone) = body.get("timeZone").and_then(Value::as_str) {
        schema::time_zone("timeZone", zone)?;
    }
    let mut account = lock(&state.account);
    let merged = schema::merge_fields(&account.me, body)?;
    let me: Me = schema::from_object(merged)?;
    if let Some(id) = me.default_schedule_id.filter(|id| !account.schedules.contains_key(id)) {
        return Err(ApiError::not_found(format!("Schedule with id={id} does not exist.")));
    }
    let default = me.default_schedule_id;
    account.me = me;
    for schedule in account.schedules.values_mut() {
        schedule.is_default = Some(schedule.id) == default;
    }
    response::ok(&account.me)
}
