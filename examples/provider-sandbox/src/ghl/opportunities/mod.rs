//! Opportunities: the pipelines of a location, the deals in them, and the operations on both.
//! Invariant: a listing goes by creation and goes on behind the last deal that was seen, however many were added meanwhile.

pub(crate) mod changes;
pub(crate) mod deals;

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, RawQuery, State};
use bytes::Bytes;
use serde_json::{Value, json};

use super::error::{ApiError, trace_id};
use super::reply::{self, Answer};
use super::shape::{self, Params};
use super::state::World;
use super::tokens::Caller;
use crate::lock;

type Asked = (State<Arc<World>>, Extension<Caller>);

const DEFAULT_LIMIT: i64 = 20;
const MAX_LIMIT: i64 = 100;
const SEARCH: &[&str] = &[
    "location_id*",
    "q",
    "pipeline_id",
    "pipeline_stage_id",
    "contact_id",
    "status",
    "assigned_to",
    "id",
    "order",
    "startAfter",
    "startAfterId",
    "limit",
    "page",
];

pub(crate) async fn pipelines((State(world), Extension(caller)): Asked, RawQuery(query): RawQuery) -> Answer {
    let params = Params::parse(query.unwrap_or_default().as_bytes(), &["locationId*"])?;
    let site = world.site(&caller, params.text("locationId"))?;
    let pipelines: Vec<Value> = lock(&site.deals).pipelines.iter().map(|pipeline| pipeline.read(&site.place)).collect();
    reply::ok(&json!({"pipelines": pipelines, "traceId": trace_id()}))
}

/// `GET /opportunities/search`, oldest first with `order=added_asc`, newest first otherwise.
pub(crate) async fn search((State(world), Extension(caller)): Asked, RawQuery(query): RawQuery) -> Answer {
    let params = Params::parse(query.unwrap_or_default().as_bytes(), SEARCH)?;
    let site = world.site(&caller, params.text("location_id"))?;
    let limit = params.number("limit")?.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(ApiError::unprocessable(vec![format!("limit must be between 1 and {MAX_LIMIT}")]));
    }
    let oldest_first = match params.get("order") {
        Some("added_asc") => true,
        None | Some("added_desc") => false,
        Some(_) => return Err(ApiError::unprocessable(vec!["order must be added_asc or added_desc".into()])),
    };
    let after = params.number("startAfter")?.zip(params.get("startAfterId"));
    let deals = lock(&site.deals);
    let fits = |name, held: &str| params.get(name).is_none_or(|wanted| wanted == held);
    let mut found: Vec<_> = deals
        .deals
        .values()
        .filter(|deal| {
            fits("pipeline_id", &deal.pipeline_id)
                && fits("pipeline_stage_id", &deal.stage_id)
                && fits("contact_id", &deal.contact_id)
                && fits("id", &deal.id)
                && params.get("assigned_to").is_none_or(|wanted| deal.assigned_to.as_deref() == Some(wanted))
                && params.get("status").is_none_or(|wanted| wanted == "all" || wanted == deal.status)
                && params.get("q").is_none_or(|wanted| deal.name.to_lowercase().contains(&wanted.to_lowercase()))
        })
        .collect();
    found.sort_by(|left, right| (left.created_at, &left.id).cmp(&(right.created_at, &right.id)));
    if !oldest_first {
        found.reverse();
    }
    let total = found.len();
    if let Some((at, id)) = after {
        let behind = |place: (i64, &str)| if oldest_first { place > (at, id) } else { place < (at, id) };
        found.retain(|deal| behind((deal.created_at, &deal.id)));
    }
    let more = found.len() > usize::try_from(limit).unwrap_or(0);
    found.truncate(usize::try_from(limit).unwrap_or(0));
    let last = found.last();
    let meta = json!({
        "total": total, "startAfter": last.map(|deal| deal.created_at), "startAfterId": last.map(|deal| &deal.id),
        "currentPage": 1, "nextPage": more.then_some(2), "prevPage": Value::Null,
    });
    let opportunities: Vec<Value> = found.iter().map(|deal| deal.read(&site.place)).collect();
    reply::ok(&json!({"opportunities": opportunities, "meta": meta, "aggregations": {}, "traceId": trace_id()}))
}

pub(crate) async fn create((State(world), Extension(caller)): Asked, body: Bytes) -> Answer {
    let body = shape::body(&body, &changes::create_fields())?;
    let site = world.site(&caller, body["locationId"].as_str().unwrap_or_default())?;
    let deal = changes::create(&world, site, &body)?;
    reply::created(&json!({"opportunity": deal.read(&site.place), "traceId": trace_id()}))
}

pub(crate) async fn get((State(world), Extension(caller)): Asked, Path(id): Path<String>) -> Answer {
    let site = world.site_of_deal(&caller, &id)?;
    let deal = lock(&site.deals).deals.get(&id).map(|deal| deal.read(&site.place));
    let deal = deal.ok_or_else(|| changes::missing(&id))?;
    reply::ok(&json!({"opportunity": deal, "traceId": trace_id()}))
}

pub(crate) async fn update((State(world), Extension(caller)): Asked, Path(id): Path<String>, body: Bytes) -> Answer {
    let body = shape::body(&body, changes::UPDATE)?;
    let site = world.site_of_deal(&caller, &id)?;
    let deal = changes::update(&world, site, &id, &body)?;
    reply::ok(&json!({"opportunity": deal.read(&site.place), "traceId": trace_id()}))
}

pub(crate) async fn set_status(
    (State(world), Extension(caller)): Asked,
    Path(id): Path<String>,
    body: Bytes,
) -> Answer {
    let body = shape::body(&body, changes::STATUS)?;
    let site = world.site_of_deal(&caller, &id)?;
    changes::update(&world, site, &id, &body)?;
    reply::ok(&json!({"succeded": true, "traceId": trace_id()}))
}

pub(crate) async fn delete((State(world), Extension(caller)): Asked, Path(id): Path<String>) -> Answer {
    let site = world.site_of_deal(&caller, &id)?;
    changes::delete(&world, site, &id)?;
    reply::ok(&json!({"succeded": true, "traceId": trace_id()}))
}
