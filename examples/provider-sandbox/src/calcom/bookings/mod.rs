//! Bookings: `record` is the stored booking, `create` and `changes` write it, `list` finds it; the handlers are here.
//! Recurring series, attendees, guests, references and media are not served.
//! Invariant: the handlers and the in-process API call the same functions.

pub(crate) mod changes;
pub(crate) mod create;
mod list;
pub(crate) mod record;

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, RawQuery, State};
use bytes::Bytes;
use http::StatusCode;
use serde::Deserialize;

use self::changes::{CancelRequest, MarkAbsentRequest, RescheduleRequest};
use self::create::CreateBookingRequest;
use super::middleware::Caller;
use super::response::{self, ApiResult};
use super::schema::{self, Query};
use super::state::CalcomState;
use crate::http_io::json_response;
use crate::lock;

/// `POST /v2/bookings`.
pub(crate) async fn create(
    State(state): State<Arc<CalcomState>>,
    Extension(caller): Extension<Caller>,
    body: Bytes,
) -> ApiResult {
    let request: CreateBookingRequest = schema::parse(&body)?;
    response::created(&create::create(&state, &request, caller.is_host())?)
}

/// `GET /v2/bookings`.
pub(crate) async fn list(State(state): State<Arc<CalcomState>>, RawQuery(query): RawQuery) -> ApiResult {
    let query = Query::parse(query.as_deref());
    let account = lock(&state.account);
    Ok(json_response(StatusCode::OK, &list::page(&account, &query, state.clock.now_ms())?))
}

/// `GET /v2/bookings/{uid}`.
pub(crate) async fn get(State(state): State<Arc<CalcomState>>, Path(uid): Path<String>) -> ApiResult {
    let account = lock(&state.account);
    response::ok(&account.booking(&uid)?.to_json(&account))
}

/// `POST /v2/bookings/{uid}/cancel`.
pub(crate) async fn cancel(
    State(state): State<Arc<CalcomState>>,
    Extension(caller): Extension<Caller>,
    Path(uid): Path<String>,
    body: Bytes,
) -> ApiResult {
    let mut request: CancelRequest = schema::parse(&body)?;
    request.cancelled_by = caller.is_host().then(|| lock(&state.account).me.email.clone());
    response::ok(&changes::cancel(&state, &uid, &request)?)
}

/// `POST /v2/bookings/{uid}/reschedule`.
pub(crate) async fn reschedule(
    State(state): State<Arc<CalcomState>>,
    Path(uid): Path<String>,
    body: Bytes,
) -> ApiResult {
    let request: RescheduleRequest = schema::parse(&body)?;
    response::created(&changes::reschedule(&state, &uid, &request)?)
}

/// `POST /v2/bookings/{uid}/confirm`.
pub(crate) async fn confirm(State(state): State<Arc<CalcomState>>, Path(uid): Path<String>) -> ApiResult {
    response::ok(&changes::confirm(&state, &uid)?)
}

#[derive(Debug, Default, Deserialize)]
struct DeclineRequest {
    reason: Option<String>,
}

/// `POST /v2/bookings/{uid}/decline`.
pub(crate) async fn decline(State(state): State<Arc<CalcomState>>, Path(uid): Path<String>, body: Bytes) -> ApiResult {
    let request: DeclineRequest = schema::parse(&body)?;
    response::ok(&changes::decline(&state, &uid, request.reason.as_deref())?)
}

/// `POST /v2/bookings/{uid}/mark-absent`.
pub(crate) async fn mark_absent(
    State(state): State<Arc<CalcomState>>,
    Path(uid): Path<String>,
    body: Bytes,
) -> ApiResult {
    let request: MarkAbsentRequest = schema::parse(&body)?;
    response::ok(&changes::mark_absent(&state, &uid, &request)?)
}
