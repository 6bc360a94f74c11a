//! Every route, as a table of contents.

use axum::{Router, middleware as layers, routing::get};
use tower_http::catch_panic::CatchPanicLayer;
use utoipa::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    app::App,
    appointments, calcom, contacts, dead_letters,
    docs::{self, Description},
    ghl::{connect, webhook},
    health, locations, metrics, middleware, opportunities, organizations, syncs,
};

/// The routes of a server that answers people and providers.
pub fn web(app: App) -> Router {
    let (router, description) = described().split_for_parts();
    finish(router.merge(docs::routes(to_json(&description))), app)
}

/// The routes of a process that only works: health and metrics.
pub fn worker(app: App) -> Router {
    finish(operations().split_for_parts().0, app)
}

/// Metrics for whoever reaches their own address, which is the operator's to guard.
pub fn metrics_alone(app: App) -> Router {
    finish(Router::new().route("/metrics", get(metrics::show_openly)), app)
}

/// The description of every route, as JSON.
pub fn openapi() -> String {
    to_json(described().get_openapi())
}

fn described() -> OpenApiRouter<App> {
    let mut table = table();
    docs::complete(table.get_openapi_mut());
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
        .routes(routes!(calcom::feed::create, calcom::feed::delete))
        .routes(routes!(calcom::feed::read))
        .routes(routes!(calcom::availability::list))
        .routes(routes!(calcom::bookings::list, calcom::bookings::create))
        .routes(routes!(calcom::bookings::read))
        .routes(routes!(calcom::bookings::reschedule))
        .routes(routes!(calcom::bookings::cancel))
        .routes(routes!(calcom::blocked::create))
        .routes(routes!(calcom::blocked::delete))
        .routes(routes!(contacts::list, contacts::create))
        .routes(routes!(contacts::read, contacts::change, contacts::delete))
        .routes(routes!(locations::list))
        .routes(routes!(appointments::list))
        .routes(routes!(opportunities::list))
        .routes(routes!(opportunities::list_pipelines))
        .routes(routes!(syncs::read, syncs::run))
        .routes(routes!(dead_letters::list))
        .routes(routes!(dead_letters::redrive))
        .routes(routes!(webhook::receive))
        .routes(routes!(calcom::webhook::receive))
        .routes(routes!(calcom::webhook::receive_for))
        .routes(routes!(health::integrations))
        .merge(operations())
}

fn operations() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(health::live)).routes(routes!(health::ready)).routes(routes!(metrics::show))
}

fn finish(router: Router<App>, app: App) -> Router {
    router
        .fallback(middleware::no_such_route)
        .method_not_allowed_fallback(middleware::method_not_allowed)
        .layer(CatchPanicLayer::custom(middleware::panicked))
        .layer(layers::from_fn_with_state(app.clone(), middleware::around))
        .with_state(app)
}

fn to_json(description: &utoipa::openapi::OpenApi) -> String {
    description.to_pretty_json().unwrap_or_default()
}
