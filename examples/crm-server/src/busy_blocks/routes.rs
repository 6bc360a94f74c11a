//! The routes that block times by hand.
//!
//! Invariant: only its handle unblocks a time, once.

use std::time::Duration;

use axum::{Json, extract::State};
use calcom_client::blocking::BlockedSlot;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use tracing::Instrument;
use utoipa::ToSchema;

use super::manual_blocks::{self, BlockError};
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

/// The times of one request are one change of a schedule.
const MAX_SLOTS: usize = 100;
/// When a request that found the schedule lease taken may be repeated.
const CONTENDED_RETRY_AFTER: Duration = Duration::from_secs(1);

#[derive(Debug, Deserialize)]
pub struct HandlePath {
    handle: String,
}

/// Times to block.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BlockSlotsRequest {
    /// At most 100.
    slots: Vec<TimeToBlock>,
}

/// A time to block.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TimeToBlock {
    /// From (RFC 3339).
    start: String,
    /// To (RFC 3339).
    end: String,
    /// Why.
    reason: Option<String>,
}

/// Blocked times.
#[derive(Debug, Serialize, ToSchema)]
pub struct BlockedSlots {
    /// One for each time, in their order. A handle unblocks its time.
    handles: Vec<String>,
}

/// Blocks times in the schedule of the connection's settings, for every event type on it.
///
/// Each stays blocked until it is unblocked by its handle. A time that several blocks share, or that an appointment at GHL blocks too,
/// is free after the last of them is removed. Disconnecting leaves the times blocked, and the handles are valid again when the same
/// account is connected again.
#[utoipa::path(
    post,
    path = "/api/organizations/{org}/blocked-slots",
    operation_id = "block_slots",
    tag = "bookings",
    params(("org" = String, Path, description = "The organization's id")),
    request_body = BlockSlotsRequest,
    security(("operator" = [])),
    responses(
        (status = 201, body = BlockedSlots),
        (status = 409, description = "`reconnect_required`", body = Problem), (status = 422, body = Problem), (status = 502, body = Problem),
        (status = 503, description = "With `handles` when the times may be blocked all the same", body = Problem), (status = 504, body = Problem),
    ),
)]
pub async fn create(
    tenant: Tenant,
    State(app): State<App>,
    extract::Json(request): extract::Json<BlockSlotsRequest>,
) -> ApiResult<(StatusCode, Json<BlockedSlots>)> {
    if request.slots.is_empty() || request.slots.len() > MAX_SLOTS {
        return Err(Problem::invalid(format!("`slots` has {} times: give 1 to {MAX_SLOTS}", request.slots.len())));
    }
    let slots: Vec<BlockedSlot> = request.slots.into_iter().map(slot).collect::<ApiResult<_>>()?;
    let organization = tenant.id().clone();
    let blocking = async move { manual_blocks::block(&app, &organization, slots).await };
    match run_to_completion(blocking).await? {
        Ok(handles) => Ok((StatusCode::CREATED, Json(BlockedSlots { handles }))),
        Err(BlockError { error, handles }) if handles.is_empty() => Err(problem(error)),
        Err(BlockError { error, handles }) => Err(problem(error).with("handles", handles)),
    }
}

/// Unblocks a time. A time that is free already is not an error.
#[utoipa::path(
    delete,
    path = "/api/organizations/{org}/blocked-slots/{handle}",
    operation_id = "unblock_slot",
    tag = "bookings",
    params(("org" = String, Path, description = "The organization's id"), ("handle" = String, Path, description = "The handle that blocking it returned")),
    security(("operator" = [])),
    responses(
        (status = 204, description = "Slot unblocked"),
        (status = 409, description = "`reconnect_required`, or `other_account`", body = Problem), (status = 422, body = Problem), ProviderProblems,
    ),
)]
pub async fn delete(
    tenant: Tenant,
    State(app): State<App>,
    Path(HandlePath { handle }): Path<HandlePath>,
) -> ApiResult<StatusCode> {
    if !manual_blocks::is_handle(&handle) {
        return Err(Problem::not_found("blocked time"));
    }
    let organization = tenant.id().clone();
    let unblocking = async move { manual_blocks::unblock(&app, &organization, &handle).await };
    if run_to_completion(unblocking).await?.map_err(problem)? {
        return Ok(StatusCode::NO_CONTENT);
    }
    let detail =
        "the time is blocked in the previously connected account: connect that one again, or unblock it at Cal.com";
    Err(Problem::new(StatusCode::CONFLICT, "other_account", detail))
}

/// Runs `work` in a task of its own, so that a client that disconnects does not leave it half done.
async fn run_to_completion<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> ApiResult<T> {
    tokio::spawn(work.in_current_span()).await.map_err(|error| Problem::internal(&error))
}

fn problem(error: TaskError) -> Problem {
    match error {
        TaskError::Provider(error) => error.into(),
        TaskError::Store(error) => error.into(),
        TaskError::Contended(why) | TaskError::NotReady(why) | TaskError::Permanent(why) => {
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", why).retry_after(CONTENDED_RETRY_AFTER)
        }
    }
}

fn slot(TimeToBlock { start, end, reason }: TimeToBlock) -> ApiResult<BlockedSlot> {
    let slot = BlockedSlot::new(time("start", &start)?, time("end", &end)?);
    Ok(match reason {
        Some(reason) => slot.because(reason),
        None => slot,
    })
}
