//! The routes: which handler serves which operation.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::{MethodRouter, delete, get, post, put};
use http::{Method, StatusCode, Uri};
use serde_json::json;

use super::operations::{self as op, Operation};
use super::state::GhlState;
use super::{calendars, contacts, locations, middleware, oauth, opportunities};
use crate::http_io::{MAX_REQUEST_BYTES, json_response};

/// Returns the routes below `/ghl`.
pub(crate) fn router(state: Arc<GhlState>) -> Router {
    let add_route = |router: Router<_>, (operation, path, methods): Route| {
        router.route(path, methods.route_layer(from_fn_with_state((state.clone(), operation), middleware::handle)))
    };
    routes()
        .into_iter()
        .fold(Router::new(), add_route)
        .fallback(not_found)
        .layer(DefaultBodyLimit::max(MAX_REQUEST_BYTES))
        .with_state(state)
}

type Route = (&'static Operation, &'static str, MethodRouter<Arc<GhlState>>);

fn routes() -> Vec<Route> {
    vec![
        (&op::CHOOSE_LOCATION, "/oauth/chooselocation", get(oauth::choose_location)),
        (&op::CHOOSE_LOCATION, "/v2/oauth/chooselocation", get(oauth::choose_location)),
        (&op::TOKEN, "/oauth/token", post(oauth::token)),
        (&op::RECONNECT, "/oauth/reconnect", post(oauth::reconnect)),
        (&op::LOCATION_TOKEN, "/oauth/locationToken", post(oauth::location_token)),
        (&op::INSTALLED_LOCATIONS, "/oauth/installedLocations", get(oauth::installed_locations)),
        (&op::SEARCH_CONTACTS, "/contacts/search", post(contacts::search)),
        (&op::DUPLICATE_CONTACT, "/contacts/search/duplicate", get(contacts::duplicate)),
        (&op::UPSERT_CONTACT, "/contacts/upsert", post(contacts::upsert)),
        (&op::LIST_CONTACTS, "/contacts/", get(contacts::list)),
        (&op::CREATE_CONTACT, "/contacts/", post(contacts::create)),
        (&op::GET_CONTACT, "/contacts/{id}", get(contacts::get)),
        (&op::UPDATE_CONTACT, "/contacts/{id}", put(contacts::update)),
        (&op::DELETE_CONTACT, "/contacts/{id}", delete(contacts::delete)),
        (&op::ADD_TAGS, "/contacts/{id}/tags", post(contacts::add_tags)),
        (&op::REMOVE_TAGS, "/contacts/{id}/tags", delete(contacts::remove_tags)),
        (&op::CONTACT_APPOINTMENTS, "/contacts/{id}/appointments", get(contacts::appointments)),
        (&op::SEARCH_LOCATIONS, "/locations/search", get(locations::search)),
        (&op::GET_LOCATION, "/locations/{id}", get(locations::get)),
        (&op::CUSTOM_FIELDS, "/locations/{id}/customFields", get(locations::custom_fields)),
        (&op::LOCATION_TAGS, "/locations/{id}/tags", get(locations::tags)),
        (&op::CALENDARS, "/calendars/", get(calendars::list)),
        (&op::EVENTS, "/calendars/events", get(calendars::events)),
        (&op::BLOCKED_SLOTS, "/calendars/blocked-slots", get(calendars::blocked_slots)),
        (&op::GET_CALENDAR, "/calendars/{id}", get(calendars::get)),
        (&op::FREE_SLOTS, "/calendars/{id}/free-slots", get(calendars::free_slots)),
        (&op::CREATE_APPOINTMENT, "/calendars/events/appointments", post(calendars::create_appointment)),
        (&op::GET_APPOINTMENT, "/calendars/events/appointments/{id}", get(calendars::get_appointment)),
        (&op::UPDATE_APPOINTMENT, "/calendars/events/appointments/{id}", put(calendars::update_appointment)),
        (&op::CREATE_BLOCK, "/calendars/events/block-slots", post(calendars::create_block)),
        (&op::DELETE_EVENT, "/calendars/events/{id}", delete(calendars::delete_event)),
        (&op::PIPELINES, "/opportunities/pipelines", get(opportunities::pipelines)),
        (&op::SEARCH_OPPORTUNITIES, "/opportunities/search", get(opportunities::search)),
        (&op::CREATE_OPPORTUNITY, "/opportunities/", post(opportunities::create)),
        (&op::GET_OPPORTUNITY, "/opportunities/{id}", get(opportunities::get)),
        (&op::UPDATE_OPPORTUNITY, "/opportunities/{id}", put(opportunities::update)),
        (&op::DELETE_OPPORTUNITY, "/opportunities/{id}", delete(opportunities::delete)),
        (&op::OPPORTUNITY_STATUS, "/opportunities/{id}/status", put(opportunities::set_status)),
    ]
}

async fn not_found(method: Method, uri: Uri) -> Response {
    let message = format!("Cannot {method} {}", uri.path());
    json_response(StatusCode::NOT_FOUND, &json!({"message": message, "error": "Not Found", "statusCode": 404}))
}
