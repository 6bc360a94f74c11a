//! The server's own description: `/openapi.json`, made from the routes, and `/docs`, a reader without assets from elsewhere.

use axum::{
    Router,
    response::{Html, IntoResponse},
    routing::get,
};
use http::{HeaderValue, StatusCode, header};
use utoipa::{
    Modify, OpenApi,
    openapi::{
        PathItem, RefOr,
        path::Operation,
        security::{Http, HttpAuthScheme, SecurityScheme},
    },
};

use crate::app::App;

/// What the description says beside the routes.
#[derive(Debug, OpenApi)]
#[openapi(
    info(
        title = "Sidecar CRM server",
        description = "GHL and Cal.com, connected and kept in step. Errors are `application/problem+json` (RFC 9457) with a `code` for programs and the request's id.",
        license(name = "MIT OR Apache-2.0"),
    ),
    modifiers(&OperatorToken),
    tags(
        (name = "organizations", description = "Tenants"),
        (name = "integrations", description = "Connecting and disconnecting"),
        (name = "contacts", description = "Read from the store, written at GHL first"),
        (name = "locations", description = "Read from the store"),
        (name = "appointments", description = "Read from the store"),
        (name = "opportunities", description = "Opportunities and pipelines, read from the store"),
        (name = "bookings", description = "Bookings, free and blocked times, at Cal.com"),
        (name = "sync", description = "How the copies stand"),
        (name = "webhooks", description = "The providers' way in"),
        (name = "operations", description = "What was given up, what was counted"),
        (name = "health", description = "Whether everything is there"),
    ),
)]
pub struct Description;

struct OperatorToken;

impl Modify for OperatorToken {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        openapi.components.get_or_insert_default().add_security_scheme("operator", scheme);
    }
}

/// Adds what every route has in common: each answer has a description, each refusal is a problem, each operation an id of
/// its own.
pub(crate) fn complete(description: &mut utoipa::openapi::OpenApi) {
    for item in description.paths.paths.values_mut() {
        if let Some(patch) = &mut item.patch {
            // It is declared together with PUT, under one id.
            patch.operation_id = patch.operation_id.take().map(|id| format!("{id}_patch"));
        }
        operations(item).for_each(complete_answers);
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.put, &mut item.post, &mut item.delete, &mut item.patch].into_iter().flatten()
}

fn complete_answers(operation: &mut Operation) {
    for (status, answer) in &mut operation.responses.responses {
        let RefOr::T(answer) = answer else { continue };
        let Ok(status) = status.parse::<StatusCode>() else { continue };
        if answer.description.is_empty() {
            answer.description = status.canonical_reason().unwrap_or_default().to_owned();
        }
        if !status.is_success()
            && let Some(problem) = answer.content.shift_remove("application/json")
        {
            answer.content.insert("application/problem+json".to_owned(), problem);
        }
    }
}

/// The routes that show the description.
pub(crate) fn routes(json: String) -> Router<App> {
    let description = move || async move { ([(header::CONTENT_TYPE, "application/json")], json) };
    Router::new().route("/openapi.json", get(description)).route("/docs", get(reader))
}

async fn reader() -> impl IntoResponse {
    let policy = "default-src 'none'; connect-src 'self'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; frame-ancestors 'none'";
    ([(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy))], Html(include_str!("docs.html")))
}
