//! Times that are not to be booked.
//!
//! Invariant: what is blocked is freed by its handle alone, once; what else holds the time then is the mirror's to know
//! (`mirror::by_hand`).

use std::time::Duration;

use axum::{Json, extract::State};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use calcom_client::compat::{BlockHandle, BlockedSlot};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use tracing::Instrument;
use utoipa::ToSchema;

use super::by_hand::{self, NotBlocked};
use crate::{
    app::App,
    calcom::bookings::time,
    http::{
        ApiResult, Problem,
        extract::{self, Path},
        responses::ProviderProblems,
    },
    tasks::TaskError,
    tenancy::Tenant,
};

/// The most times of one request: they are one change of a schedule.
const MOST: usize = 100;
/// When somebody who came at the same time as others may come again.
const SOON: Duration = Duration::from_secs(1);

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
///
/// Each stays blocked until it is freed by its handle. What times share with one another, or with what GHL's appointments block, is
/// free when the last of them is. Disconnecting leaves them blocked, and the handles are good again when the same account is
/// connected again.
#[utoipa::path(
    post,
    path = "/api/organizations/{org}/blocked-slots",
    operation_id = "block_slots",
    tag = "bookings",
    params(("org" = String, Path, description = "The organization's id")),
    request_body = Wish,
    security(("operator" = [])),
    responses(
        (status = 201, body = Blocked),
        (status = 409, description = "`reconnect_required`", body = Problem), (status = 422, body = Problem), (status = 502, body = Problem),
        (status = 503, description = "With `handles` when something may be blocked all the same", body = Problem), (status = 504, body = Problem),
    ),
)]
pub async fn create(
    tenant: Tenant,
    State(app): State<App>,
    extract::Json(wish): extract::Json<Wish>,
) -> ApiResult<(StatusCode, Json<Blocked>)> {
    if wish.slots.is_empty() || wish.slots.len() > MOST {
        return Err(Problem::invalid(format!("`slots` has {} times: give 1 to {MOST}", wish.slots.len())));
    }
    let slots: Vec<BlockedSlot> = wish.slots.into_iter().map(slot).collect::<ApiResult<_>>()?;
    let organization = tenant.id().clone();
    let blocking = async move { by_hand::block(&app, &organization, slots).await };
    match to_its_end(blocking).await? {
        Ok(handles) => Ok((StatusCode::CREATED, Json(Blocked { handles }))),
        Err(NotBlocked { why, handles }) if handles.is_empty() => Err(problem(why)),
        Err(NotBlocked { why, handles }) => Err(problem(why).with("handles", handles)),
    }
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
        (status = 204, description = "It is free"),
        (status = 409, description = "`reconnect_required`, or `other_account`", body = Problem), (status = 422, body = Problem), ProviderProblems,
    ),
)]
pub async fn delete(
    tenant: Tenant,
    State(app): State<App>,
    Path(InPath { handle }): Path<InPath>,
) -> ApiResult<StatusCode> {
    let organization = tenant.id().clone();
    let noted = by_hand::is_handle(&handle);
    let bare = if noted { None } else { Some(from_text(&handle).ok_or_else(|| Problem::not_found("blocked time"))?) };
    let freeing = async move {
        match bare {
            Some(bare) => by_hand::free_unnoted(&app, &organization, bare).await.map(|()| true),
            None => by_hand::free(&app, &organization, &handle).await,
        }
    };
    if to_its_end(freeing).await?.map_err(problem)? {
        return Ok(StatusCode::NO_CONTENT);
    }
    let detail =
        "it is blocked in the account that was connected before: connect that one again, or free it at Cal.com";
    Err(Problem::new(StatusCode::CONFLICT, "other_account", detail))
}

/// Carries out what is not to be left half done, also when whoever asked has gone.
async fn to_its_end<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> ApiResult<T> {
    tokio::spawn(work.in_current_span()).await.map_err(|error| Problem::internal(&error))
}

fn problem(trouble: TaskError) -> Problem {
    match trouble {
        TaskError::Provider(error) => error.into(),
        TaskError::Store(error) => error.into(),
        TaskError::Contended(why) | TaskError::NotReady(why) | TaskError::Permanent(why) => {
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", why).retry_after(SOON)
        }
    }
}

fn slot(Time { start, end, reason }: Time) -> ApiResult<BlockedSlot> {
    let slot = BlockedSlot::new(time("start", &start)?, time("end", &end)?);
    Ok(match reason {
        Some(reason) => slot.because(reason),
        None => slot,
    })
}

/// A handle as it was before there were notes: what gives the time back, in base64.
fn from_text(text: &str) -> Option<BlockHandle> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()
}
