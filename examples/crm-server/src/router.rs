//! The table of routes.

use axum::{Router, middleware as layers, routing::get};
use tower_http::catch_panic::CatchPanicLayer;
use utoipa::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    app::App,
    calcom::{self, calendar_feed},
    ghl::{connect, webhook},
    http::middleware,
    mirror::blocked_slots,
    openapi::{self, Description},
    ops::{dead_letters, health, metrics_route},
    records::{appointments, contacts, locations, opportunities},
    sync,
    tenancy::organizations,
};

/// The routes of the web roles.
pub fn web(app: App) -> Router {
    let (router, description) = described().split_for_parts();
    finish(router.merge(openapi::routes(to_json(&description))), app)
}

/// The routes of a worker process: health and metrics.
pub fn worker(app: App) -> Router {
    finish(operations().split_for_parts().0, app)
}

/// Metrics without a token, for an address of their own that the operator protects.
pub fn metrics_only(app: App) -> Router {
    finish(Router::new().route("/metrics", get(metrics_route::show_without_token)), app)
}

/// The OpenAPI document, as JSON.
pub fn openapi() -> String {
    to_json(described().get_openapi())
}

fn described() -> OpenApiRouter<App> {
    let mut table = table();
    openapi::complete(table.get_openapi_mut());
    table
}

fn table() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(Description::openapi())
        .routes(routes!(organizations::list, organizations::create))
        .routes(routes!(organizations::read))
        .routes(routes!(connect::connect))
        .routes(routes!(connect::auth))
        .routes(routes!(connect::disconnect))
        .routes(routes!(calcom::connect::connect))
        .routes(routes!(calcom::connect::auth))
        .routes(routes!(calcom::connection::read, calcom::connection::change, calcom::connection::disconnect))
        .routes(routes!(calendar_feed::create, calendar_feed::delete))
        .routes(routes!(calendar_feed::read))
        .routes(routes!(calcom::availability::list))
        .routes(routes!(calcom::bookings::list, calcom::bookings::create))
        .routes(routes!(calcom::bookings::read))
        .routes(routes!(calcom::bookings::reschedule))
        .routes(routes!(calcom::bookings::cancel))
        .routes(routes!(blocked_slots::create))
        .routes(routes!(blocked_slots::delete))
        .routes(routes!(contacts::list, contacts::create))
        .routes(routes!(contacts::read, contacts::change, contacts::delete))
        .routes(routes!(locations::list))
        .routes(routes!(appointments::list))
        .routes(routes!(opportunities::list))
        .routes(routes!(opportunities::list_pipelines))
        .routes(routes!(sync::routes::read, sync::routes::run))
        .routes(routes!(dead_letters::list))
        .routes(routes!(dead_letters::redrive))
        .routes(routes!(webhook::receive))
        .routes(routes!(calcom::webhook::receive))
        .routes(routes!(calcom::webhook::receive_for))
        .routes(routes!(health::integrations))
        .merge(operations())
}

fn operations() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(health::live))
        .routes(routes!(health::ready))
        .routes(routes!(metrics_route::show))
}

fn finish(router: Router<App>, app: App) -> Router {
    router
        .fallback(middleware::no_such_route)
        .method_not_allowed_fallback(middleware::method_not_allowed)
        .layer(CatchPanicLayer::custom(middleware::panicked))
        .layer(layers::from_fn_with_state(app.clone(), middleware::observe))
        .with_state(app)
}

fn to_json(description: &utoipa::openapi::OpenApi) -> String {
    description.to_pretty_json().unwrap_or_default()
}
