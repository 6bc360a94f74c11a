//! Locations: search, read, custom fields, tags. There is no `GET /locations/`.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, RawQuery, State};
use serde_json::{Value, json};

use super::error::{ApiError, trace_id};
use super::reply::{self, Answer};
use super::shape::Params;
use super::state::World;
use super::tokens::{Caller, Resource};
use crate::lock;

/// `GET /locations/search`: a company's locations, or a sub-account's own.
pub(crate) async fn search(
    State(world): State<Arc<World>>,
    Extension(caller): Extension<Caller>,
    RawQuery(query): RawQuery,
) -> Answer {
    let params =
        Params::parse(query.unwrap_or_default().as_bytes(), &["companyId", "skip", "limit", "order", "email"])?;
    if params.get("companyId").is_some_and(|id| id != world.identity.company_id) {
        return Err(ApiError::foreign_location());
    }
    let reachable = |id: &str| !matches!(&caller.resource, Resource::Location(own) if own != id);
    let mut found: Vec<Value> = world
        .sites
        .iter()
        .map(|site| &site.place)
        .filter(|place| reachable(&place.id) && params.get("email").is_none_or(|email| email == place.email))
        .map(|place| place.summary())
        .collect();
    match params.get("order") {
        None | Some("asc") => {}
        Some("desc") => found.reverse(),
        Some(_) => {
            return Err(ApiError::unprocessable(vec!["order must be one of the following values: asc, desc".into()]));
        }
    }
    let skip = usize::try_from(params.number("skip")?.unwrap_or(0)).unwrap_or(0);
    let limit = usize::try_from(params.number("limit")?.unwrap_or(10)).unwrap_or(0);
    let page: Vec<Value> = found.into_iter().skip(skip).take(limit).collect();
    reply::ok(&json!({"locations": page, "traceId": trace_id()}))
}

/// `GET /locations/{id}`.
pub(crate) async fn get(
    State(world): State<Arc<World>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Answer {
    let site = world.site(&caller, &id)?;
    let allow_duplicates = lock(&site.directory).allow_duplicates;
    reply::ok(&json!({"location": site.place.whole(allow_duplicates), "traceId": trace_id()}))
}

/// `GET /locations/{id}/customFields`.
pub(crate) async fn custom_fields(
    State(world): State<Arc<World>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Answer {
    let params = Params::parse(query.unwrap_or_default().as_bytes(), &["model"])?;
    let site = world.site(&caller, &id)?;
    let fields: &[_] = match params.get("model") {
        None | Some("contact" | "all") => &site.place.custom_fields,
        Some("opportunity") => &[],
        Some(_) => {
            return Err(ApiError::unprocessable(vec![
                "model must be one of the following values: contact, opportunity, all".into(),
            ]));
        }
    };
    reply::ok(&json!({"customFields": fields, "traceId": trace_id()}))
}

/// `GET /locations/{id}/tags`.
pub(crate) async fn tags(
    State(world): State<Arc<World>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Answer {
    let site = world.site(&caller, &id)?;
    reply::ok(&json!({"tags": site.place.tags(), "traceId": trace_id()}))
}
