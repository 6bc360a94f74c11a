//! Opportunities: `opportunity_store` holds a location's pipelines and opportunities, `changes` writes them; the handlers are here.
//! Invariant: a search sorts by creation and continues after the last returned opportunity, even if others are created in between.

pub(crate) mod changes;
pub(crate) mod opportunity_store;

use axum::Extension;
use axum::extract::{Path, RawQuery, State};
use bytes::Bytes;
use serde_json::{Value, json};

use super::response::{self, ApiError, ApiResult, trace_id};
use super::schema::{self, Params};
use super::state::RequestContext;
use crate::lock;

const DEFAULT_LIMIT: i64 = 20;
const MAX_LIMIT: i64 = 100;
#[rustfmt::skip]
const SEARCH_PARAMS: &[&str] = &[
    "location_id*", "q", "pipeline_id", "pipeline_stage_id", "contact_id", "status", "assigned_to", "id", "order",
    "startAfter", "startAfterId", "limit", "page",
];

pub(crate) async fn pipelines(
    (State(state), Extension(caller)): RequestContext,
    RawQuery(query): RawQuery,
) -> ApiResult {
    let params = Params::parse(query.unwrap_or_default().as_bytes(), &["locationId*"])?;
    let location = state.authorized_location(&caller, params.text("locationId"))?;
    let pipelines: Vec<Value> = lock(&location.opportunity_store)
        .pipelines
        .iter()
        .map(|pipeline| pipeline.to_json(&location.profile))
        .collect();
    response::ok(&json!({"pipelines": pipelines, "traceId": trace_id()}))
}

/// `GET /opportunities/search`: oldest first with `order=added_asc`, else newest first.
pub(crate) async fn search((State(state), Extension(caller)): RequestContext, RawQuery(query): RawQuery) -> ApiResult {
    let params = Params::parse(query.unwrap_or_default().as_bytes(), SEARCH_PARAMS)?;
    let location = state.authorized_location(&caller, params.text("location_id"))?;
    let limit = params.number("limit")?.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(ApiError::invalid(format!("limit must be between 1 and {MAX_LIMIT}")));
    }
    let oldest_first = match params.get("order") {
        Some("added_asc") => true,
        None | Some("added_desc") => false,
        Some(_) => return Err(ApiError::invalid("order must be added_asc or added_desc")),
    };
    let after = params.number("startAfter")?.zip(params.get("startAfterId"));
    let store = lock(&location.opportunity_store);
    let selects = |name, value: &str| params.get(name).is_none_or(|expected| expected == value);
    let mut found: Vec<_> = store
        .opportunities
        .values()
        .filter(|opportunity| {
            selects("pipeline_id", &opportunity.pipeline_id)
                && selects("pipeline_stage_id", &opportunity.stage_id)
                && selects("contact_id", &opportunity.contact_id)
                && selects("id", &opportunity.id)
                && params.get("assigned_to").is_none_or(|expected| opportunity.assigned_to.as_deref() == Some(expected))
                && params.get("status").is_none_or(|expected| expected == "all" || expected == opportunity.status)
                && params.get("q").is_none_or(|text| opportunity.name.to_lowercase().contains(&text.to_lowercase()))
        })
        .collect();
    found.sort_by(|left, right| (left.created_at, &left.id).cmp(&(right.created_at, &right.id)));
    if !oldest_first {
        found.reverse();
    }
    let total = found.len();
    if let Some(cursor) = after {
        let is_after = |key: (i64, &str)| if oldest_first { key > cursor } else { key < cursor };
        found.retain(|opportunity| is_after((opportunity.created_at, &opportunity.id)));
    }
    let has_more = found.len() > usize::try_from(limit).unwrap_or(0);
    found.truncate(usize::try_from(limit).unwrap_or(0));
    let last = found.last();
    let meta = json!({
        "total": total, "startAfter": last.map(|opportunity| opportunity.created_at), "startAfterId": last.map(|opportunity| &opportunity.id),
        "currentPage": 1, "nextPage": has_more.then_some(2), "prevPage": Value::Null,
    });
    let opportunities: Vec<Value> = found.iter().map(|opportunity| opportunity.to_json(&location.profile)).collect();
    response::ok(&json!({"opportunities": opportunities, "meta": meta, "aggregations": {}, "traceId": trace_id()}))
}

pub(crate) async fn create((State(state), Extension(caller)): RequestContext, body: Bytes) -> ApiResult {
    let body = schema::body(&body, &changes::create_fields())?;
    let location = state.authorized_location(&caller, body["locationId"].as_str().unwrap_or_default())?;
    let opportunity = changes::create(&state, location, &body)?;
    response::created(&json!({"opportunity": opportunity.to_json(&location.profile), "traceId": trace_id()}))
}

pub(crate) async fn get((State(state), Extension(caller)): RequestContext, Path(id): Path<String>) -> ApiResult {
    let location = state.opportunity_location(&caller, &id)?;
    let opportunity = lock(&location.opportunity_store)
        .opportunities
        .get(&id)
        .map(|opportunity| opportunity.to_json(&location.profile));
    let opportunity = opportunity.ok_or_else(|| changes::not_found(&id))?;
    response::ok(&json!({"opportunity": opportunity, "traceId": trace_id()}))
}

pub(crate) async fn update(
    (State(state), Extension(caller)): RequestContext,
    Path(id): Path<String>,
    body: Bytes,
) -> ApiResult {
    let body = schema::body(&body, changes::UPDATE)?;
    let location = state.opportunity_location(&caller, &id)?;
    let opportunity = changes::update(&state, location, &id, &body)?;
    response::ok(&json!({"opportunity": opportunity.to_json(&location.profile), "traceId": trace_id()}))
}

pub(crate) async fn set_status(
    (State(state), Extension(caller)): RequestContext,
    Path(id): Path<String>,
    body: Bytes,
) -> ApiResult {
    let body = schema::body(&body, changes::STATUS)?;
    let location = state.opportunity_location(&caller, &id)?;
    changes::update(&state, location, &id, &body)?;
    response::ok(&json!({"succeded": true, "traceId": trace_id()}))
}

pub(crate) async fn delete((State(state), Extension(caller)): RequestContext, Path(id): Path<String>) -> ApiResult {
    let location = state.opportunity_location(&caller, &id)?;
    changes::delete(&state, location, &id)?;
    response::ok(&json!({"succeded": true, "traceId": trace_id()}))
}
