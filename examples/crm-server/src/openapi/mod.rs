//! The OpenAPI document: `/openapi.json`, generated from the routes, and `/docs`, a reader without external assets.

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
        path::{Operation, ParameterIn},
        security::{Http, HttpAuthScheme, SecurityScheme},
    },
};

use crate::{app::App, http::responses::problem};

/// The parts of the document that are not routes.
#[derive(Debug, OpenApi)]
#[openapi(
    info(
        title = "Sidecar CRM server",
        description = "GHL and Cal.com, connected and synced. Errors are `application/problem+json` (RFC 9457) with a `code` and the request's id.",
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
        (name = "bookings", description = "Bookings, free times and blocked times at Cal.com"),
        (name = "sync", description = "Sync status, and running a sync"),
        (name = "webhooks", description = "Webhooks of the providers"),
        (name = "operations", description = "Dead letters and metrics"),
        (name = "health", description = "Health of the server and its integrations"),
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

/// Adds what routes have in common: the problem responses that follow from an operation's shape, a description of each response,
/// and the media type of problems.
pub(crate) fn complete(description: &mut utoipa::openapi::OpenApi) {
    for item in description.paths.paths.values_mut() {
        if let Some(patch) = &mut item.patch {
            // PATCH is declared together with PUT, under one operation id.
            patch.operation_id = patch.operation_id.take().map(|id| format!("{id}_patch"));
        }
        for operation in operations(item) {
            add_problems(operation);
            complete_responses(operation);
        }
    }
}

/// A guarded operation may respond with 401, with 400 if it takes a query or a body, and with 404 if it names a resource.
fn add_problems(operation: &mut Operation) {
    let (mut names_resource, mut takes_input) = (false, operation.request_body.is_some());
    for parameter in operation.parameters.iter().flatten() {
        let RefOr::T(parameter) = parameter else { continue };
        names_resource |= parameter.parameter_in == ParameterIn::Path || parameter.name == "organizationId";
        takes_input |= parameter.parameter_in == ParameterIn::Query;
    }
    let is_guarded = operation.security.is_some();
    let common = [("400", is_guarded && takes_input), ("401", is_guarded), ("404", names_resource)];
    for (status, _) in common.into_iter().filter(|(_, applies)| *applies) {
        operation.responses.responses.entry(status.to_owned()).or_insert_with(problem);
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.put, &mut item.post, &mut item.delete, &mut item.patch].into_iter().flatten()
}

fn complete_responses(operation: &mut Operation) {
    for (status, response) in &mut operation.responses.responses {
        let RefOr::T(response) = response else { continue };
        let Ok(status) = status.parse::<StatusCode>() else { continue };
        if response.description.is_empty() {
            response.description = status.canonical_reason().unwrap_or_default().to_owned();
        }
        if !status.is_success()
            && let Some(problem) = response.content.shift_remove("application/json")
        {
            response.content.insert("application/problem+json".to_owned(), problem);
        }
    }
}

/// The routes of the document and its reader.
pub(crate) fn routes(json: String) -> Router<App> {
    let description = move || async move { ([(header::CONTENT_TYPE, "application/json")], json) };
    Router::new().route("/openapi.json", get(description)).route("/docs", get(reader))
}

async fn reader() -> impl IntoResponse {
    let policy = "default-src 'none'; connect-src 'self'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; frame-ancestors 'none'";
    ([(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy))], Html(include_str!("docs.html")))
}
