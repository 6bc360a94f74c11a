//! The table of contents: which operation is answered by which handler. No logic.

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, delete, get, patch, post};
use http::{Method, Uri};

use super::error::{self, ApiError};
use super::gate::gate;
use super::operations::{self as op, Operation};
use super::state::World;
use super::webhooks::subscriptions as webhooks;
use super::{bookings, event_types, me, oauth, out_of_office, reservations, schedules, slots};

/// Largest body the stand-in reads, in bytes.
const BODY_LIMIT: usize = 4 << 20;

type Door = MethodRouter<Arc<World>>;

/// Every route below `/calcom`.
pub(crate) fn router(world: Arc<World>) -> Router {
    let at = |operation: &'static Operation, door: Door| {
        door.route_layer(from_fn_with_state((world.clone(), operation), gate))
    };
    Router::new()
        .merge(account_routes(&at))
        .merge(setup_routes(&at))
        .merge(slot_routes(&at))
        .merge(booking_routes(&at))
        .merge(webhook_routes(&at))
        .fallback(unknown)
        .method_not_allowed_fallback(unknown)
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .with_state(world)
}

fn account_routes(at: &impl Fn(&'static Operation, Door) -> Door) -> Router<Arc<World>> {
    Router::new()
        .route("/auth/oauth2/authorize", at(&op::AUTHORIZE, get(oauth::authorize)))
        .route("/v2/auth/oauth2/token", at(&op::TOKEN, post(oauth::token)))
        .route("/v2/auth/oauth2/clients/{id}", at(&op::CLIENT, get(oauth::client)))
        .route("/v2/me", at(&op::ME, get(me::get)).merge(at(&op::UPDATE_ME, patch(me::update))))
        .route(
            "/v2/me/ooo",
            at(&op::LIST_OOO, get(out_of_office::list)).merge(at(&op::CREATE_OOO, post(out_of_office::create))),
        )
        .route(
            "/v2/me/ooo/{id}",
            at(&op::UPDATE_OOO, patch(out_of_office::update)).merge(at(&op::DELETE_OOO, delete(out_of_office::delete))),
        )
}

fn setup_routes(at: &impl Fn(&'static Operation, Door) -> Door) -> Router<Arc<World>> {
    Router::new()
        .route(
            "/v2/event-types",
            at(&op::LIST_EVENT_TYPES, get(event_types::list))
                .merge(at(&op::CREATE_EVENT_TYPE, post(event_types::create))),
        )
        .route(
            "/v2/event-types/{id}",
            at(&op::GET_EVENT_TYPE, get(event_types::get))
                .merge(at(&op::UPDATE_EVENT_TYPE, patch(event_types::update)))
                .merge(at(&op::DELETE_EVENT_TYPE, delete(event_types::delete))),
        )
        .route(
            "/v2/schedules",
            at(&op::LIST_SCHEDULES, get(schedules::list)).merge(at(&op::CREATE_SCHEDULE, post(schedules::create))),
        )
        .route("/v2/schedules/default", at(&op::DEFAULT_SCHEDULE, get(schedules::default)))
        .route(
            "/v2/schedules/{id}",
            at(&op::GET_SCHEDULE, get(schedules::get))
                .merge(at(&op::UPDATE_SCHEDULE, patch(schedules::update)))
                .merge(at(&op::DELETE_SCHEDULE, delete(schedules::delete))),
        )
}

fn slot_routes(at: &impl Fn(&'static Operation, Door) -> Door) -> Router<Arc<World>> {
    Router::new()
        .route("/v2/slots", at(&op::SLOTS_FREE, get(slots::list)))
        .route("/v2/slots/reservations", at(&op::RESERVE, post(reservations::create)))
        .route(
            "/v2/slots/reservations/{uid}",
            at(&op::GET_RESERVATION, get(reservations::get))
                .merge(at(&op::UPDATE_RESERVATION, patch(reservations::update)))
                .merge(at(&op::DELETE_RESERVATION, delete(reservations::delete))),
        )
}

fn booking_routes(at: &impl Fn(&'static Operation, Door) -> Door) -> Router<Arc<World>> {
    Router::new()
        .route(
            "/v2/bookings",
            at(&op::LIST_BOOKINGS, get(bookings::list)).merge(at(&op::CREATE_BOOKING, post(bookings::create))),
        )
        .route("/v2/bookings/{uid}", at(&op::GET_BOOKING, get(bookings::get)))
        .route("/v2/bookings/{uid}/cancel", at(&op::CANCEL_BOOKING, post(bookings::cancel)))
        .route("/v2/bookings/{uid}/reschedule", at(&op::RESCHEDULE_BOOKING, post(bookings::reschedule)))
        .route("/v2/bookings/{uid}/confirm", at(&op::CONFIRM_BOOKING, post(bookings::confirm)))
        .route("/v2/bookings/{uid}/decline", at(&op::DECLINE_BOOKING, post(bookings::decline)))
        .route("/v2/bookings/{uid}/mark-absent", at(&op::MARK_ABSENT, post(bookings::mark_absent)))
}

fn webhook_routes(at: &impl Fn(&'static Operation, Door) -> Door) -> Router<Arc<World>> {
    Router::new()
        .route(
            "/v2/webhooks",
            at(&op::LIST_WEBHOOKS, get(webhooks::list)).merge(at(&op::CREATE_WEBHOOK, post(webhooks::create))),
        )
        .route(
            "/v2/webhooks/{id}",
            at(&op::GET_WEBHOOK, get(webhooks::get))
                .merge(at(&op::UPDATE_WEBHOOK, patch(webhooks::update)))
                .merge(at(&op::DELETE_WEBHOOK, delete(webhooks::delete))),
        )
}

async fn unknown(State(world): State<Arc<World>>, method: Method, uri: Uri) -> Response {
    let error = ApiError::not_found(format!("Cannot {method} {}", uri.path()));
    error::render(error.into_response(), uri.path(), world.clock.now_ms())
}
