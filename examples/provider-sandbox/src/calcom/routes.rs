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

/// Returns the routes below `/calcom`.
pub(crate) fn router(state: Arc<CalcomState>) -> Router {
    let add_route = |router: Router<_>, (operation, path, methods): Route| {
        router.route(path, methods.route_layer(from_fn_with_state((state.clone(), operation), middleware::handle)))
    };
    routes()
        .into_iter()
        .fold(Router::new(), add_route)
        .fallback(not_found)
        .method_not_allowed_fallback(not_found)
        .layer(DefaultBodyLimit::max(MAX_REQUEST_BYTES))
        .with_state(state)
}

type Route = (&'static Operation, &'static str, MethodRouter<Arc<CalcomState>>);

fn routes() -> Vec<Route> {
    vec![
        (&op::AUTHORIZE, "/auth/oauth2/authorize", get(oauth::authorize)),
        (&op::TOKEN, "/v2/auth/oauth2/token", post(oauth::token)),
        (&op::CLIENT, "/v2/auth/oauth2/clients/{id}", get(oauth::client)),
        (&op::ME, "/v2/me", get(me::get)),
        (&op::UPDATE_ME, "/v2/me", patch(me::update)),
        (&op::LIST_OOO, "/v2/me/ooo", get(out_of_office::list)),
        (&op::CREATE_OOO, "/v2/me/ooo", post(out_of_office::create)),
        (&op::UPDATE_OOO, "/v2/me/ooo/{id}", patch(out_of_office::update)),
        (&op::DELETE_OOO, "/v2/me/ooo/{id}", delete(out_of_office::delete)),
        (&op::LIST_EVENT_TYPES, "/v2/event-types", get(event_types::list)),
        (&op::CREATE_EVENT_TYPE, "/v2/event-types", post(event_types::create)),
        (&op::GET_EVENT_TYPE, "/v2/event-types/{id}", get(event_types::get)),
        (&op::UPDATE_EVENT_TYPE, "/v2/event-types/{id}", patch(event_types::update)),
        (&op::DELETE_EVENT_TYPE, "/v2/event-types/{id}", delete(event_types::delete)),
        (&op::LIST_SCHEDULES, "/v2/schedules", get(schedules::list)),
        (&op::CREATE_SCHEDULE, "/v2/schedules", post(schedules::create)),
        (&op::DEFAULT_SCHEDULE, "/v2/schedules/default", get(schedules::default)),
        (&op::GET_SCHEDULE, "/v2/schedules/{id}", get(schedules::get)),
        (&op::UPDATE_SCHEDULE, "/v2/schedules/{id}", patch(schedules::update)),
        (&op::DELETE_SCHEDULE, "/v2/schedules/{id}", delete(schedules::delete)),
        (&op::SLOTS_FREE, "/v2/slots", get(slots::list)),
        (&op::RESERVE, "/v2/slots/reservations", post(reservations::create)),
        (&op::GET_RESERVATION, "/v2/slots/reservations/{uid}", get(reservations::get)),
        (&op::UPDATE_RESERVATION, "/v2/slots/reservations/{uid}", patch(reservations::update)),
        (&op::DELETE_RESERVATION, "/v2/slots/reservations/{uid}", delete(reservations::delete)),
        (&op::LIST_BOOKINGS, "/v2/bookings", get(bookings::list)),
        (&op::CREATE_BOOKING, "/v2/bookings", post(bookings::create)),
        (&op::GET_BOOKING, "/v2/bookings/{uid}", get(bookings::get)),
        (&op::CANCEL_BOOKING, "/v2/bookings/{uid}/cancel", post(bookings::cancel)),
        (&op::RESCHEDULE_BOOKING, "/v2/bookings/{uid}/reschedule", post(bookings::reschedule)),
        (&op::CONFIRM_BOOKING, "/v2/bookings/{uid}/confirm", post(bookings::confirm)),
        (&op::DECLINE_BOOKING, "/v2/bookings/{uid}/decline", post(bookings::decline)),
        (&op::MARK_ABSENT, "/v2/bookings/{uid}/mark-absent", post(bookings::mark_absent)),
        (&op::LIST_WEBHOOKS, "/v2/webhooks", get(webhooks::list)),
        (&op::CREATE_WEBHOOK, "/v2/webhooks", post(webhooks::create)),
        (&op::GET_WEBHOOK, "/v2/webhooks/{id}", get(webhooks::get)),
        (&op::UPDATE_WEBHOOK, "/v2/webhooks/{id}", patch(webhooks::update)),
        (&op::DELETE_WEBHOOK, "/v2/webhooks/{id}", delete(webhooks::delete)),
    ]
}

async fn not_found(State(state): State<Arc<CalcomState>>, method: Method, uri: Uri) -> Response {
    let error = ApiError::not_found(format!("Cannot {method} {}", uri.path()));
    response::render_error(error.into_response(), uri.path(), state.clock.now_ms())
}
