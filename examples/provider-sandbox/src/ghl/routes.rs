//! The table of contents: which operation is answered by which handler. No logic.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, delete, get, post, put};
use http::{Method, StatusCode, Uri};
use serde_json::json;

use super::gate::gate;
use super::operations::{self as op, Operation};
use super::state::World;
use super::{calendars, contacts, locations, oauth, opportunities, reply};

/// Largest body the stand-in reads, in bytes.
const BODY_LIMIT: usize = 4 << 20;

type Door = MethodRouter<Arc<World>>;

/// Every route below `/ghl`.
pub(crate) fn router(world: Arc<World>) -> Router {
    let at = |operation: &'static Operation, door: Door| {
        door.route_layer(from_fn_with_state((world.clone(), operation), gate))
    };
    Router::new()
        .merge(oauth_routes(&at))
        .merge(contact_routes(&at))
        .merge(location_routes(&at))
        .merge(calendar_routes(&at))
        .merge(opportunity_routes(&at))
        .fallback(unknown)
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .with_state(world)
}

fn oauth_routes(at: &impl Fn(&'static Operation, Door) -> Door) -> Router<Arc<World>> {
    Router::new()
        .route("/oauth/chooselocation", at(&op::CHOOSE_LOCATION, get(oauth::choose_location)))
        .route("/v2/oauth/chooselocation", at(&op::CHOOSE_LOCATION, get(oauth::choose_location)))
        .route("/oauth/token", at(&op::TOKEN, post(oauth::token)))
        .route("/oauth/reconnect", at(&op::RECONNECT, post(oauth::reconnect)))
        .route("/oauth/locationToken", at(&op::LOCATION_TOKEN, post(oauth::location_token)))
        .route("/oauth/installedLocations", at(&op::INSTALLED_LOCATIONS, get(oauth::installed_locations)))
}

fn contact_routes(at: &impl Fn(&'static Operation, Door) -> Door) -> Router<Arc<World>> {
    Router::new()
        .route("/contacts/search", at(&op::SEARCH_CONTACTS, post(contacts::search)))
        .route("/contacts/search/duplicate", at(&op::DUPLICATE_CONTACT, get(contacts::duplicate)))
        .route("/contacts/upsert", at(&op::UPSERT_CONTACT, post(contacts::upsert)))
        .route(
            "/contacts/",
            at(&op::LIST_CONTACTS, get(contacts::list)).merge(at(&op::CREATE_CONTACT, post(contacts::create))),
        )
        .route(
            "/contacts/{id}",
            at(&op::GET_CONTACT, get(contacts::get))
                .merge(at(&op::UPDATE_CONTACT, put(contacts::update)))
                .merge(at(&op::DELETE_CONTACT, delete(contacts::delete))),
        )
        .route(
            "/contacts/{id}/tags",
            at(&op::ADD_TAGS, post(contacts::add_tags)).merge(at(&op::REMOVE_TAGS, delete(contacts::remove_tags))),
        )
        .route("/contacts/{id}/appointments", at(&op::CONTACT_APPOINTMENTS, get(contacts::appointments)))
}

fn location_routes(at: &impl Fn(&'static Operation, Door) -> Door) -> Router<Arc<World>> {
    Router::new()
        .route("/locations/search", at(&op::SEARCH_LOCATIONS, get(locations::search)))
        .route("/locations/{id}", at(&op::GET_LOCATION, get(locations::get)))
        .route("/locations/{id}/customFields", at(&op::CUSTOM_FIELDS, get(locations::custom_fields)))
        .route("/locations/{id}/tags", at(&op::LOCATION_TAGS, get(locations::tags)))
}

fn calendar_routes(at: &impl Fn(&'static Operation, Door) -> Door) -> Router<Arc<World>> {
    Router::new()
        .route("/calendars/", at(&op::CALENDARS, get(calendars::list)))
        .route("/calendars/events", at(&op::EVENTS, get(calendars::events)))
        .route("/calendars/blocked-slots", at(&op::BLOCKED_SLOTS, get(calendars::blocked_slots)))
        .route("/calendars/{id}", at(&op::GET_CALENDAR, get(calendars::get)))
        .route("/calendars/{id}/free-slots", at(&op::FREE_SLOTS, get(calendars::free_slots)))
        .route("/calendars/events/appointments", at(&op::CREATE_APPOINTMENT, post(calendars::create_appointment)))
        .route(
            "/calendars/events/appointments/{id}",
            at(&op::GET_APPOINTMENT, get(calendars::get_appointment))
                .merge(at(&op::UPDATE_APPOINTMENT, put(calendars::update_appointment))),
        )
        .route("/calendars/events/block-slots", at(&op::CREATE_BLOCK, post(calendars::create_block)))
        .route("/calendars/events/{id}", at(&op::DELETE_EVENT, delete(calendars::delete_event)))
}

fn opportunity_routes(at: &impl Fn(&'static Operation, Door) -> Door) -> Router<Arc<World>> {
    Router::new()
        .route("/opportunities/pipelines", at(&op::PIPELINES, get(opportunities::pipelines)))
        .route("/opportunities/search", at(&op::SEARCH_OPPORTUNITIES, get(opportunities::search)))
        .route("/opportunities/", at(&op::CREATE_OPPORTUNITY, post(opportunities::create)))
        .route(
            "/opportunities/{id}",
            at(&op::GET_OPPORTUNITY, get(opportunities::get))
                .merge(at(&op::UPDATE_OPPORTUNITY, put(opportunities::update)))
                .merge(at(&op::DELETE_OPPORTUNITY, delete(opportunities::delete))),
        )
        .route("/opportunities/{id}/status", at(&op::OPPORTUNITY_STATUS, put(opportunities::set_status)))
}

async fn unknown(method: Method, uri: Uri) -> Response {
    let message = format!("Cannot {method} {}", uri.path());
    reply::json(StatusCode::NOT_FOUND, &json!({"message": message, "error": "Not Found", "statusCode": 404}))
        .into_response()
}
