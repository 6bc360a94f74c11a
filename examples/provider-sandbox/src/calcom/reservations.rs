//! Reservations: a slot held for some minutes, so that nobody else is offered it. They end by themselves.
//! A booking may still be made then: whoever holds the slot has no way to say so when booking it.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use bytes::Bytes;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::account::Account;
use super::availability::{Search, Span};
use super::error::ApiError;
use super::gate::Caller;
use super::reply::{self, Answer};
use super::shape;
use super::state::World;
use crate::clock::rfc3339;
use crate::lock;

const MINUTE_MS: i64 = 60_000;
/// How long a slot is held unless said otherwise, in minutes.
const USUAL: i64 = 5;
/// The longest a slot is held, in minutes.
const LONGEST: i64 = 24 * 60;

/// A slot that is held.
#[derive(Debug, Clone)]
pub(crate) struct Reservation {
    event_type_id: i64,
    span: Span,
    minutes: i64,
    until_ms: i64,
}

impl Reservation {
    /// Whether it keeps this time of this event type from others now.
    pub(crate) fn holds(&self, event_type: i64, span: Span, now_ms: i64) -> bool {
        self.event_type_id == event_type && now_ms < self.until_ms && self.span.meets(span)
    }

    fn read(&self, uid: &str) -> Value {
        let Span { start_ms, end_ms } = self.span;
        json!({
            "reservationUid": uid, "eventTypeId": self.event_type_id, "slotStart": rfc3339(start_ms), "slotEnd": rfc3339(end_ms),
            "slotDuration": (end_ms - start_ms) / MINUTE_MS, "reservationDuration": self.minutes, "reservationUntil": rfc3339(self.until_ms),
        })
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wish {
    event_type_id: i64,
    slot_start: String,
    slot_duration: Option<i64>,
    reservation_duration: Option<i64>,
}

/// `POST /v2/slots/reservations`.
pub(crate) async fn create(
    State(world): State<Arc<World>>,
    Extension(caller): Extension<Caller>,
    body: Bytes,
) -> Answer {
    let wish = shape::read(&body)?;
    let mut account = lock(&world.account);
    let reservation = reserve(&account, &wish, caller.is_host(), world.clock.now_ms())?;
    let uid = account.new_uuid();
    let shown = reservation.read(&uid);
    account.reservations.insert(uid, reservation);
    reply::created(&shown)
}

/// `PATCH /v2/slots/reservations/{uid}`: holds another slot instead.
pub(crate) async fn update(
    State(world): State<Arc<World>>,
    Extension(caller): Extension<Caller>,
    Path(uid): Path<String>,
    body: Bytes,
) -> Answer {
    let wish = shape::read(&body)?;
    let now_ms = world.clock.now_ms();
    let mut account = lock(&world.account);
    let before = current(&account, &uid, now_ms).cloned().ok_or_else(|| missing(&uid))?;
    // Its own slot does not stand in its way.
    account.reservations.remove(&uid);
    let reservation = match reserve(&account, &wish, caller.is_host(), now_ms) {
        Ok(reservation) => reservation,
        Err(error) => {
            account.reservations.insert(uid, before);
            return Err(error);
        }
    };
    let shown = reservation.read(&uid);
    account.reservations.insert(uid, reservation);
    reply::ok(&shown)
}

/// `GET /v2/slots/reservations/{uid}`; `null` when there is none any more.
pub(crate) async fn get(State(world): State<Arc<World>>, Path(uid): Path<String>) -> Answer {
    let account = lock(&world.account);
    reply::ok(&current(&account, &uid, world.clock.now_ms()).map(|held| held.read(&uid)))
}

/// `DELETE /v2/slots/reservations/{uid}`.
pub(crate) async fn delete(State(world): State<Arc<World>>, Path(uid): Path<String>) -> Answer {
    let mut account = lock(&world.account);
    current(&account, &uid, world.clock.now_ms()).ok_or_else(|| missing(&uid))?;
    account.reservations.remove(&uid);
    reply::done()
}

fn reserve(account: &Account, wish: &Wish, is_host: bool, now_ms: i64) -> Result<Reservation, ApiError> {
    let event_type = account.event_type(wish.event_type_id)?;
    let start_ms = shape::utc("slotStart", &wish.slot_start)?;
    let length_ms = event_type.length_ms("slotDuration", wish.slot_duration)?;
    let minutes = wish.reservation_duration.unwrap_or(USUAL);
    if wish.reservation_duration.is_some() && !is_host {
        return Err(ApiError::unauthorized("reservationDuration can only be used by the host of the event type."));
    }
    if !(1..=LONGEST).contains(&minutes) {
        return Err(ApiError::invalid("reservationDuration", "reservationDuration must be 1 to 1440"));
    }
    let span = Span::of(start_ms, length_ms);
    if account.is_held(event_type.id, span, now_ms) {
        let message = format!("The slot at {} is already reserved.", wish.slot_start);
        return Err(ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, message));
    }
    let search = Search { event_type, length_ms, now_ms, moving: None };
    if account.bookable(search, span).is_err() {
        let message = format!("The event type can't be booked at {}.", wish.slot_start);
        return Err(ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, message));
    }
    Ok(Reservation { event_type_id: event_type.id, span, minutes, until_ms: now_ms + minutes * MINUTE_MS })
}

fn current<'a>(account: &'a Account, uid: &str, now_ms: i64) -> Option<&'a Reservation> {
    account.reservations.get(uid).filter(|held| now_ms < held.until_ms)
}

fn missing(uid: &str) -> ApiError {
    ApiError::not_found(format!("Reserved slot with uid={uid} not found"))
}
