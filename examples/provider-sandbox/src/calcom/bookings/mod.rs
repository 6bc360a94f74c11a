//! Bookings: the handlers. `record` is what is kept, `create` and `changes` do the work, `list` finds.
//! Recurring series, attendees, guests, references and media are not here.
//! Invariant: what a handler does, the in-process handle does by the same function.

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

use self::changes::{Absent, Cancel, Move};
use self::create::NewBooking;
use super::gate::Caller;
use super::reply::{self, Answer};
use super::shape::{self, Query};
use super::state::World;
use crate::lock;

/// `POST /v2/bookings`.
pub(crate) async fn create(
    State(world): State<Arc<World>>,
    Extension(caller): Extension<Caller>,
    body: Bytes,
) -> Answer {
    let wish: NewBooking = shape::read(&body)?;
    reply::created(&create::create(&world, &wish, caller.is_host())?)
}

/// `GET /v2/bookings`.
pub(crate) async fn list(State(world): State<Arc<World>>, RawQuery(query): RawQuery) -> Answer {
    let query = Query::parse(query.as_deref());
    let account = lock(&world.account);
    Ok(reply::json(StatusCode::OK, &list::page(&account, &query, world.clock.now_ms())?))
}

/// `GET /v2/bookings/{uid}`.
pub(crate) async fn get(State(world): State<Arc<World>>, Path(uid): Path<String>) -> Answer {
    let account = lock(&world.account);
    reply::ok(&account.booking(&uid)?.read(&account))
}

/// `POST /v2/bookings/{uid}/cancel`.
pub(crate) async fn cancel(
    State(world): State<Arc<World>>,
    Extension(caller): Extension<Caller>,
    Path(uid): Path<String>,
    body: Bytes,
) -> Answer {
    let mut wish: Cancel = shape::read(&body)?;
    wish.by = caller.is_host().then(|| lock(&world.account).me.email.clone());
    reply::ok(&changes::cancel(&world, &uid, &wish)?)
}

/// `POST /v2/bookings/{uid}/reschedule`.
pub(crate) async fn reschedule(State(world): State<Arc<World>>, Path(uid): Path<String>, body: Bytes) -> Answer {
    let wish: Move = shape::read(&body)?;
    reply::created(&changes::reschedule(&world, &uid, &wish)?)
}

/// `POST /v2/bookings/{uid}/confirm`.
pub(crate) async fn confirm(State(world): State<Arc<World>>, Path(uid): Path<String>) -> Answer {
    reply::ok(&changes::confirm(&world, &uid)?)
}

#[derive(Debug, Default, Deserialize)]
struct Decline {
    reason: Option<String>,
}

/// `POST /v2/bookings/{uid}/decline`.
pub(crate) async fn decline(State(world): State<Arc<World>>, Path(uid): Path<String>, body: Bytes) -> Answer {
    let wish: Decline = shape::read(&body)?;
    reply::ok(&changes::decline(&world, &uid, wish.reason.as_deref())?)
}

/// `POST /v2/bookings/{uid}/mark-absent`.
pub(crate) async fn mark_absent(State(world): State<Arc<World>>, Path(uid): Path<String>, body: Bytes) -> Answer {
    let wish: Absent = shape::read(&body)?;
    reply::ok(&changes::mark_absent(&world, &uid, &wish)?)
}
