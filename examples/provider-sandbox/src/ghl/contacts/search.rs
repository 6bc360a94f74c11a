//! `POST /contacts/search`: filters, order and the two ways to turn pages (`page` up to 10,000 rows, `searchAfter` beyond).

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use bytes::Bytes;
use serde::Serialize;
use serde_json::{Map, Value};

use super::filter::Filter;
use super::index::{Key, SortField};
use super::record::View;
use crate::ghl::error::{ApiError, trace_id};
use crate::ghl::reply::{self, Answer};
use crate::ghl::shape::{self, Kind, optional, required};
use crate::ghl::state::World;
use crate::ghl::tokens::Caller;
use crate::lock;

/// Rows that `page` reaches; `searchAfter` has no end.
const PAGED_ROWS: u64 = 10_000;
const PAGE_LIMIT: u64 = 500;

const SORTABLE: &[&str] =
    &["dateUpdated", "dateAdded", "id", "firstNameLowerCase", "lastNameLowerCase", "businessName", "email"];

const FIELDS: &[shape::Field] = &[
    required("locationId", Kind::Text),
    required("pageLimit", Kind::Any),
    optional("page", Kind::Any),
    optional("searchAfter", Kind::List),
    optional("filters", Kind::List),
    optional("sort", Kind::List),
    optional("query", Kind::Text),
];

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Found<'a> {
    contacts: Vec<View<'a>>,
    total: usize,
    trace_id: String,
}

pub(crate) async fn search(
    State(world): State<Arc<World>>,
    Extension(caller): Extension<Caller>,
    body: Bytes,
) -> Answer {
    let body = shape::body(&body, FIELDS)?;
    let site = world.site(&caller, text(&body, "locationId"))?;
    let sort = sort(body.get("sort"))?;
    let filter = Filter::parse(body.get("filters"), body.get("query").and_then(Value::as_str))?;
    let take = number(&body, "pageLimit", PAGE_LIMIT)?.ok_or_else(|| wrong("pageLimit should not be empty"))?;
    let (skip, cursor) = position(&body, take, &sort)?;
    let asked = format!("{:?}{:?}", body.get("filters"), body.get("query"));

    let (rows, total) = {
        let mut directory = lock(&site.directory);
        directory.index.settle(world.clock.now_ms());
        let index = &mut directory.index;
        (index.page(&sort, cursor, &filter, skip, usize::try_from(take).unwrap_or(0)), index.total(&filter, &asked))
    };
    let contacts = rows
        .iter()
        .map(|row| View { contact: row.contact(), nulls: true, search_after: Some(Key::of(row, &sort).cursor()) })
        .collect();
    reply::ok(&Found { contacts, total, trace_id: trace_id() })
}

/// Rows to skip (page mode) or the row to go on after (cursor mode).
fn position(body: &Map<String, Value>, limit: u64, sort: &[SortField]) -> Result<(usize, Option<Key>), ApiError> {
    let page = number(body, "page", u64::MAX)?;
    let Some(cursor) = body.get("searchAfter").and_then(Value::as_array) else {
        let page = page.unwrap_or(1);
        if page.saturating_mul(limit) > PAGED_ROWS {
            return Err(wrong("page * pageLimit must not be greater than 10000, use searchAfter"));
        }
        return Ok((usize::try_from((page - 1) * limit).unwrap_or(usize::MAX), None));
    };
    if page.is_some() {
        return Err(wrong("page should not exist together with searchAfter"));
    }
    if cursor.is_empty() {
        return Ok((0, None));
    }
    let key = Key::parse(cursor, sort)
        .ok_or_else(|| wrong("searchAfter must be the searchAfter of a contact in the same order"))?;
    Ok((0, Some(key)))
}

/// The asked order; GHL's own is newest first.
fn sort(value: Option<&Value>) -> Result<Vec<SortField>, ApiError> {
    let fields = value.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if fields.is_empty() {
        return Ok(vec![SortField { field: "dateAdded", descending: true }]);
    }
    fields.iter().map(sort_field).collect()
}

fn sort_field(value: &Value) -> Result<SortField, ApiError> {
    let name = value["field"].as_str().ok_or_else(|| wrong("sort.field should not be empty"))?;
    let field = SORTABLE.iter().find(|known| **known == name);
    let field = field.ok_or_else(|| ApiError::bad_request(format!("Invalid field {name}")))?;
    let descending = match value["direction"].as_str() {
        None if value["direction"].is_null() => false,
        Some("asc") => false,
        Some("desc") => true,
        _ => return Err(wrong("sort.direction must be one of the following values: asc, desc")),
    };
    Ok(SortField { field, descending })
}

fn number(body: &Map<String, Value>, name: &str, max: u64) -> Result<Option<u64>, ApiError> {
    let Some(value) = body.get(name) else { return Ok(None) };
    let number = value.as_u64().ok_or_else(|| wrong(&format!("{name} must be a positive number")))?;
    if number == 0 || number > max {
        return Err(wrong(&format!("{name} must be between 1 and {max}")));
    }
    Ok(Some(number))
}

fn text<'a>(body: &'a Map<String, Value>, name: &str) -> &'a str {
    body.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn wrong(message: &str) -> ApiError {
    ApiError::unprocessable(vec![message.to_owned()])
}
