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

type Methods = MethodRouter<Arc<GhlState>>;

/// Returns the routes below `/ghl`.
pub(crate) fn router(state: Arc<GhlState>) -> Router {
    let guarded = |operation: &'static Operation, methods: Methods| {
        methods.route_layer(from_fn_with_state((state.clone(), operation), middleware::handle))
    };
    Router::new()
        .merge(oauth_routes(&guarded))
        .merge(contact_routes(&guarded))
        .merge(location_routes(&guarded))
        .merge(calendar_routes(&guarded))
        .merge(opportunity_routes(&guarded))
        .fallback(not_found)
        .layer(DefaultBodyLimit::max(MAX_REQUEST_BYTES))
        .with_state(state)
}

fn oauth_routes(guarded: &impl Fn(&'static Operation, Methods) -> Methods) -> Router<Arc<GhlState>> {
    Router::new()
        .route("/oauth/chooselocation", guarded(&op::CHOOSE_LOCATION, get(oauth::choose_location)))
        .route("/v2/oauth/chooselocation", guarded(&op::CHOOSE_LOCATION, get(oauth::choose_location)))
        .route("/oauth/token", guarded(&op::TOKEN, post(oauth::token)))
        .route("/oauth/reconnect", guarded(&op::RECONNECT, post(oauth::reconnect)))
        .route("/oauth/locationToken", guarded(&op::LOCATION_TOKEN, post(oauth::location_token)))
        .route("/oauth/installedLocations", guarded(&op::INSTALLED_LOCATIONS, get(oauth::installed_locations)))
}

fn contact_routes(guarded: &impl Fn(&'static Operation, Methods) -> Methods) -> Router<Arc<GhlState>> {
    Router::new()
        .route("/contacts/search", guarded(&op::SEARCH_CONTACTS, post(contacts::search)))
        .route("/contacts/search/duplicate", guarded(&op::DUPLICATE_CONTACT, get(contacts::duplicate)))
        .route("/contacts/upsert", guarded(&op::UPSERT_CONTACT, post(contacts::upsert)))
        .route(
            "/contacts/",
            guarded(&op::LIST_CONTACTS, get(contacts::list))
                .merge(guarded(&op::CREATE_CONTACT, post(contacts::create))),
        )
        .route(
            "/contacts/{id}",
            guarded(&op::GET_CONTACT, get(contacts::get))
                .merge(guarded(&op::UPDATE_CONTACT, put(contacts::update)))
                .merge(guarded(&op::DELETE_CONTACT, delete(contacts::delete))),
        )
        .route(
            "/contacts/{id}/tags",
            guarded(&op::ADD_TAGS, post(contacts::add_tags))
                .merge(guarded(&op::REMOVE_TAGS, delete(contacts::remove_tags))),
        )
        .route("/contacts/{id}/appointments", guarded(&op::CONTACT_APPOINTMENTS, get(contacts::appointments)))
}

fn location_routes(guarded: &impl Fn(&'static Operation, Methods) -> Methods) -> Router<Arc<GhlState>> {
    Router::new()
        .route("/locations/search", guarded(&op::SEARCH_LOCATIONS, get(locations::search)))
        .route("/locations/{id}", guarded(&op::GET_LOCATION, get(locations::get)))
        .route("/locations/{id}/customFields", guarded(&op::CUSTOM_FIELDS, get(locations::custom_fields)))
        .route("/locations/{id}/tags", guarded(&op::LOCATION_TAGS, get(locations::tags)))
}

fn calendar_routes(guarded: &impl Fn(&'static Operation, Methods) -> Methods) -> Router<Arc<GhlState>> {
    Router::new()
        .route("/calendars/", guarded(&op::CALENDARS, get(calendars::list)))
        .route("/calendars/events", guarded(&op::EVENTS, get(calendars::events)))
        .route("/calendars/blocked-slots", guarded(&op::BLOCKED_SLOTS, get(calendars::blocked_slots)))
        .route("/calendars/{id}", guarded(&op::GET_CALENDAR, get(calendars::get)))
        .route("/calendars/{id}/free-slots", guarded(&op::FREE_SLOTS, get(calendars::free_slots)))
        .route("/calendars/events/appointments", guarded(&op::CREATE_APPOINTMENT, post(calendars::create_appointment)))
        .route(
            "/calendars/events/appointments/{id}",
            guarded(&op::GET_APPOINTMENT, get(calendars::get_appointment))
                .merge(guarded(&op::UPDATE_APPOINTMENT, put(calendars::update_appointment))),
        )
        .route("/calendars/events/block-slots", guarded(&op::CREATE_BLOCK, post(calendars::create_block)))
        .route("/calendars/events/{id}", guarded(&op::DELETE_EVENT, delete(calendars::delete_event)))
}

fn opportunity_routes(guarded: &impl Fn(&'static Operation, Methods) -> Methods) -> Router<Arc<GhlState>> {
    Router::new()
        .route("/opportunities/pipelines", guarded(&op::PIPELINES, get(opportunities::pipelines)))
        .route("/opportunities/search", guarded(&op::SEARCH_OPPORTUNITIES, get(opportunities::search)))
        .route("/opportunities/", guarded(&op::CREATE_OPPORTUNITY, post(opportunities::create)))
        .route(
            "/opportunities/{id}",
            guarded(&op::GET_OPPORTUNITY, get(opportunities::get))
                .merge(guarded(&op::UPDATE_OPPORTUNITY, put(opportunities::update)))
                .merge(guarded(&op::DELETE_OPPORTUNITY, delete(opportunities::delete))),
        )
        .route("/opportunities/{id}/status", guarded(&op::OPPORTUNITY_STATUS, put(opportunities::set_status)))
}

async fn not_found(method: Method, uri: Uri) -> Response {
    let message = format!("Cannot {method} {}", uri.path());
    json_response(StatusCode::NOT_FOUND, &json!({"message": message, "error": "Not Found", "statusCode": 404}))
}
