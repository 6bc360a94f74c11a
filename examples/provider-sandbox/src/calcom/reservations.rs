//! Reservations: they hide a slot from listings for some minutes and expire by themselves.
//! They do not prevent bookings, because the create request cannot name a reservation.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use bytes::Bytes;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::account::Account;
use super::availability::{SlotQuery, TimeRange};
use super::middleware::Caller;
use super::response::{self, ApiError, ApiResult};
use super::schema;
use super::state::CalcomState;
use crate::clock::rfc3339;
use crate::lock;

const MINUTE_MS: i64 = 60_000;
const DEFAULT_RESERVATION_MINUTES: i64 = 5;
const MAX_RESERVATION_MINUTES: i64 = 24 * 60;

/// A stored reservation.
#[derive(Debug, Clone)]
pub(crate) struct Reservation {
    event_type_id: i64,
    range: TimeRange,
    minutes: i64,
    expires_ms: i64,
}

impl Reservation {
    /// Returns whether the reservation hides this time of this event type at `now_ms`.
    pub(crate) fn hides(&self, event_type: i64, range: TimeRange, now_ms: i64) -> bool {
        self.event_type_id == event_type && now_ms < self.expires_ms && self.range.overlaps(range)
    }

    fn to_json(&self, uid: &str) -> Value {
        let TimeRange { start_ms, end_ms } = self.range;
        json!({
            "reservationUid": uid, "eventTypeId": self.event_type_id, "slotStart": rfc3339(start_ms), "slotEnd": rfc3339(end_ms),
            "slotDuration": (end_ms - start_ms) / MINUTE_MS, "reservationDuration": self.minutes, "reservationUntil": rfc3339(self.expires_ms),
        })
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReservationRequest {
    event_type_id: i64,
    slot_start: String,
    slot_duration: Option<i64>,
    reservation_duration: Option<i64>,
}

/// `POST /v2/slots/reservations`.
pub(crate) async fn create(
    State(state): State<Arc<CalcomState>>,
    Extension(caller): Extension<Caller>,
    body: Bytes,
) -> ApiResult {
    let request = schema::parse(&body)?;
    let mut account = lock(&state.account);
    let reservation = new_reservation(&account, &request, caller.is_host(), state.clock.now_ms())?;
    let uid = account.new_uuid();
    let json = reservation.to_json(&uid);
    account.reservations.insert(uid, reservation);
    response::created(&json)
}

/// `PATCH /v2/slots/reservations/{uid}`: moves the reservation to another slot.
pub(crate) async fn update(
    State(state): State<Arc<CalcomState>>,
    Extension(caller): Extension<Caller>,
    Path(uid): Path<String>,
    body: Bytes,
) -> ApiResult {
    let request = schema::parse(&body)?;
    let now_ms = state.clock.now_ms();
    let mut account = lock(&state.account);
    let before = current(&account, &uid, now_ms).cloned().ok_or_else(|| not_found(&uid))?;
    // The reservation must not conflict with itself.
    account.reservations.remove(&uid);
    let reservation = match new_reservation(&account, &request, caller.is_host(), now_ms) {
        Ok(reservation) => reservation,
        Err(error) => {
            account.reservations.insert(uid, before);
            return Err(error);
        }
    };
    let json = reservation.to_json(&uid);
    account.reservations.insert(uid, reservation);
    response::ok(&json)
}

/// `GET /v2/slots/reservations/{uid}`; `null` if it does not exist or has expired.
pub(crate) async fn get(State(state): State<Arc<CalcomState>>, Path(uid): Path<String>) -> ApiResult {
    let account = lock(&state.account);
    response::ok(&current(&account, &uid, state.clock.now_ms()).map(|reservation| reservation.to_json(&uid)))
}

/// `DELETE /v2/slots/reservations/{uid}`.
pub(crate) async fn delete(State(state): State<Arc<CalcomState>>, Path(uid): Path<String>) -> ApiResult {
    let mut account = lock(&state.account);
    current(&account, &uid, state.clock.now_ms()).ok_or_else(|| not_found(&uid))?;
    account.reservations.remove(&uid);
    response::ok_without_data()
}

fn new_reservation(
    account: &Account,
    request: &ReservationRequest,
    is_host: bool,
    now_ms: i64,
) -> Result<Reservation, ApiError> {
    let event_type = account.event_type(request.event_type_id)?;
    let start_ms = schema::utc_timestamp("slotStart", &request.slot_start)?;
    let length_ms = event_type.length_ms("slotDuration", request.slot_duration)?;
    let minutes = request.reservation_duration.unwrap_or(DEFAULT_RESERVATION_MINUTES);
    if request.reservation_duration.is_some() && !is_host {
        return Err(ApiError::unauthorized("reservationDuration can only be used by the host of the event type."));
    }
    if !(1..=MAX_RESERVATION_MINUTES).contains(&minutes) {
        return Err(ApiError::invalid("reservationDuration", "reservationDuration must be 1 to 1440"));
    }
    let range = TimeRange::starting_at(start_ms, length_ms);
    if account.is_reserved(event_type.id, range, now_ms) {
        let message = format!("The slot at {} is already reserved.", request.slot_start);
        return Err(ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, message));
    }
    let query = SlotQuery { event_type, length_ms, now_ms, rescheduled_uid: None };
    if account.check_bookable(query, range).is_err() {
        let message = format!("The event type can't be booked at {}.", request.slot_start);
        return Err(ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, message));
    }
    Ok(Reservation { event_type_id: event_type.id, range, minutes, expires_ms: now_ms + minutes * MINUTE_MS })
}

fn current<'a>(account: &'a Account, uid: &str, now_ms: i64) -> Option<&'a Reservation> {
    account.reservations.get(uid).filter(|reservation| now_ms < reservation.expires_ms)
}

fn not_found(uid: &str) -> ApiError {
    ApiError::not_found(format!("Reserved slot with uid={uid} not found"))
}
