//! Locations: `profile` is the stored location; the handlers search it and read its custom fields and tags.
//! There is no `GET /locations/`.

pub(crate) mod profile;

use axum::Extension;
use axum::extract::{Path, RawQuery, State};
use serde_json::{Value, json};

use super::response::{self, ApiError, ApiResult, trace_id};
use super::schema::Params;
use super::state::RequestContext;
use super::tokens::Resource;
use crate::lock;

/// `GET /locations/search`: the company's locations, or the caller's own location.
pub(crate) async fn search((State(state), Extension(caller)): RequestContext, RawQuery(query): RawQuery) -> ApiResult {
    let params =
        Params::parse(query.unwrap_or_default().as_bytes(), &["companyId", "skip", "limit", "order", "email"])?;
    if params.get("companyId").is_some_and(|id| id != state.identity.company_id) {
        return Err(ApiError::location_forbidden());
    }
    let is_accessible = |id: &str| !matches!(&caller.resource, Resource::Location(own) if own != id);
    let mut locations: Vec<Value> = state
        .locations
        .iter()
        .map(|location| &location.profile)
        .filter(|profile| is_accessible(&profile.id) && params.get("email").is_none_or(|email| email == profile.email))
        .map(|profile| profile.summary())
        .collect();
    match params.get("order") {
        None | Some("asc") => {}
        Some("desc") => locations.reverse(),
        Some(_) => {
            return Err(ApiError::invalid("order must be one of the following values: asc, desc"));
        }
    }
    let skip = usize::try_from(params.number("skip")?.unwrap_or(0)).unwrap_or(0);
    let limit = usize::try_from(params.number("limit")?.unwrap_or(10)).unwrap_or(0);
    let page: Vec<Value> = locations.into_iter().skip(skip).take(limit).collect();
    response::ok(&json!({"locations": page, "traceId": trace_id()}))
}

/// `GET /locations/{id}`.
pub(crate) async fn get((State(state), Extension(caller)): RequestContext, Path(id): Path<String>) -> ApiResult {
    let location = state.authorized_location(&caller, &id)?;
    let allow_duplicates = lock(&location.contact_store).allow_duplicates;
    response::ok(&json!({"location": location.profile.to_json(allow_duplicates), "traceId": trace_id()}))
}

/// `GET /locations/{id}/customFields`.
pub(crate) async fn custom_fields(
    (State(state), Extension(caller)): RequestContext,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> ApiResult {
    let params = Params::parse(query.unwrap_or_default().as_bytes(), &["model"])?;
    let location = state.authorized_location(&caller, &id)?;
    let fields: &[_] = match params.get("model") {
        None | Some("contact" | "all") => &location.profile.custom_fields,
        Some("opportunity") => &[],
        Some(_) => {
            return Err(ApiError::invalid("model must be one of the following values: contact, opportunity, all"));
        }
    };
    response::ok(&json!({"customFields": fields, "traceId": trace_id()}))
}

/// `GET /locations/{id}/tags`.
pub(crate) async fn tags((State(state), Extension(caller)): RequestContext, Path(id): Path<String>) -> ApiResult {
    let location = state.authorized_location(&caller, &id)?;
    response::ok(&json!({"tags": location.profile.tags(), "traceId": trace_id()}))
}
