//! The routes: which handler serves which operation.

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, delete, get, patch, post};
use http::{Method, Uri};

use super::operations::{self as op, Operation};
use super::response::{self, ApiError};
use super::state::CalcomState;
use super::webhooks::subscriptions as webhooks;
use super::{bookings, event_types, me, middleware, oauth, out_of_office, reservations, schedules, slots};
use crate::http_io::MAX_REQUEST_BYTES;

type Methods = MethodRouter<Arc<CalcomState>>;

/// Returns the routes below `/calcom`.
pub(crate) fn router(state: Arc<CalcomState>) -> Router {
    let guarded = |operation: &'static Operation, methods: Methods| {
        methods.route_layer(from_fn_with_state((state.clone(), operation), middleware::handle))
    };
    Router::new()
        .merge(account_routes(&guarded))
        .merge(schedule_and_event_type_routes(&guarded))
        .merge(slot_routes(&guarded))
        .merge(booking_routes(&guarded))
        .merge(webhook_routes(&guarded))
        .fallback(not_found)
        .method_not_allowed_fallback(not_found)
        .layer(DefaultBodyLimit::max(MAX_REQUEST_BYTES))
        .with_state(state)
}

fn account_routes(guarded: &impl Fn(&'static Operation, Methods) -> Methods) -> Router<Arc<CalcomState>> {
    Router::new()
        .route("/auth/oauth2/authorize", guarded(&op::AUTHORIZE, get(oauth::authorize)))
        .route("/v2/auth/oauth2/token", guarded(&op::TOKEN, post(oauth::token)))
        .route("/v2/auth/oauth2/clients/{id}", guarded(&op::CLIENT, get(oauth::client)))
        .route("/v2/me", guarded(&op::ME, get(me::get)).merge(guarded(&op::UPDATE_ME, patch(me::update))))
        .route(
            "/v2/me/ooo",
            guarded(&op::LIST_OOO, get(out_of_office::list))
                .merge(guarded(&op::CREATE_OOO, post(out_of_office::create))),
        )
        .route(
            "/v2/me/ooo/{id}",
            guarded(&op::UPDATE_OOO, patch(out_of_office::update))
                .merge(guarded(&op::DELETE_OOO, delete(out_of_office::delete))),
        )
}

fn schedule_and_event_type_routes(
    guarded: &impl Fn(&'static Operation, Methods) -> Methods,
) -> Router<Arc<CalcomState>> {
    Router::new()
        .route(
            "/v2/event-types",
            guarded(&op::LIST_EVENT_TYPES, get(event_types::list))
                .merge(guarded(&op::CREATE_EVENT_TYPE, post(event_types::create))),
        )
        .route(
            "/v2/event-types/{id}",
            guarded(&op::GET_EVENT_TYPE, get(event_types::get))
                .merge(guarded(&op::UPDATE_EVENT_TYPE, patch(event_types::update)))
                .merge(guarded(&op::DELETE_EVENT_TYPE, delete(event_types::delete))),
        )
        .route(
            "/v2/schedules",
            guarded(&op::LIST_SCHEDULES, get(schedules::list))
                .merge(guarded(&op::CREATE_SCHEDULE, post(schedules::create))),
        )
        .route("/v2/schedules/default", guarded(&op::DEFAULT_SCHEDULE, get(schedules::default)))
        .route(
            "/v2/schedules/{id}",
            guarded(&op::GET_SCHEDULE, get(schedules::get))
                .merge(guarded(&op::UPDATE_SCHEDULE, patch(schedules::update)))
                .merge(guarded(&op::DELETE_SCHEDULE, delete(schedules::delete))),
        )
}

fn slot_routes(guarded: &impl Fn(&'static Operation, Methods) -> Methods) -> Router<Arc<CalcomState>> {
    Router::new()
        .route("/v2/slots", guarded(&op::SLOTS_FREE, get(slots::list)))
        .route("/v2/slots/reservations", guarded(&op::RESERVE, post(reservations::create)))
        .route(
            "/v2/slots/reservations/{uid}",
            guarded(&op::GET_RESERVATION, get(reservations::get))
                .merge(guarded(&op::UPDATE_RESERVATION, patch(reservations::update)))
                .merge(guarded(&op::DELETE_RESERVATION, delete(reservations::delete))),
        )
}

fn booking_routes(guarded: &impl Fn(&'static Operation, Methods) -> Methods) -> Router<Arc<CalcomState>> {
    Router::new()
        .route(
            "/v2/bookings",
            guarded(&op::LIST_BOOKINGS, get(bookings::list))
                .merge(guarded(&op::CREATE_BOOKING, post(bookings::create))),
        )
        .route("/v2/bookings/{uid}", guarded(&op::GET_BOOKING, get(bookings::get)))
        .route("/v2/bookings/{uid}/cancel", guarded(&op::CANCEL_BOOKING, post(bookings::cancel)))
        .route("/v2/bookings/{uid}/reschedule", guarded(&op::RESCHEDULE_BOOKING, post(bookings::reschedule)))
        .route("/v2/bookings/{uid}/confirm", guarded(&op::CONFIRM_BOOKING, post(bookings::confirm)))
        .route("/v2/bookings/{uid}/decline", guarded(&op::DECLINE_BOOKING, post(bookings::decline)))
        .route("/v2/bookings/{uid}/mark-absent", guarded(&op::MARK_ABSENT, post(bookings::mark_absent)))
}

fn webhook_routes(guarded: &impl Fn(&'static Operation, Methods) -> Methods) -> Router<Arc<CalcomState>> {
    Router::new()
        .route(
            "/v2/webhooks",
            guarded(&op::LIST_WEBHOOKS, get(webhooks::list))
                .merge(guarded(&op::CREATE_WEBHOOK, post(webhooks::create))),
        )
        .route(
            "/v2/webhooks/{id}",
            guarded(&op::GET_WEBHOOK, get(webhooks::get))
                .merge(guarded(&op::UPDATE_WEBHOOK, patch(webhooks::update)))
                .merge(guarded(&op::DELETE_WEBHOOK, delete(webhooks::delete))),
        )
}

async fn not_found(State(state): State<Arc<CalcomState>>, method: Method, uri: Uri) -> Response {
    let error = ApiError::not_found(format!("Cannot {method} {}", uri.path()));
    response::render_error(error.into_response(), uri.path(), state.clock.now_ms())
}
