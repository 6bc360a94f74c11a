//! Times that are not to be booked.
//!
//! Invariant: what is blocked can be freed by its handle alone; nothing about it is kept here.

use axum::{Json, extract::State};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use calcom_client::{
    CalcomErrorExt, Problem as Refusal,
    compat::{BlockHandle, BlockStrategy, BlockedSlot},
};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::bookings::{client, time};
use crate::{
    app::App,
    error::{Answer, Problem},
    extract::{self, Path, Tenant},
    mirror,
};

/// The most times of one request: they are one change of a schedule.
const MOST: usize = 100;

#[derive(Debug, Deserialize)]
pub struct InPath {
    handle: String,
}

/// Times to be blocked.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Wish {
    /// At most 100.
    slots: Vec<Time>,
}

/// A time to be blocked.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TimeToBlock)]
pub struct Time {
    /// From (RFC 3339).
    start: String,
    /// To (RFC 3339).
    end: String,
    /// Why.
    reason: Option<String>,
}

/// What was blocked.
#[derive(Debug, Serialize, ToSchema)]
pub struct Blocked {
    /// One for each time, in their order: what frees it again.
    handles: Vec<String>,
}

/// Blocks times in the schedule of the connection's settings, for every event type on it.
#[utoipa::path(
    post,
    path = "/api/organizations/{org}/blocked-slots",
    operation_id = "block_slots",
    tag = "bookings",
    params(("org" = String, Path, description = "The organization's id")),
    request_body = Wish,
    security(("operator" = [])),
    responses(
        (status = 201, body = Blocked), (status = 400, body = Problem), (status = 401, body = Problem), (status = 404, body = Problem),
        (status = 409, description = "`reconnect_required`", body = Problem), (status = 422, body = Problem), (status = 502, body = Problem),
        (status = 503, description = "With `handles` when something may be blocked all the same", body = Problem), (status = 504, body = Problem),
    ),
)]
pub async fn create(
    tenant: Tenant,
    State(app): State<App>,
    extract::Json(wish): extract::Json<Wish>,
) -> Answer<(StatusCode, Json<Blocked>)> {
    if wish.slots.is_empty() || wish.slots.len() > MOST {
        return Err(Problem::invalid(format!("`slots` has {} times: give 1 to {MOST}", wish.slots.len())));
    }
    let slots: Vec<BlockedSlot> = wish.slots.into_iter().map(slot).collect::<Answer<_>>()?;
    let calcom = client(&app, tenant.id()).await?;
    let schedule = app.calcom.settings(tenant.id()).await?.settings.block.map(|block| block.schedule_id);
    let beside = mirror::held(&app, tenant.id(), None).await?;
    let blocking = calcom.create_blocked_slots(slots).beside(beside);
    let blocking = blocking.strategy(BlockStrategy::ScheduleOverride { schedule });
    let handles = blocking.await.map_err(|error| {
        let held = match error.problem() {
            Some(Refusal::PartlyBlocked { handles }) => handles.iter().filter_map(to_text).collect(),
            _ => Vec::new(),
        };
        let problem = Problem::from(error);
        if held.is_empty() { problem } else { problem.with("handles", held) }
    })?;
    Ok((StatusCode::CREATED, Json(Blocked { handles: handles.iter().filter_map(to_text).collect() })))
}

/// Frees a blocked time again. One that is free already is no error.
#[utoipa::path(
    delete,
    path = "/api/organizations/{org}/blocked-slots/{handle}",
    operation_id = "unblock_slot",
    tag = "bookings",
    params(("org" = String, Path, description = "The organization's id"), ("handle" = String, Path, description = "What blocking it answered")),
    security(("operator" = [])),
    responses(
        (status = 204, description = "It is free"), (status = 401, body = Problem), (status = 404, body = Problem),
        (status = 409, description = "`reconnect_required`", body = Problem), (status = 422, body = Problem), (status = 502, body = Problem),
        (status = 503, body = Problem), (status = 504, body = Problem),
    ),
)]
pub async fn delete(
    tenant: Tenant,
    State(app): State<App>,
    Path(InPath { handle }): Path<InPath>,
) -> Answer<StatusCode> {
    let handle = from_text(&handle).ok_or_else(|| Problem::not_found("blocked time"))?;
    let beside = mirror::held(&app, tenant.id(), None).await?;
    client(&app, tenant.id()).await?.unblock(handle).beside(beside).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn slot(Time { start, end, reason }: Time) -> Answer<BlockedSlot> {
    let slot = BlockedSlot::new(time("start", &start)?, time("end", &end)?);
    Ok(match reason {
        Some(reason) => slot.because(reason),
        None => slot,
    })
}

/// A handle as people keep it. Not signed: it only frees what its organization's own credentials may free.
pub fn to_text(handle: &BlockHandle) -> Option<String> {
    serde_json::to_vec(handle).ok().map(|json| URL_SAFE_NO_PAD.encode(json))
}

/// The handle of a text that [`to_text`] gave.
pub fn from_text(text: &str) -> Option<BlockHandle> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()
}
