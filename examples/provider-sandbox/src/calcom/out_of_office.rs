//! Out of office: whole days in UTC in which nobody can book the user. The provider widens every period to them.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use bytes::Bytes;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::account::Account;
use super::availability::Span;
use super::error::ApiError;
use super::reply::{self, Answer};
use super::shape::{self, Query};
use super::state::World;
use super::webhooks;
use crate::clock::{DAY_MS, rfc3339};
use crate::lock;

const REASONS: [&str; 5] = ["unspecified", "vacation", "travel", "sick", "public_holiday"];

/// An entry.
#[derive(Debug, Clone)]
pub(crate) struct Absence {
    pub(crate) id: i64,
    pub(crate) uuid: String,
    /// From a midnight to the one after its last day.
    pub(crate) span: Span,
    pub(crate) notes: Option<String>,
    pub(crate) reason: String,
    to_user_id: Option<i64>,
}

impl Absence {
    /// The last millisecond of its last day.
    pub(crate) fn last_ms(&self) -> i64 {
        self.span.end_ms - 1
    }

    fn read(&self, account: &Account) -> Value {
        json!({
            "id": self.id, "uuid": self.uuid, "userId": account.me.id, "toUserId": self.to_user_id, "start": rfc3339(self.span.start_ms),
            "end": rfc3339(self.last_ms()), "notes": self.notes, "reason": self.reason,
        })
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wish {
    start: Option<String>,
    end: Option<String>,
    notes: Option<String>,
    to_user_id: Option<i64>,
    reason: Option<String>,
}

impl Wish {
    fn span(&self) -> Result<Option<Span>, ApiError> {
        let (start, end) = match (&self.start, &self.end) {
            (None, None) => return Ok(None),
            (Some(start), Some(end)) => (shape::utc("start", start)?, shape::utc("end", end)?),
            _ => return Err(ApiError::bad_request("Provide both start and end, or neither.")),
        };
        if end < start {
            return Err(ApiError::bad_request("End date must be after start date."));
        }
        let midnight = |ms: i64| ms.div_euclid(DAY_MS) * DAY_MS;
        Ok(Some(Span { start_ms: midnight(start), end_ms: midnight(end) + DAY_MS }))
    }

    fn check(&self) -> Result<(), ApiError> {
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
pub(crate) async fn list(State(world): State<Arc<World>>, RawQuery(query): RawQuery) -> Answer {
    let query = Query::parse(query.as_deref());
    let (take, skip) = (query.bounded("take", 1..=250, 250)?, query.bounded("skip", 0..=i64::MAX, 0)?);
    let account = lock(&world.account);
    let mut entries: Vec<&Absence> = account.absences.values().collect();
    if let Some(order) = query.get("sortStart").or(query.get("sortEnd")) {
        entries.sort_by_key(|entry| entry.span.start_ms);
        if order == "desc" {
            entries.reverse();
        }
    }
    let page: Vec<Value> = entries.into_iter().skip(skip).take(take).map(|entry| entry.read(&account)).collect();
    reply::ok(&page)
}

/// `POST /v2/me/ooo`.
pub(crate) async fn create(State(world): State<Arc<World>>, body: Bytes) -> Answer {
    let wish: Wish = shape::read(&body)?;
    wish.check()?;
    let span = wish.span()?.ok_or_else(|| ApiError::invalid("start", "start should not be empty"))?;
    let mut account = lock(&world.account);
    unique(&account, span, None)?;
    let absence = Absence {
        id: account.new_id(),
        uuid: account.new_uuid(),
        span,
        notes: wish.notes,
        reason: wish.reason.unwrap_or_else(|| "unspecified".to_owned()),
        to_user_id: wish.to_user_id,
    };
    let shown = absence.read(&account);
    webhooks::out_of_office(&world, &account, &absence);
    account.absences.insert(absence.id, absence);
    reply::created(&shown)
}

/// `PATCH /v2/me/ooo/{id}`.
pub(crate) async fn update(State(world): State<Arc<World>>, Path(id): Path<String>, body: Bytes) -> Answer {
    let id = shape::id(&id)?;
    let wish: Wish = shape::read(&body)?;
    wish.check()?;
    let mut account = lock(&world.account);
    let mut absence = account.absences.get(&id).cloned().ok_or_else(|| missing(id))?;
    if let Some(span) = wish.span()? {
        unique(&account, span, Some(id))?;
        absence.span = span;
    }
    absence.notes = wish.notes.or(absence.notes);
    absence.reason = wish.reason.unwrap_or(absence.reason);
    absence.to_user_id = wish.to_user_id.or(absence.to_user_id);
    let shown = absence.read(&account);
    account.absences.insert(id, absence);
    reply::ok(&shown)
}

/// `DELETE /v2/me/ooo/{id}`.
pub(crate) async fn delete(State(world): State<Arc<World>>, Path(id): Path<String>) -> Answer {
    let id = shape::id(&id)?;
    let mut account = lock(&world.account);
    let absence = account.absences.remove(&id).ok_or_else(|| missing(id))?;
    reply::ok(&absence.read(&account))
}

fn unique(account: &Account, span: Span, except: Option<i64>) -> Result<(), ApiError> {
    let twice = account.absences.values().any(|known| known.span == span && Some(known.id) != except);
    match twice {
        true => Err(ApiError::new(StatusCode::CONFLICT, "Ooo entry already exists.")),
        false => Ok(()),
    }
}

fn missing(id: i64) -> ApiError {
    ApiError::not_found(format!("Ooo entry with id {id} not found"))
}
