//! Out-of-office entries: whole UTC days on which the user cannot be booked. The provider extends every entry to whole days.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use bytes::Bytes;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::account::Account;
use super::availability::TimeRange;
use super::response::{self, ApiError, ApiResult};
use super::schema::{self, Query};
use super::state::CalcomState;
use super::webhooks;
use crate::clock::{DAY_MS, rfc3339};
use crate::lock;

const REASONS: [&str; 5] = ["unspecified", "vacation", "travel", "sick", "public_holiday"];

/// A stored entry.
#[derive(Debug, Clone)]
pub(crate) struct OutOfOfficeEntry {
    pub(crate) id: i64,
    pub(crate) uuid: String,
    /// From midnight to the midnight after the last day.
    pub(crate) range: TimeRange,
    pub(crate) notes: Option<String>,
    pub(crate) reason: String,
    to_user_id: Option<i64>,
}

impl OutOfOfficeEntry {
    /// Returns the last millisecond of the last day.
    pub(crate) fn last_ms(&self) -> i64 {
        self.range.end_ms - 1
    }

    fn to_json(&self, account: &Account) -> Value {
        json!({
            "id": self.id, "uuid": self.uuid, "userId": account.me.id, "toUserId": self.to_user_id, "start": rfc3339(self.range.start_ms),
            "end": rfc3339(self.last_ms()), "notes": self.notes, "reason": self.reason,
        })
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct OutOfOfficeRequest {
    start: Option<String>,
    end: Option<String>,
    notes: Option<String>,
    to_user_id: Option<i64>,
    reason: Option<String>,
}

impl OutOfOfficeRequest {
    fn range(&self) -> Result<Option<TimeRange>, ApiError> {
        let (start, end) = match (&self.start, &self.end) {
            (None, None) => return Ok(None),
            (Some(start), Some(end)) => (schema::utc_timestamp("start", start)?, schema::utc_timestamp("end", end)?),
            _ => return Err(ApiError::bad_request("Provide both start and end, or neither.")),
        };
        if end < start {
            return Err(ApiError::bad_request("End date must be after start date."));
        }
        let midnight = |ms: i64| ms.div_euclid(DAY_MS) * DAY_MS;
        Ok(Some(TimeRange { start_ms: midnight(start), end_ms: midnight(end) + DAY_MS }))
    }

    fn validate(&self) -> Result<(), ApiError> {
        match &self.reason {
            Some(reason) if !REASONS.contains(&reason.as_str()) => Err(ApiError::invalid(
                "reason",
                format!("reason must be one of the following values: {}", REASONS.join(", ")),
            )),
            _ => Ok(()),
        }
    }
}

/// `GET /v2/me/ooo`.
pub(crate) async fn list(State(state): State<Arc<CalcomState>>, RawQuery(query): RawQuery) -> ApiResult {
    let query = Query::parse(query.as_deref());
    let (take, skip) = (query.number_in_range("take", 1..=250, 250)?, query.number_in_range("skip", 0..=i64::MAX, 0)?);
    let account = lock(&state.account);
    let mut entries: Vec<&OutOfOfficeEntry> = account.out_of_office.values().collect();
    if let Some(order) = query.get("sortStart").or(query.get("sortEnd")) {
        entries.sort_by_key(|entry| entry.range.start_ms);
        if order == "desc" {
            entries.reverse();
        }
    }
    let page: Vec<Value> = entries.into_iter().skip(skip).take(take).map(|entry| entry.to_json(&account)).collect();
    response::ok(&page)
}

/// `POST /v2/me/ooo`.
pub(crate) async fn create(State(state): State<Arc<CalcomState>>, body: Bytes) -> ApiResult {
    let request: OutOfOfficeRequest = schema::parse(&body)?;
    request.validate()?;
    let range = request.range()?.ok_or_else(|| ApiError::invalid("start", "start should not be empty"))?;
    let mut account = lock(&state.account);
    check_unique(&account, range, None)?;
    let entry = OutOfOfficeEntry {
        id: account.new_id(),
        uuid: account.new_uuid(),
        range,
        notes: request.notes,
        reason: request.reason.unwrap_or_else(|| "unspecified".to_owned()),
        to_user_id: request.to_user_id,
    };
    let json = entry.to_json(&account);
    webhooks::out_of_office(&state, &account, &entry);
    account.out_of_office.insert(entry.id, entry);
    response::created(&json)
}

/// `PATCH /v2/me/ooo/{id}`.
pub(crate) async fn update(State(state): State<Arc<CalcomState>>, Path(id): Path<String>, body: Bytes) -> ApiResult {
    let id = schema::id(&id)?;
    let request: OutOfOfficeRequest = schema::parse(&body)?;
    request.validate()?;
    let mut account = lock(&state.account);
    let mut entry = account.out_of_office.get(&id).cloned().ok_or_else(|| not_found(id))?;
    if let Some(range) = request.range()? {
        check_unique(&account, range, Some(id))?;
        entry.range = range;
    }
    entry.notes = request.notes.or(entry.notes);
    entry.reason = request.reason.unwrap_or(entry.reason);
    entry.to_user_id = request.to_user_id.or(entry.to_user_id);
    let json = entry.to_json(&account);
    account.out_of_office.insert(id, entry);
    response::ok(&json)
}

/// `DELETE /v2/me/ooo/{id}`.
pub(crate) async fn delete(State(state): State<Arc<CalcomState>>, Path(id): Path<String>) -> ApiResult {
    let id = schema::id(&id)?;
    let mut account = lock(&state.account);
    let entry = account.out_of_office.remove(&id).ok_or_else(|| not_found(id))?;
    response::ok(&entry.to_json(&account))
}

fn check_unique(account: &Account, range: TimeRange, except: Option<i64>) -> Result<(), ApiError> {
    let exists = account.out_of_office.values().any(|entry| entry.range == range && Some(entry.id) != except);
    match exists {
        true => Err(ApiError::new(StatusCode::CONFLICT, "Ooo entry already exists.")),
        false => Ok(()),
    }
}

fn not_found(id: i64) -> ApiError {
    ApiError::not_found(format!("Ooo entry with id {id} not found"))
}
